//! Authorization, the last stage: who may pass where, and the value that proves it.

use std::sync::Arc;

use super::{Access, CanonicalTarget, Principal, Quota, Refusal, Route};

/// A request that may be forwarded. Only this file makes one.
#[derive(Debug)]
pub struct Admitted {
    route: Arc<Route>,
    target: CanonicalTarget,
    principal: Option<Principal>,
    quota: Quota,
}

impl Admitted {
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// What is forwarded: the very bytes on which the decision was made.
    pub fn target(&self) -> &CanonicalTarget {
        &self.target
    }

    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    pub fn quota(&self) -> &Quota {
        &self.quota
    }
}

/// Nobody in particular: only where the route lets anybody pass.
pub(super) fn anonymous(route: &Arc<Route>, target: CanonicalTarget) -> Result<Admitted, Refusal> {
    match route.access() {
        Access::Public | Access::Optional => {
            Ok(Admitted { route: Arc::clone(route), target, principal: None, quota: Quota::of_nobody() })
        }
        Access::Required(_) => Err(Refusal::NoToken),
    }
}

pub(super) fn permit(
    route: &Arc<Route>,
    target: CanonicalTarget,
    principal: Principal,
    quota: Quota,
) -> Result<Admitted, Refusal> {
    if let Access::Required(roles) = route.access()
        && let Some(first) = roles.first()
        && !roles.contains(&principal.role())
    {
        return Err(Refusal::Forbidden { lacking: *first, quota });
    }
    Ok(Admitted { route: Arc::clone(route), target, principal: Some(principal), quota })
}
