//! THE PAGE: what happens to every request, in this order.
//!
//! Each stage is a file of its own, and takes what only the stage before it can make. A request
//! that was not admitted has no [`Admitted`], and without one nothing can be forwarded.

mod as_sent;
mod assertion;
mod authorize;
mod browser;
mod cookies;
mod cors;
mod csrf;
mod destination;
mod extract;
mod fold;
mod foresee;
mod forward;
mod handshake;
mod header_rules;
mod host;
mod identity_headers;
mod inject;
mod networks;
pub mod offer;
mod path;
mod pattern;
mod rate_limit;
mod refusal;
mod refused;
mod requires;
mod reserved;
mod revocation;
mod route;
mod routes;
mod shadow;
mod sides;
mod snapshot;
mod stricter;
mod trail;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use crate::store::Requester;
pub use as_sent::Oddity;
pub use assertion::Assertions;
pub use authorize::Admitted;
pub use browser::{Browser, BrowserTokens, Cookies, Renew, Renewed, Step as RenewalStep};
pub use cookies::{Carried, SameSite, drop_set, take_out};
pub use cors::{Cors, Origins, preflight_for};
pub use csrf::{Suspicion, keeps_no_cookies};
pub use extract::credentials;
pub use foresee::{Expectation, Foreseen, Unmet};
pub use forward::{
    Balance, ClientCertificate, Ejection, Health, Protocol, Server, Target, Timeouts, Tls, Upstream,
};
pub use handshake::{HandshakeFlaw, WEBSOCKET_VERSION, asks_for_websocket, handshake_flaw};
pub use header_rules::{HeaderRules, Headers};
pub use host::{HostPattern, is_authority, is_same_authority};
pub use identity_headers::{Fact, IdentityHeaders};
pub use inject::{Forwarded, UpstreamHeaders, X_FORWARDED_FOR, X_REQUEST_ID, identity_fields, inject};
pub use networks::Networks;
pub use path::{CanonicalTarget, canonical};
pub use pattern::{PathPattern, PatternFault, is_foreign};
pub use rate_limit::{AddressLimit, FailureLimit, Quota, UserLimit};
pub use refusal::{Account, Denied, NOT_BEARER, Refusal};
pub use refused::RevokedToken;
pub use requires::{ClaimRule, Holder, Lack, Requires};
pub use reserved::{Reserved, is_reserved, names_of_proxies, reserved_names};
pub use revocation::Principal;
pub use route::{Access, Credentials, OnExpiry, Route};
pub use routes::{NearMiss, NotTaken, RouteFault, Routes, is_own};
pub use sides::Sides;
pub use snapshot::Snapshot;
pub use trail::{Stage, Step, Trail};

use self::extract::Presented;
use crate::clock::Clock;
use crate::store::{Announce, AuditTrail, Revocations, Sessions};
use crate::telemetry::Metrics;
use crate::token::{AuthenticClaims, AuthenticForeign, PeerCertificate, RawToken};

/// The head of a request, as far as the decision needs it.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    pub method: &'a http::Method,
    /// `Host` or `:authority`, with its port if it has one; empty where it is not known.
    pub host: &'a str,
    /// Path and query as the client sent them.
    pub target: &'a str,
    pub headers: &'a http::HeaderMap,
    /// There where cookies are on; without it none is looked at.
    pub browser: Option<&'a Browser>,
    /// What the client showed in its handshake with us, where it was asked for and has one.
    pub certificate: Option<&'a Arc<PeerCertificate>>,
    /// Whether the client's address is its own: not where a trusted proxy leaves it out.
    pub client_is_told: bool,
}

/// Everything that the decision needs; shared by all requests and never changed by one.
pub struct Pipeline {
    /// What was configured; swapped whole on a reload. A request keeps the one it began with.
    configured: ArcSwap<Snapshot>,
    revocations: Arc<dyn Revocations>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    own_tokens: verify::OwnTokens,
    /// Where the use of revoked tokens is recorded; nowhere where nothing is served.
    trail: Option<(Arc<dyn AuditTrail>, Arc<Announce>)>,
    /// Where the sessions of tokens are that do not name their installation; without it, none counts.
    sessions: Option<Arc<dyn Sessions>>,
    recorded: refused::Recorded,
}

