//! Limits on those who are known: after revocation, so that a stolen token that was revoked does
//! not spend its owner's budget.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Pipeline, Principal, Refusal, Route};
use crate::identity::UserId;
use crate::limits::{AddressKey, Charge, Limiter};

/// A limit for each user; `None` inside where the operator asked for no limit by name.
#[derive(Clone)]
pub struct UserLimit(pub Option<Arc<Limiter<UserId>>>);

impl fmt::Debug for UserLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserLimit").field(&self.0.as_ref().map(|limiter| limiter.policy())).finish()
    }
}

/// What a request was charged, and what is left. Only [`take`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Quota(Option<Charge>);

impl Quota {
    pub fn charge(&self) -> Option<&Charge> {
        self.0.as_ref()
    }

    /// For requests without a principal, which no user can be charged for.
    pub(super) fn of_nobody() -> Self {
        Self(None)
    }
}

pub(super) fn take(pipeline: &Pipeline, route: &Route, principal: &Principal) -> Result<Quota, Refusal> {
    charge(route.user_limit.as_ref().unwrap_or(&pipeline.user_limit), principal)
}

pub(super) fn take_own(pipeline: &Pipeline, principal: &Principal) -> Result<Quota, Refusal> {
    charge(&pipeline.user_limit, principal)
}

fn charge(limit: &UserLimit, principal: &Principal) -> Result<Quota, Refusal> {
    match &limit.0 {
        None => Ok(Quota(None)),
        Some(limiter) => match limiter.charge(&principal.user()) {
            Ok(charge) => Ok(Quota(Some(charge))),
            Err(exhausted) => Err(Refusal::Limited(exhausted)),
        },
    }
}

/// Bounds failed authentications by client address.
pub struct FailureLimit(pub Option<Limiter<AddressKey>>);

impl FailureLimit {
    /// Charges a failure to its address. Within the limit it stays the refusal that it is; past it,
    /// the answer is 429. Good tokens from the same address are not concerned.
    pub(super) fn count(&self, client: IpAddr, refusal: Refusal) -> Refusal {
        let Some(limiter) = &self.0 else { return refusal };
        match limiter.charge(&AddressKey::from(client)) {
            Ok(_) => refusal,
            Err(exhausted) => Refusal::Limited(exhausted),
        }
    }
}
