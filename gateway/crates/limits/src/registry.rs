//! The limiters in use, by name: a reload that leaves a policy as it is keeps what was counted.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::address::AddressLimiter;
use super::counter::{PolicyCounters, PolicyFigures};
use super::policy::{Limiter, LoginKey, MailKey};
use super::quota::Policy;
use gateway_identity::{Email, Network, SubjectKey};

/// The books of all kinds of keys.
#[derive(Default)]
pub struct Limiters {
    pub users: LimiterRegistry<SubjectKey>,
    pub addresses: LimiterRegistry<Network>,
    pub logins: LimiterRegistry<LoginKey>,
    pub accounts: LimiterRegistry<Email>,
    pub mails: LimiterRegistry<MailKey>,
    /// Of what is bounded in all, whoever asks.
    pub totals: LimiterRegistry<()>,
}

/// Limiters of one kind of key, which a reload of other settings must not reset.
pub struct LimiterRegistry<K: Hash + Eq + Clone> {
    limiters: Mutex<HashMap<String, Weak<Limiter<K>>>>,
    counters: PolicyCounters,
}

impl Limiters {
    /// The limiter by client address that goes by this name.
    pub fn address_limiter(&self, name: &str, policy: Policy, keys_max: usize) -> AddressLimiter {
        let limiter = |width, policy| self.addresses.limiter(&format!("{name} {width:?}"), policy, keys_max);
        AddressLimiter::new(policy, limiter)
    }

    /// Each policy that there is or was, for metrics.
    pub fn figures(&self) -> BTreeMap<&'static str, PolicyFigures> {
        let mut figures = BTreeMap::new();
        self.users.read(&mut figures);
        self.addresses.read(&mut figures);
        self.logins.read(&mut figures);
        self.accounts.read(&mut figures);
        self.mails.read(&mut figures);
        self.totals.read(&mut figures);
        figures
    }
}

impl<K: Hash + Eq + Clone> Default for LimiterRegistry<K> {
    fn default() -> Self {
        Self { limiters: Mutex::default(), counters: PolicyCounters::default() }
    }
}

impl<K: Hash + Eq + Clone> LimiterRegistry<K> {
    /// The limiter that goes by this name, if its policy is still the same; else a new one.
    pub fn limiter(&self, name: &str, policy: Policy, keys_max: usize) -> Arc<Limiter<K>> {
        let mut known = self.limiters.lock();
        known.retain(|_, limiter| limiter.strong_count() > 0);
        let same = known.get(name).and_then(Weak::upgrade);
        let same = same.filter(|limiter| limiter.policy() == policy && limiter.keys_max() == keys_max);
        same.unwrap_or_else(|| {
            let limiter = Arc::new(Limiter::counted(policy, keys_max, self.counters.counter(policy.name)));
            known.insert(name.to_owned(), Arc::downgrade(&limiter));
            limiter
        })
    }

    fn read(&self, figures: &mut BTreeMap<&'static str, PolicyFigures>) {
        self.counters.read(figures);
        for limiter in self.limiters.lock().values().filter_map(Weak::upgrade) {
            let figures = figures.entry(limiter.policy().name).or_default();
            let (held, max) = (limiter.held(), limiter.keys_max());
            // Held against what each may: a full one must not hide among empty ones.
            if figures.keys_max == 0 || held * figures.keys_max > figures.keys * max {
                (figures.keys, figures.keys_max) = (held, max);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::Allowance;

    #[test]
    fn what_was_counted_stays_as_long_as_the_policy_does() {
        let policy = |requests: u32| {
            let requests = NonZeroU32::new(requests).unwrap();
            Policy { name: "test", allowance: Allowance { requests, window: Duration::from_secs(3_600) } }
        };
        let registry = LimiterRegistry::<u32>::default();
        let before = registry.limiter("route", policy(1), 10);
        assert!(before.charge(&1).is_ok());
        assert!(registry.limiter("route", policy(1), 10).charge(&1).is_err());
        assert!(registry.limiter("other", policy(1), 10).charge(&1).is_ok());
        let after = registry.limiter("route", policy(2), 10);
        assert!(after.charge(&1).is_ok());
        drop((before, after));
        assert!(registry.limiter("route", policy(2), 10).charge(&1).is_ok());
    }
}
