//! Limits on those who are known: after revocation, so that a stolen token that was revoked does
//! not spend its owner's budget. And a route's limit by address, before anything is verified.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Principal, Refusal, Route, Snapshot};
use gateway_identity::SubjectKey;
use gateway_limits::{AddressLimiter, Charge, Limiter};

/// A limit for each user; `None` inside where the operator asked for no limit by name.
#[derive(Clone)]
pub struct UserLimit(pub Option<Arc<Limiter<SubjectKey>>>);

/// A limit for each client address; `None` inside where the operator asked for no limit by name.
#[derive(Clone)]
pub struct AddressLimit(pub Option<AddressLimiter>);

impl fmt::Debug for UserLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserLimit").field(&self.0.as_ref().map(|limiter| limiter.policy())).finish()
    }
}

impl fmt::Debug for AddressLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AddressLimit").field(&self.0.as_ref().map(|limiter| limiter.policy())).finish()
    }
}

/// What a request was charged, and what is left. Only this file makes one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quota {
    address: Option<Charge>,
    user: Option<Charge>,
}

impl Quota {
    /// One for each policy that the request was charged to.
    pub fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.address.iter().chain(&self.user)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut charges = self.charges().peekable();
        if charges.peek().is_none() {
            return f.write_str("none applies");
        }
        for (index, charge) in charges.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} left of policy `{}`", charge.remaining, charge.policy.name)?;
        }
        Ok(())
    }
}

/// The route's limit by client address, whoever asks.
pub(super) fn take_address(route: &Route, client: IpAddr) -> Result<Quota, Refusal> {
    let Some(AddressLimit(Some(limiter))) = &route.address_limit else { return Ok(Quota::default()) };
    match limiter.charge(client) {
        Ok(charge) => Ok(Quota { address: Some(charge), user: None }),
        Err(exhausted) => Err(Refusal::Limited(exhausted)),
    }
}

/// The route's limit by user, or the one for all routes.
pub(super) fn take(
    config: &Snapshot,
    route: &Route,
    principal: &Principal,
    quota: Quota,
) -> Result<Quota, Refusal> {
    charge(route.user_limit.as_ref().unwrap_or(&config.user_limit), principal, quota)
}

pub(super) fn take_own(config: &Snapshot, principal: &Principal) -> Result<Quota, Refusal> {
    charge(&config.user_limit, principal, Quota::default())
}

fn charge(limit: &UserLimit, principal: &Principal, quota: Quota) -> Result<Quota, Refusal> {
    match &limit.0 {
        None => Ok(quota),
        Some(limiter) => match limiter.charge(&principal.key()) {
            Ok(charge) => Ok(Quota { user: Some(charge), ..quota }),
            Err(exhausted) => Err(Refusal::Limited(exhausted)),
        },
    }
}

/// Bounds failed authentications by client address.
#[derive(Clone)]
pub struct FailureLimit(pub Option<AddressLimiter>);

impl FailureLimit {
    /// Charges a failure to its address. Within the limit it stays the refusal that it is; past it,
    /// the answer is 429. Good tokens from the same address are not concerned.
    pub(super) fn count(&self, client: IpAddr, refusal: Refusal) -> Refusal {
        let Some(limiter) = &self.0 else { return refusal };
        match limiter.charge(client) {
            Ok(_) => refusal,
            Err(exhausted) => Refusal::Limited(exhausted),
        }
    }
}