impl Pipeline {
    pub fn new(
        configured: Arc<Snapshot>,
        revocations: Arc<dyn Revocations>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let own_tokens = verify::OwnTokens::new(&metrics.tokens);
        let recorded = refused::Recorded::default();
        let configured = ArcSwap::new(configured);
        Self { configured, revocations, clock, metrics, own_tokens, trail: None, sessions: None, recorded }
    }

    #[must_use]
    pub fn recording_to(self, trail: Arc<dyn AuditTrail>, announce: Arc<Announce>) -> Self {
        Self { trail: Some((trail, announce)), ..self }
    }

    #[must_use]
    pub fn asking_for_sessions(self, sessions: Arc<dyn Sessions>) -> Self {
        Self { sessions: Some(sessions), ..self }
    }

    /// What is configured now.
    pub fn configured(&self) -> Arc<Snapshot> {
        self.configured.load_full()
    }

    /// From here on, requests begin with this.
    pub fn install(&self, configured: Arc<Snapshot>) {
        self.configured.store(configured);
    }

    /// The decision, by what was configured when the request began. Refusals are values: they cost one answer and nothing else.
    pub async fn admit(
        &self,
        now: &Snapshot,
        head: Head<'_>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Result<Admitted, Denied> {
        // 400: the path could be read in two ways, or as a stricter route's; 404: nothing is forwarded by
        // default; 405: not by this method.
        let chosen = now.routes.choose(head.host, head.method, head.target);
        let (target, route) = chosen.map_err(|refusal| refusal.before_a_route(trail))?;
        trail.note("route", || format!("`{}`: {}", route.name, route.path.as_str()));
        let decided = if route.shadow {
            Ok(self.admit_in_shadow(now, route, target, head, client, trail).await)
        } else {
            self.decide(now, route, target, head, client, trail, |_| ()).await
        };
        // 403: it would reach what another route is for. In shadow, too: what is only noted is this route's.
        let beside =
            decided.as_ref().ok().and_then(|to| destination::check(now, to, (head, client), trail).err());
        let admitted = beside.map_or(decided, Err);
        // 500: nobody can vouch for who it is.
        let admitted = admitted.and_then(|admitted| admitted.asserted(&now.assertions, self.clock.now()));
        admitted.map_err(|refusal| refusal.on(route))
    }

    /// The stages behind the route. `witness` sees who it is, once that is proved.
    #[expect(clippy::too_many_arguments, reason = "each is a fact that the stages need, and has one caller")]
    async fn decide(
        &self,
        now: &Snapshot,
        route: &Arc<Route>,
        target: CanonicalTarget,
        head: Head<'_>,
        client: IpAddr,
        trail: &mut Trail,
        witness: impl FnOnce(&Principal) + Send,
    ) -> Result<Admitted, Refusal> {
        // 403: from another network than the route is for.
        networks::check(route, head, client, trail)?;
        // 429: too much from this address, where the route has such a limit.
        let quota = rate_limit::take_address(route, client)?;
        // 400: two tokens; 401: none where one is needed.
        let presented = extract::of_route(head, route).inspect_err(|refusal| {
            trail.reason("token", || refusal.in_words());
        })?;
        let Some(presented) = presented else {
            trail.note("token", || "none is looked at, or none came and none is needed".to_owned());
            return authorize::anonymous(route, target, quota);
        };
        let principal = match presented {
            Presented::Token(token) => {
                trail.note("token", || "one was sent".to_owned());
                self.identify(now, token, client, trail).await?
            }
            Presented::Cookies(browser, carried) => {
                // 403: a page of another origin may have sent it.
                csrf::check(browser, now, head, route.cors.as_deref(), carried, self.clock.now())?;
                trail.note("token", || "a browser's cookies have one".to_owned());
                // In a box: who sends a token keeps no room for it.
                Box::pin(self.identify_browser(now, browser, carried, client, trail)).await?
            }
            Presented::Certificate(certificate) => {
                // 403: a browser adds it to whatever request a page makes, as it does cookies.
                csrf::refuse_pages_of_others(head, route.cors.as_deref())?;
                trail.note("token", || "a client certificate was shown".to_owned());
                self.identify_by_certificate(now, certificate, client, trail).await?
            }
        };
        witness(&principal);
        // 429: used up. After revocation: a stolen, revoked token does not spend its owner's budget.
        let quota = rate_limit::take(now, route, &principal, quota)?;
        trail.note("limit", || quota.to_string());
        // 403: a role or a claim is lacking.
        let admitted = authorize::permit(route, target, principal, quota)?;
        trail.note("authorize", || "has what the route requires".to_owned());
        Ok(admitted)
    }

