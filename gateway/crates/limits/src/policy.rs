//! One limiter for one policy: charges a key, and says what is left.

use std::hash::Hash;
use std::sync::Arc;

use governor::RateLimiter;
use governor::clock::{Clock as _, DefaultClock, QuantaInstant, Reference as _};
use governor::middleware::StateInformationMiddleware;

use super::counter::PolicyCounter;
use super::quota::{Charge, Exhausted, Policy};
use super::states::SharedStates;
use gateway_identity::{Email, Network};

/// Guesses at one account from one address: a stranger's guesses never use up the owner's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoginKey {
    pub email: Email,
    pub address: Network,
}

/// Mails of one kind to one address: those of another kind, which lets its owner in again perhaps, are
/// not used up by them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailKey {
    pub email: Email,
    /// The word of what it is about.
    pub errand: &'static str,
}

/// A keyed limiter. Checking takes one short lock on one of 64 shards, never across an await.
pub struct Limiter<K: Hash + Eq + Clone> {
    policy: Policy,
    keys_max: usize,
    limiter: RateLimiter<K, SharedStates<K>, DefaultClock, StateInformationMiddleware>,
    states: SharedStates<K>,
    clock: DefaultClock,
    started: QuantaInstant,
    counter: Arc<PolicyCounter>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `keys_max` bounds the memory: reckoned, 29 to 57 bytes for a `SubjectKey`, 47 to 70 for an
    /// `Network`, and 109 to 141 for a `LoginKey` or a `MailKey`.
    pub fn new(policy: Policy, keys_max: usize) -> Self {
        Self::counted(policy, keys_max, Arc::default())
    }

    /// One that counts what it was asked together with others.
    pub(super) fn counted(policy: Policy, keys_max: usize, counter: Arc<PolicyCounter>) -> Self {
        let states = SharedStates::new(keys_max);
        let clock = DefaultClock::default();
        // Read before the limiter reads its own start, so that `forget` errs on the side of
        // remembering.
        let started = clock.now();
        let quota = policy.allowance.quota();
        let limiter = RateLimiter::new(quota, states.clone(), clock.clone());
        Self { policy, keys_max, limiter, states, clock, started, counter }
    }

    /// Charges one request to `key`.
    pub fn charge(&self, key: &K) -> Result<Charge, Exhausted> {
        self.told(self.try_charge(key))
    }

    /// The same where it is one part of a decision, which is counted as a whole (`told`).
    pub(super) fn try_charge(&self, key: &K) -> Result<Charge, Exhausted> {
        let each = self.policy.allowance.window / self.policy.allowance.requests.get();
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let spent = self.policy.allowance.requests.get().saturating_sub(remaining);
                Ok(Charge { policy: self.policy, remaining, resets_in: each * spent })
            }
            Err(refusal) => Err(Exhausted {
                policy: self.policy,
                retry_after: refusal.wait_time_from(self.clock.now()),
                resets_in: self.policy.allowance.window,
            }),
        }
    }

    /// Counts a decision.
    pub(super) fn told(&self, decision: Result<Charge, Exhausted>) -> Result<Charge, Exhausted> {
        if decision.is_ok() {
            self.counter.allow()
        } else {
            self.counter.refuse()
        }
        decision
    }

    /// Takes a charge back: a login that succeeded was no guess.
    pub fn refund(&self, key: &K) {
        let each = self.policy.allowance.window / self.policy.allowance.requests.get();
        self.states.refund(key, each.into());
    }

    /// This key has all of its allowance again.
    pub fn forget(&self, key: &K) {
        self.states.forget(key);
    }

    /// Forgets keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        let running = self.clock.now().duration_since(self.started);
        self.states.forget_before(running);
    }

    /// How many keys are remembered.
    pub fn held(&self) -> usize {
        self.states.held()
    }

    pub fn keys_max(&self) -> usize {
        self.keys_max
    }

    pub fn policy(&self) -> Policy {
        self.policy
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::Allowance;

    fn limiter<K: Hash + Eq + Clone>(requests: u32, keys_max: usize) -> Limiter<K> {
        let requests = NonZeroU32::new(requests).unwrap();
        let allowance = Allowance { requests, window: Duration::from_secs(3_600) };
        Limiter::new(Policy { name: "test", allowance }, keys_max)
    }

    #[test]
    fn an_allowance_is_spent_and_then_refused_with_a_wait() {
        let limiter = limiter(3, 10);
        let left: Vec<_> = (0..3).map(|_| limiter.charge(&1).unwrap().remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refusal = limiter.charge(&1).unwrap_err();
        let wait = refusal.retry_after.as_secs();
        assert!((1_190..=1_200).contains(&wait), "{wait}");
    }

    #[test]
    fn a_refunded_charge_can_be_spent_again() {
        let limiter = limiter(2, 10);
        for _ in 0..10 {
            assert_eq!(limiter.charge(&1).unwrap().remaining, 1);
            limiter.refund(&1);
        }
        assert_eq!(limiter.charge(&1).unwrap().remaining, 1);
        assert_eq!(limiter.charge(&1).unwrap().remaining, 0);
        assert!(limiter.charge(&1).is_err());
    }

    #[test]
    fn two_keys_do_not_interfere() {
        let limiter = limiter(1, 10);
        assert!(limiter.charge(&1).is_ok());
        assert!(limiter.charge(&2).is_ok());
        assert!(limiter.charge(&1).is_err());
    }

    #[test]
    fn a_flood_of_new_keys_holds_no_more_memory_than_allowed() {
        let limiter = limiter(5, 1_000);
        let passed = (0..100_000).filter(|key| limiter.charge(key).is_ok()).count();
        assert_eq!(limiter.held(), 1_000);
        assert_eq!(passed, 1_000 + 5);
    }

    #[test]
    fn a_key_that_is_forgotten_leaves_its_room() {
        let limiter = limiter(1, 1);
        for key in 0..10 {
            assert!(limiter.charge(&key).is_ok());
            assert!(limiter.charge(&key).is_err());
            limiter.forget(&key);
            limiter.forget(&key);
            assert_eq!(limiter.held(), 0);
        }
    }

    /// Where successes are given back, those of new keys must not be used up by others' successes.
    #[test]
    fn a_charge_to_what_new_keys_share_is_given_back_to_that() {
        let limiter = limiter(2, 1);
        assert!(limiter.charge(&0).is_ok());
        for key in 1..10 {
            assert_eq!(limiter.charge(&key).unwrap().remaining, 1);
            limiter.refund(&key);
        }
        assert_eq!(limiter.held(), 1);
    }
}
