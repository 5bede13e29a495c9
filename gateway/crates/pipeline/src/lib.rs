//! THE PAGE: what happens to every request, in this order.
//!
//! Each stage is a file of its own, and takes what only the stage before it can make. A request
//! that was not admitted has no [`Admitted`], and without one nothing can be forwarded. Whoever has a
//! request asks here: the proxy, another proxy by `/api/auth/verify`, and an operator by `gateway explain`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

use std::sync::Arc;

impl Pipeline {
    /// The decision, by what was configured when the request began. Refusals are values: they cost one
    /// answer and nothing else. It counts, and changes nothing: what is to be done is in what it answers.
    pub async fn receive(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        trace: &mut DecisionTrace,
    ) -> Result<Decision, Denied> {
        // 405: nobody is served by this method.
        method::check(head)?;
        // 308: its listener sends everybody to HTTPS.
        if let Some(port) = head.redirect_to {
            return redirect::to_https(config, head, port, trace).map(Decision::Redirect);
        }
        // 204: a page of another origin asks what it may do, before it shows anybody's token.
        if let Some(preflight) = cors::preflight(config, head) {
            return Ok(Decision::Preflight(preflight));
        }
        // An endpoint of ours answers, which asks by itself who it is.
        if let Some(target) = head.target.own() {
            return Ok(Decision::Own(target.clone()));
        }
        // 400: the path could be read in two ways, or as a stricter route's; 404: nothing is forwarded by
        // default; 405: not by this method.
        let chosen = config.routes.choose(head.host, head.method, head.target);
        let (target, route) = chosen.map_err(|refusal| refusal.before_a_route(trace))?;
        trace.note("route", || format!("`{}`: {}", route.name, route.path.as_str()));
        match self.enter(config, head, route, trace).await {
            Ok((Who::ExpiredSession(expired_session), quota)) => {
                let route = Arc::clone(route);
                Ok(Decision::Renew(Box::new(PendingRenewal { expired_session, route, target, quota })))
            }
            entered => match self.admit(config, head, (route, target), entered, trace) {
                Ok(admitted) => Ok(Decision::Forward(admitted)),
                Err(refusal) => Err(refusal.on(route)),
            },
        }
    }

    /// From where it comes, and who it is.
    async fn enter(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        route: &Route,
        trace: &mut DecisionTrace,
    ) -> Result<(Who, Quota), Refusal> {
        // 403: from another network than the route is for.
        networks::check(route, head, trace)?;
        // 429: too much from this address, where the route has such a limit.
        let quota = rate_limit::take_address(route, head.client)?;
        // 400: two tokens; 401: none where one is needed.
        let credential = extract::of_route(head, route).inspect_err(|refusal| {
            trace.reason("token", || refusal.in_words());
        })?;
        let Some(credential) = credential else {
            trace.note("token", || "none is looked at, or none came and none is needed".to_owned());
            return Ok((Who::Nobody, quota));
        };
        let who = self.identify(config, head, credential, route.cors.as_deref(), trace).await?;
        Ok((who, quota))
    }

    /// The identity, on a route or at an endpoint of ours.
    async fn identify(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        credential: Credential<'_>,
        cors: Option<&Cors>,
        trace: &mut DecisionTrace,
    ) -> Result<Who, Refusal> {
        // 403: a browser adds it by itself to whatever a page requests, and this page may be another's.
        csrf::check(config, head, &credential, cors, || self.clock.now())?;
        trace.note("token", || credential.in_words().to_owned());
        match (self.prove(config, head, &credential, trace).await, credential) {
            (Ok(principal), _) => Ok(Who::Known(principal)),
            // Not yet refused: a browser may have what its session is renewed by.
            (Err(refused), Credential::Cookies(_, carried)) if head.may_renew(&refused) => {
                Ok(Who::ExpiredSession(ExpiredSession::new(carried, refused)))
            }
            (Err(refused), _) => Err(refused),
        }
    }

    /// Whether what was presented is good now.
    async fn prove(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        credential: &Credential<'_>,
        trace: &mut DecisionTrace,
    ) -> Result<Principal, Refusal> {
        // 401: nobody's whom we know, changed, or over; 503: its issuer has not told us its keys.
        let verified = verify::verify(self, config, credential, head.client, trace).await?;
        trace.note("verify", || format!("authentic and in time: {verified}"));
        // 401: revoked; 503: the store cannot say.
        let principal = revocation::check(self, config, verified, head.client, trace).await?;
        trace.note("revocation", || revocation::in_words(credential).to_owned());
        Ok(principal)
    }

    /// What they may.
    fn admit(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        (route, target): (&Arc<Route>, CanonicalTarget),
        entered: Result<(Who, Quota), Refusal>,
        trace: &mut DecisionTrace,
    ) -> Result<Admitted, Refusal> {
        let shadow = route.shadow.then(|| Shadow::new(&target, &entered));
        let permitted = entered.and_then(|entered| permit(config, (route, target), entered, trace));
        // What a route in shadow would refuse is noted, and passes.
        let admitted = match shadow {
            Some(shadow) => shadow.let_pass(route, permitted, trace),
            None => permitted?,
        };
        // 403: it would reach what another route is for. In shadow, too: what is only noted is this route's.
        destination::check(config, &admitted, head, trace)?;
        // 413: more than the route takes.
        size::check(head, route)?;
        // 403, 400, 426: a WebSocket that the route has not, or that is none.
        handshake::check(head, route)?;
        // 500: nobody can vouch for who it is.
        admitted.asserted(&config.assertions, || self.clock.now())
    }