    /// Who it is.
    async fn identify(
        &self,
        now: &Snapshot,
        token: RawToken<'_>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Result<Principal, Refusal> {
        // 401: nobody's whom we know, changed, or over; 503: its issuer has not told us its keys.
        let verified = verify::verify(self, now, token, client, trail).await?;
        trail.note("verify", || format!("authentic and in time: {verified}"));
        // 401: revoked; 503: the store cannot say.
        let principal = revocation::check(self, now, verified, client, trail).await?;
        trail.note("revocation", || "in force".to_owned());
        Ok(principal)
    }

    /// The same by what the client showed in its handshake.
    async fn identify_by_certificate(
        &self,
        now: &Snapshot,
        certificate: &Arc<PeerCertificate>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Result<Principal, Refusal> {
        // 403: nobody vouches for it any more, or it is over.
        let verified = verify::verify_certificate(self, now, certificate, trail)?;
        trail.note("verify", || format!("authentic and in time: {verified}"));
        let principal = revocation::check(self, now, verified, client, trail).await?;
        trail.note("revocation", || "not on a list of its authority".to_owned());
        Ok(principal)
    }

    /// The same by a token that must be ours.
    async fn identify_own(
        &self,
        now: &Snapshot,
        token: RawToken<'_>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Result<Principal, Refusal> {
        let verified = verify::verify_own(self, now, token, client)?;
        trail.note("verify", || format!("authentic and in time: {verified}"));
        let principal = revocation::check(self, now, verified, client, trail).await?;
        trail.note("revocation", || "in force".to_owned());
        Ok(principal)
    }

    /// The same stages for the gateway's own endpoints, which have no route of the operator.
    pub async fn authenticate(&self, head: Head<'_>, client: IpAddr) -> Result<(Principal, Quota), Refusal> {
        let now = self.configured.load_full();
        let needed = Access::Required(Requires::default());
        let trail = &mut Trail::silent();
        let principal = match extract::of_own(head, &needed)?.ok_or(Refusal::NoToken)? {
            Presented::Token(token) => self.identify(&now, token, client, trail).await?,
            Presented::Cookies(browser, carried) => {
                csrf::check(browser, &now, head, now.own_cors.as_deref(), carried, self.clock.now())?;
                Box::pin(self.identify_browser(&now, browser, carried, client, trail)).await?
            }
            // Nobody asks for one here: it is no account of ours.
            Presented::Certificate(_) => return Err(Refusal::NoToken),
        };
        let quota = rate_limit::take_own(&now, &principal)?;
        Ok((principal, quota))
    }

    /// A token that another issuer signed, whatever its time: for a logout.
    pub async fn authentic_foreign(
        &self,
        token: RawToken<'_>,
        client: IpAddr,
    ) -> Result<AuthenticForeign, Refusal> {
        let now = self.configured.load_full();
        let authentic = verify::authentic(&now, token, self.clock.now()).await;
        authentic.map_err(|refusal| verify::counted(&now, client, refusal))
    }

    /// A token of ours, whatever its time, unless another store with the same secrets may have signed
    /// it: for a logout.
    pub async fn of_this_installation(
        &self,
        claims: AuthenticClaims,
        client: IpAddr,
    ) -> Result<AuthenticClaims, Refusal> {
        let ours = claims.names_installation() || revocation::is_known(self, &claims).await?;
        if ours { Ok(claims) } else { Err(self.count_failure(client)) }
    }

    /// Whether the token under which somebody was admitted has expired meanwhile.
    pub fn is_over(&self, principal: &Principal) -> bool {
        self.clock.now() >= principal.expires_at()
    }

    /// Whether it was not revoked meanwhile.
    pub async fn is_in_force(&self, principal: &Principal) -> Result<(), Refusal> {
        revocation::recheck(self, principal).await
    }

    /// A token that an endpoint refused by itself, counted like one that a stage refused.
    pub fn count_failure(&self, client: IpAddr) -> Refusal {
        self.configured.load().failures.count(client, Refusal::TokenInvalid)
    }
}
