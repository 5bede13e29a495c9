//! THE PAGE: what happens to every request, in this order.
//!
//! Each stage is a file of its own, and takes what only the stage before it can make. A request
//! that was not admitted has no [`Admitted`], and without one nothing can be forwarded.

mod authorize;
mod extract;
mod forward;
mod inject;
mod path;
mod rate_limit;
mod refusal;
mod revocation;
mod route;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;

pub use authorize::Admitted;
pub use extract::credentials;
pub use forward::{Target, Timeouts, Upstream};
pub use inject::{Forwarded, UpstreamHeaders, identity_fields, inject, is_reserved, prepare};
pub use path::{CanonicalTarget, canonical};
pub use rate_limit::{FailureLimit, Quota, UserLimit};
pub use refusal::{Denied, Refusal};
pub use revocation::Principal;
pub use route::{Access, Route, RouteFault, Routes, is_own};

use crate::clock::Clock;
use crate::store::Revocations;
use crate::token::Verifier;

/// The head of a request, as far as the decision needs it.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// Path and query as the client sent them.
    pub target: &'a str,
    pub headers: &'a http::HeaderMap,
}

/// Everything that the decision needs; shared by all requests and never changed by one.
pub struct Pipeline {
    pub routes: Routes,
    pub verifier: Verifier,
    pub revocations: Arc<dyn Revocations>,
    pub user_limit: UserLimit,
    pub failures: FailureLimit,
    pub clock: Arc<dyn Clock>,
}

impl Pipeline {
    /// The decision. Refusals are values: they cost one answer and nothing else.
    pub async fn admit(&self, head: Head<'_>, client: IpAddr) -> Result<Admitted, Denied> {
        // 400: the path could be read in two ways.
        let target = canonical(head.target)?;
        // 404: nothing is forwarded by default.
        let route = self.routes.find(&target)?;
        let admitted = self.admit_to(route, target, head, client).await;
        admitted.map_err(|refusal| refusal.on(route))
    }

    async fn admit_to(
        &self,
        route: &Arc<Route>,
        target: CanonicalTarget,
        head: Head<'_>,
        client: IpAddr,
    ) -> Result<Admitted, Refusal> {
        // 400: two tokens; 401: none where one is needed.
        let Some(token) = extract::bearer(head.headers, route.access())? else {
            return authorize::anonymous(route, target);
        };
        // 401: not ours, changed, or over.
        let claims = verify::verify(self, token, client)?;
        // 401: revoked; 503: the store cannot say.
        let principal = revocation::check(self, claims, client).await?;
        // 429: used up. After revocation: a stolen, revoked token does not spend its owner's budget.
        let quota = rate_limit::take(self, route, &principal)?;
        // 403: the role is lacking.
        authorize::permit(route, target, principal, quota)
    }

    /// The same stages for the gateway's own endpoints, which have no route of the operator.
    pub async fn authenticate(
        &self,
        headers: &http::HeaderMap,
        client: IpAddr,
    ) -> Result<(Principal, Quota), Refusal> {
        let token = extract::bearer(headers, &Access::Required(Vec::new()))?.ok_or(Refusal::NoToken)?;
        let claims = verify::verify(self, token, client)?;
        let principal = revocation::check(self, claims, client).await?;
        let quota = rate_limit::take_own(self, &principal)?;
        Ok((principal, quota))
    }

    /// A token that an endpoint refused by itself, counted like one that a stage refused.
    pub fn count_failure(&self, client: IpAddr) -> Refusal {
        self.failures.count(client, Refusal::TokenInvalid)
    }

    /// Forgets limiter keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        let of_routes = self.routes.iter().filter_map(|route| route.user_limit.as_ref());
        for limit in of_routes.chain([&self.user_limit]) {
            if let Some(limiter) = &limit.0 {
                limiter.forget_idle();
            }
        }
        if let Some(limiter) = &self.failures.0 {
            limiter.forget_idle();
        }
    }

    /// The keys that each policy remembers, for metrics.
    pub fn limiter_keys(&self) -> Vec<(&'static str, usize)> {
        let user = self.user_limit.0.as_ref().map(|limiter| (limiter.policy().name, limiter.held()));
        let failures = self.failures.0.as_ref().map(|limiter| (limiter.policy().name, limiter.held()));
        user.into_iter().chain(failures).collect()
    }
}
