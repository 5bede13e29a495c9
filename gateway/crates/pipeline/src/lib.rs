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
        trail: &mut Trail,
    ) -> Result<Decision, Denied> {
        // 405: nobody is served by this method.
        method::check(head)?;
        // 308: its listener sends everybody to HTTPS.
        if let Some(port) = head.redirect_to {
            return redirect::to_https(config, head, port, trail).map(Decision::Redirect);
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
        let (target, route) = chosen.map_err(|refusal| refusal.before_a_route(trail))?;
        trail.note("route", || format!("`{}`: {}", route.name, route.path.as_str()));
        match self.enter(config, head, route, trail).await {
            Ok((Who::Lapsed(lapsed), quota)) => {
                let route = Arc::clone(route);
                Ok(Decision::Renew(Box::new(Paused { lapsed, route, target, quota })))
            }
            entered => match self.admit(config, head, (route, target), entered, trail) {
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
        trail: &mut Trail,
    ) -> Result<(Who, Quota), Refusal> {
        // 403: from another network than the route is for.
        networks::check(route, head, trail)?;
        // 429: too much from this address, where the route has such a limit.
        let quota = rate_limit::take_address(route, head.client)?;
        // 400: two tokens; 401: none where one is needed.
        let presented = extract::of_route(head, route).inspect_err(|refusal| {
            trail.reason("token", || refusal.in_words());
        })?;
        let Some(presented) = presented else {
            trail.note("token", || "none is looked at, or none came and none is needed".to_owned());
            return Ok((Who::Nobody, quota));
        };
        let who = self.identify(config, head, presented, route.cors.as_deref(), trail).await?;
        Ok((who, quota))
    }

    /// Who it is, on a route or at an endpoint of ours.
    async fn identify(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        presented: Presented<'_>,
        cors: Option<&Cors>,
        trail: &mut Trail,
    ) -> Result<Who, Refusal> {
        // 403: a browser adds it by itself to whatever a page requests, and this page may be another's.
        csrf::check(config, head, &presented, cors, || self.clock.now())?;
        trail.note("token", || presented.in_words().to_owned());
        match (self.prove(config, head, &presented, trail).await, presented) {
            (Ok(principal), _) => Ok(Who::Known(principal)),
            // Not yet refused: a browser may have what its session is renewed by.
            (Err(refused), Presented::Cookies(_, carried)) if head.may_renew(&refused) => {
                Ok(Who::Lapsed(Lapsed::new(carried, refused)))
            }
            (Err(refused), _) => Err(refused),
        }
    }

    /// Whether what was presented is good now.
    async fn prove(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        presented: &Presented<'_>,
        trail: &mut Trail,
    ) -> Result<Principal, Refusal> {
        // 401: nobody's whom we know, changed, or over; 503: its issuer has not told us its keys.
        let verified = verify::verify(self, config, presented, head.client, trail).await?;
        trail.note("verify", || format!("authentic and in time: {verified}"));
        // 401: revoked; 503: the store cannot say.
        let principal = revocation::check(self, config, verified, head.client, trail).await?;
        trail.note("revocation", || revocation::in_words(presented).to_owned());
        Ok(principal)
    }

    /// What they may.
    fn admit(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        (route, target): (&Arc<Route>, CanonicalTarget),
        entered: Result<(Who, Quota), Refusal>,
        trail: &mut Trail,
    ) -> Result<Admitted, Refusal> {
        let shadow = route.shadow.then(|| Shadow::of(&target, &entered));
        let permitted = entered.and_then(|entered| permit(config, (route, target), entered, trail));
        // What a route in shadow would refuse is noted, and passes.
        let admitted = match shadow {
            Some(shadow) => shadow.let_pass(route, permitted, trail),
            None => permitted?,
        };
        // 403: it would reach what another route is for. In shadow, too: what is only noted is this route's.
        destination::check(config, &admitted, head, trail)?;
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
        paused: Paused,
        renewed: Renewed,
        trail: &mut Trail,
    ) -> Result<Decision, Denied> {
        let Paused { lapsed, route, target, quota } = paused;
        let known = self.identify_renewed(config, head, lapsed, renewed, trail).await;
        let entered = known.map(|principal| (Who::Known(principal), quota));
        let admitted = self.admit(config, head, (&route, target), entered, trail);
        admitted.map(Decision::Forward).map_err(|refusal| refusal.on(&route))
    }
}

/// The stages that a route in shadow overrules.
fn permit(
    config: &Snapshot,
    (route, target): (&Arc<Route>, CanonicalTarget),
    (who, quota): (Who, Quota),
    trail: &mut Trail,
) -> Result<Admitted, Refusal> {
    // 401: nobody where somebody is needed.
    let Who::Known(principal) = who else { return authorize::anonymous(route, target, quota) };
    // 429: used up. After revocation: a stolen, revoked token does not spend its owner's budget.
    let quota = rate_limit::take(config, route, &principal, quota)?;
    trail.note("limit", || quota.to_string());
    // 403: a role or a claim is lacking.
    let admitted = authorize::permit(route, target, principal, quota)?;
    trail.note("authorize", || "has what the route requires".to_owned());
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
    Renew(Box<Paused>),
}

/// A decision that waits until a browser's session was renewed.
pub struct Paused {
    pub lapsed: Lapsed,
    route: Arc<Route>,
    target: CanonicalTarget,
    quota: Quota,
}

/// Who it is, as far as that is known.
enum Who {
    Nobody,
    Known(Principal),
    Lapsed(Lapsed),
}

mod as_sent;
mod assertion;
mod authorize;
mod browser;
mod cookies;
mod cors;
mod csrf;
mod destination;
mod endpoints;
mod extract;
mod fold;
mod foresee;
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
mod sides;
mod size;
mod snapshot;
mod stricter;
#[cfg(test)]
mod tests;
mod token_source;

mod trail;
mod verify;

use http::Response;

use self::extract::Presented;
use self::shadow::Shadow;

pub use as_sent::Oddity;
pub use assertion::Assertions;
pub use authorize::Admitted;
pub use browser::{Browser, BrowserTokens, Cookies, Lapsed, Renewed, Step as RenewalStep};
pub use cookies::{Carried, SameSite, drop_set};
pub use cors::{Cors, Origins, Preflight};
pub use csrf::{Suspicion, keeps_no_cookies};
pub use endpoints::Authenticated;
pub use extract::credentials;
pub use foresee::{Expectation, Foreseen, Unmet};
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
pub use requires::{ClaimRule, Holder, Lack, Requires};
pub use reserved::{Reserved, is_reserved, names_of_proxies, reserved_names};
pub use revocation::Principal;
pub use route::{Access, OnExpiry, Route};
pub use routes::{NearMiss, NotTaken, RouteFault, Routes, is_own, is_verify};
pub use sides::Sides;
pub use snapshot::Snapshot;
pub use token_source::{Sources, TokenSource};
pub use trail::{Stage, Step, Trail};
