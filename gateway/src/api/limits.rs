//! What bounds the endpoints. Swapped on a reload; who has used up what is kept.

use std::sync::Arc;

use super::Client;
use crate::identity::Email;
use crate::limits::{AddressKey, Charge, Exhausted, KnownPairs, Limiter, Lock, LoginKey, MailKey};
use crate::problem::Problem;

/// `None` where the operator asked for no limit by name.
pub struct EndpointLimits {
    pub login_address: Option<Arc<Limiter<AddressKey>>>,
    /// By account **and** address: nobody's guesses use up somebody else's.
    pub login_pair: Option<Arc<Limiter<LoginKey>>>,
    /// A high cap for each account, against guessing from many addresses.
    pub login_account: Option<Arc<Limiter<Email>>>,
    pub register_address: Option<Arc<Limiter<AddressKey>>>,
    pub refresh_address: Option<Arc<Limiter<AddressKey>>>,
    /// Endpoints that send a mail, or take a token from one.
    pub recovery_address: Option<Arc<Limiter<AddressKey>>>,
    /// Mails that anybody may cause, by the address that they go to and what they are about.
    pub mail_account: Option<Arc<Limiter<MailKey>>>,
    /// Failed logins in a row.
    pub login_lock: Option<Lock>,
}

impl Client {
    /// Charges a request to the address that it comes from; `None` where there is no such limit.
    pub(super) fn charge(&self, limit: &Option<Arc<Limiter<AddressKey>>>) -> Result<Option<Charge>, Problem> {
        match limit {
            Some(limit) => Ok(Some(limit.charge(&AddressKey::from(self.address))?)),
            None => Ok(None),
        }
    }
}

impl EndpointLimits {
    /// Charges an attempt to log in. `known` are the addresses that an account's cap does not
    /// concern, since its owner uses them.
    pub(super) fn charge_login(
        &self,
        attempt: &LoginKey,
        known: &KnownPairs,
    ) -> Result<Vec<Charge>, Exhausted> {
        let mut charges = Vec::new();
        if let Some(limit) = &self.login_pair {
            charges.push(limit.charge(attempt)?);
        }
        if let Some(limit) = &self.login_account
            && !known.knows(attempt)
        {
            charges.push(limit.charge(&attempt.email)?);
        }
        Ok(charges)
    }

    /// A login that succeeded was no guess.
    pub(super) fn login_succeeded(&self, attempt: &LoginKey, known: &KnownPairs) {
        if let Some(limit) = &self.login_pair {
            limit.refund(attempt);
        }
        if let Some(limit) = &self.login_account
            && !known.knows(attempt)
        {
            limit.refund(&attempt.email);
        }
        known.remember(attempt);
    }

    /// Forgets limiter keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        self.by_address().for_each(|limiter| limiter.forget_idle());
        self.login_pair.iter().for_each(|limiter| limiter.forget_idle());
        self.login_account.iter().for_each(|limiter| limiter.forget_idle());
        self.mail_account.iter().for_each(|limiter| limiter.forget_idle());
    }

    /// The keys that each policy remembers, for metrics.
    pub fn keys(&self) -> Vec<(&'static str, usize)> {
        let mut keys: Vec<_> =
            self.by_address().map(|limiter| (limiter.policy().name, limiter.held())).collect();
        keys.extend(self.login_pair.iter().map(|limiter| (limiter.policy().name, limiter.held())));
        keys.extend(self.login_account.iter().map(|limiter| (limiter.policy().name, limiter.held())));
        keys.extend(self.mail_account.iter().map(|limiter| (limiter.policy().name, limiter.held())));
        keys
    }

    fn by_address(&self) -> impl Iterator<Item = &Arc<Limiter<AddressKey>>> {
        let limits =
            [&self.login_address, &self.register_address, &self.refresh_address, &self.recovery_address];
        limits.into_iter().flatten()
    }
}
