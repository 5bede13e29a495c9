//! Authorization, the last stage: who may pass where, and the value that proves it.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HeaderValue;

use super::{Access, Assertions, CanonicalTarget, MissingRequirement, Principal, Quota, Refusal, Route};
use gateway_clock::Timestamp;

/// A request that may be forwarded. Only this file makes one.
#[derive(Debug)]
pub struct Admitted {
    route: Arc<Route>,
    target: CanonicalTarget,
    principal: Option<Principal>,
    quota: Quota,
    overruled: Option<Box<Refusal>>,
    assertion: Option<HeaderValue>,
}

impl Admitted {
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// The very bytes on which the decision was made.
    pub fn target(&self) -> &CanonicalTarget {
        &self.target
    }

    /// What is forwarded: the same, but for a prefix that the route replaces.
    pub fn upstream_target(&self) -> Cow<'_, str> {
        self.route.rewrite(&self.target).0
    }

    /// The prefix that the upstream does not see.
    pub fn cut_prefix(&self) -> Option<&str> {
        self.route.rewrite(&self.target).1.filter(|prefix| !prefix.is_empty())
    }

    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The assertion by which the upstream can check the identity; only where the route asks for it.
    pub fn assertion(&self) -> Option<&HeaderValue> {
        self.assertion.as_ref()
    }

    /// The same with the assertion that the route asks for. There is none about nobody.
    pub(super) fn asserted(
        mut self,
        assertions: &Assertions,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Self, Refusal> {
        if let (Some(audience), Some(principal)) = (&self.route.assertion, &self.principal) {
            self.assertion =
                Some(assertions.about(principal.token(), principal.assertion_facts(), audience, now())?);
        }
        Ok(self)
    }

    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Why the request would have been refused, were the route not in shadow.
    pub fn overruled(&self) -> Option<&Refusal> {
        self.overruled.as_deref()
    }
}

/// Nobody in particular: only where the route lets anybody pass.
pub(super) fn anonymous(
    route: &Arc<Route>,
    target: CanonicalTarget,
    quota: Quota,
) -> Result<Admitted, Refusal> {
    match route.access() {
        Access::Public | Access::Optional => Ok(Admitted {
            route: Arc::clone(route),
            target,
            principal: None,
            quota,
            overruled: None,
            assertion: None,
        }),
        Access::Required(_) => Err(Refusal::NoToken),
    }
}

pub(super) fn permit(
    route: &Arc<Route>,
    target: CanonicalTarget,
    principal: Principal,
    quota: Quota,
) -> Result<Admitted, Refusal> {
    if !route.accepts_issuer(principal.issuer()) {
        return Err(Refusal::Forbidden { lacking: MissingRequirement::Issuer, quota: Box::new(quota) });
    }
    if let Access::Required(requires) = route.access()
        && let Some(lacking) = requires.lacking(&principal)
    {
        return Err(Refusal::Forbidden { lacking, quota: Box::new(quota) });
    }
    let principal = Some(principal);
    Ok(Admitted { route: Arc::clone(route), target, principal, quota, overruled: None, assertion: None })
}

/// What a route in shadow would refuse passes: with the identity that was proved before the
/// refusal, or with none.
pub(super) fn overrule(
    route: &Arc<Route>,
    target: CanonicalTarget,
    principal: Option<Principal>,
    refusal: Refusal,
) -> Admitted {
    Admitted {
        route: Arc::clone(route),
        target,
        principal,
        quota: Quota::default(),
        overruled: Some(Box::new(refusal)),
        assertion: None,
    }
}