    /// The decision goes on where a browser's session had to be renewed first.
    pub async fn go_on(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        pending_renewal: PendingRenewal,
        renewed: Renewed,
        trace: &mut DecisionTrace,
    ) -> Result<Decision, Denied> {
        let PendingRenewal { expired_session, route, target, quota } = pending_renewal;
        let known = self.identify_renewed(config, head, expired_session, renewed, trace).await;
        let entered = known.map(|principal| (Who::Known(principal), quota));
        let admitted = self.admit(config, head, (&route, target), entered, trace);
        admitted.map(Decision::Forward).map_err(|refusal| refusal.on(&route))
    }
}

/// The stages that a route in shadow overrules.
fn permit(
    config: &Snapshot,
    (route, target): (&Arc<Route>, CanonicalTarget),
    (who, quota): (Who, Quota),
    trace: &mut DecisionTrace,
) -> Result<Admitted, Refusal> {
    // 401: nobody where somebody is needed.
    let Who::Known(principal) = who else { return authorize::anonymous(route, target, quota) };
    // 429: used up. After revocation: a stolen, revoked token does not spend its owner's budget.
    let quota = rate_limit::take(config, route, &principal, quota)?;
    trace.note("limit", || quota.to_string());
    // 403: a role or a claim is lacking.
    let admitted = authorize::permit(route, target, principal, quota)?;
    trace.note("authorize", || "has what the route requires".to_owned());
    Ok(admitted)
}

/// What becomes of a request that is not refused.
pub enum Decision {
    /// To the same target over HTTPS.
    Redirect(Response<()>),
    Preflight(Preflight),
    /// For an endpoint of ours.
    Own(CanonicalTarget),
    /// To the route's service.
    Forward(Admitted),
    /// A browser's session is to be renewed, and then [`Pipeline::go_on`] asked.
    Renew(Box<PendingRenewal>),
}

/// A decision that waits until a browser's session was renewed.
pub struct PendingRenewal {
    pub expired_session: ExpiredSession,
    route: Arc<Route>,
    target: CanonicalTarget,
    quota: Quota,
}

/// The identity, as far as it is known.
enum Who {
    Nobody,
    Known(Principal),
    ExpiredSession(ExpiredSession),
}

mod address_rewrite;
mod as_sent;
mod assertion;
mod authorize;
mod browser;
mod cookies;
mod cors;
mod csrf;
mod destination;
mod endpoints;
mod expectations;
mod extract;
mod fold;
mod forward;
mod handshake;
mod head;
mod header_rules;
mod host;
mod identity_headers;
mod inject;
mod method;
mod networks;
pub mod offer;
mod parts;
mod path;
mod pattern;
mod rate_limit;
mod redirect;
mod refusal;
mod refused;
mod requires;
mod reserved;
mod revocation;
mod route;
mod routes;
mod shadow;
mod size;
mod snapshot;
mod stricter;
#[cfg(test)]
mod tests;
mod token_source;

mod decision_trace;
mod verify;

use http::Response;

use self::extract::Credential;
use self::shadow::Shadow;

pub use address_rewrite::AddressRewrite;
pub use as_sent::Oddity;
pub use assertion::Assertions;
pub use authorize::Admitted;
pub use browser::{Browser, BrowserTokens, Cookies, ExpiredSession, Renewed, Step as RenewalStep};
pub use cookies::{CookieTokens, SameSite, drop_set};
pub use cors::{Cors, Origins, Preflight};
pub use csrf::{CsrfFault, keeps_no_cookies};
pub use decision_trace::{DecisionTrace, Stage, Step};
pub use endpoints::Authenticated;
pub use expectations::{Expectation, ExpectedIdentity, FailedExpectation};
pub use extract::credentials;
pub use forward::{
    Balance, ClientCertificate, Ejection, Health, Protocol, Server, Target, Timeouts, Tls, Upstream,
};
pub use gateway_store::Requester;
pub use handshake::{HandshakeFlaw, asks_for_websocket};
pub use head::{AnsweredBy, Head, RequestTarget};
pub use header_rules::{HeaderRules, Headers, Value};
pub use host::{HostPattern, is_authority, is_same_authority};
pub use identity_headers::{Fact, IdentityHeaders};
pub use inject::{Forwarded, UpstreamHeaders, X_FORWARDED_FOR, X_REQUEST_ID, identity_fields, inject};
pub use method::METHODS;
pub use networks::Networks;
pub use parts::Pipeline;
pub use path::{CanonicalTarget, canonical};
pub use pattern::{PathPattern, PatternFault, is_foreign};
pub use rate_limit::{AddressLimit, FailureLimit, Quota, UserLimit};
pub use refusal::{Account, Denied, NOT_BEARER, Refusal};
pub use refused::RevokedToken;
pub use requires::{ClaimRule, HasClaims, MissingRequirement, Requires};
pub use reserved::{Reserved, is_reserved, names_of_proxies, reserved_names};
pub use revocation::Principal;
pub use route::{Access, OnExpiry, Route};
pub use routes::{NearMiss, NotTaken, RouteFault, Routes, is_own, is_verify};
pub use snapshot::Snapshot;
pub use token_source::{Sources, TokenSource};
