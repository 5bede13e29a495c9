//! Requests as values, and a page to ask about them: no socket, no store, nothing that waits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use parking_lot::Mutex;

use crate::*;
use gateway_clock::{ManualClock, Timestamp};
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, TokenId, UserId};
use gateway_limits::{Allowance, Limiters, Policy};
use gateway_store::{Check, Revocation, Revocations, Subject, TokenStatus, Unreachable};
use gateway_telemetry::Metrics;
use gateway_token::{
    AccessGrant, Algorithm, AssertionIssuer, DatedKey, ForeignIssuers, HmacKey, Issuer, KeyRing, SignBy,
    TokenTerms,
};

pub(super) const REFRESH: &str = "r.e.fresh";
pub(super) const USER: Role = Role::User;
pub(super) const ADMIN: Role = Role::Admin;
const LIFETIME: Duration = Duration::from_secs(600);

pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(super) fn session() -> SessionId {
    SessionId::from_bytes([7; 16])
}

fn issuer() -> Issuer {
    let key = |secret: &str| HmacKey::new(&secret.as_bytes().to_vec().into()).unwrap();
    let ring = |secret| Arc::new(KeyRing::of_secret(key(secret)));
    let terms = TokenTerms {
        access_keys: ring("a key of the page's own tests, for access"),
        refresh_keys: ring("a key of the page's own tests, to refresh"),
        issuer: "gateway".to_owned(),
        audience: None,
        access_lifetime: LIFETIME,
        refresh_lifetime: LIFETIME,
    };
    Issuer { terms, installation: InstallationId::from_bytes([1; 16]) }
}

fn token_at(role: Role, at: Timestamp) -> String {
    let email = Email::parse("ada@example.org").unwrap();
    let (user, generation) = (UserId::new(7).unwrap(), Generation::default());
    issuer().access(AccessGrant { user, email: &email, role, session: session(), generation }, at).unwrap()
}

pub(super) fn token(role: Role) -> String {
    token_at(role, now())
}

/// Was good once.
pub(super) fn expired() -> String {
    token_at(Role::User, Timestamp::from_seconds(now().seconds() - 2 * LIFETIME.as_secs()))
}

/// For administrators in an office, with bodies of ten bytes, and for pages of one origin.
pub(super) fn route(name: &str, path: &str) -> Route {
    let upstream = Arc::new(Upstream::unix("up", "/nowhere", Timeouts::default()));
    let requires = Requires { any_role: vec!["admin".into()], ..Requires::default() };
    Route {
        access: Access::Required(requires),
        networks: Networks::new(Some(&["10.0.0.0/8".parse().unwrap()]), &[]),
        body_bytes_max: 10,
        cors: Some(policy_of_pages()),
        ..Route::new(name, PathPattern::prefix(path).unwrap(), upstream)
    }
}

/// The same for everybody who is somebody.
pub(super) fn accept(route: Route) -> Route {
    Route { access: Access::Required(Requires::default()), networks: Networks::default(), ..route }
}

/// One request, and no second one.
pub(super) fn once() -> AddressLimit {
    let allowance = Allowance { requests: NonZeroU32::MIN, window: Duration::from_secs(3_600) };
    let policy = Policy { name: "once", allowance };
    AddressLimit(Some(Limiters::default().address_limiter("once", policy, 10)))
}

fn policy_of_pages() -> Arc<Cors> {
    let value = http::HeaderValue::from_static;
    Arc::new(Cors {
        origins: Origins::These(vec![value("https://app.example")]),
        credentials: false,
        allow_methods: value("GET"),
        allow_headers: value("Authorization"),
        expose_headers: None,
        max_age: value("600"),
    })
}

pub(super) fn page(routes: Vec<Route>) -> Snapshot {
    let key = DatedKey::generate(Algorithm::EdDsa, now()).unwrap();
    let keys = Arc::new(KeyRing::new(SignBy::Key, Vec::new(), vec![key], LIFETIME).unwrap());
    Snapshot {
        routes: Routes::new(routes).unwrap(),
        verifier: Arc::new(issuer().verifier()),
        assertions: Assertions::new(AssertionIssuer { keys, issuer: "gateway".into(), lifetime: LIFETIME }),
        key_set_lifetime: LIFETIME,
        issuers: ForeignIssuers::default(),
        token_bytes_max: 8_192,
        user_limit: UserLimit(None),
        failures: FailureLimit(None),
        own_cors: Some(policy_of_pages()),
    }
}

/// The page, what is configured, and what is revoked.
pub(super) struct Page {
    pipeline: Pipeline,
    config: Arc<Snapshot>,
    cookies: Cookies,
    pub(super) view: Arc<Revoked>,
}

/// The sessions that are revoked.
#[derive(Default)]
pub(super) struct Revoked(Mutex<Vec<SessionId>>);

impl Revoked {
    pub(super) fn revoke(&self, session: SessionId) {
        self.0.lock().push(session);
    }
}

#[async_trait]
impl Revocations for Revoked {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        let is_revoked = self.0.lock().contains(&subject.session);
        Check::Ready(Ok(if is_revoked { TokenStatus::Revoked } else { TokenStatus::Active }))
    }

    fn check_token(&self, _: TokenId) -> Check<'_> {
        Check::Ready(Ok(TokenStatus::Active))
    }

    async fn publish(&self, _: &[Revocation]) -> Result<(), Unreachable> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        Ok(())
    }
}

pub(super) fn pipeline(config: Snapshot) -> Page {
    let (config, view) = (Arc::new(config), Arc::new(Revoked::default()));
    let metrics = Metrics::new([]).unwrap();
    let clock = Arc::new(ManualClock::at(now()));
    let pipeline = Pipeline::new(view.clone(), clock, metrics);
    Page { pipeline, config, cookies: Cookies::new(SameSite::Lax, b"of the page's own tests"), view }
}

impl Page {
    pub(super) async fn ask(&self, asked: &Asked) -> Result<Decision, Denied> {
        let canonical = canonical(&asked.target).ok();
        let head = asked.head(canonical.as_ref(), &self.cookies);
        self.pipeline.receive(&self.config, &head, &mut DecisionTrace::silent()).await
    }

    pub(super) async fn go_on(
        &self,
        asked: &Asked,
        pending_renewal: Box<PendingRenewal>,
        renewed: Renewed,
    ) -> Result<Decision, Denied> {
        let head = asked.head(None, &self.cookies);
        self.pipeline
            .go_on(&self.config, &head, *pending_renewal, renewed, &mut DecisionTrace::silent())
            .await
    }
}

/// A request.
pub(super) struct Asked {
    pub(super) method: http::Method,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) client: std::net::IpAddr,
    pub(super) offers_upgrade: bool,
    pub(super) redirect_to: Option<u16>,
    pub(super) answered_by: AnsweredBy,
}

impl Asked {
    /// From no office.
    pub(super) fn new(target: &str) -> Self {
        Self {
            method: http::Method::GET,
            host: "app.example".to_owned(),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            client: "192.0.2.1".parse().unwrap(),
            offers_upgrade: false,
            redirect_to: None,
            answered_by: AnsweredBy::Us,
        }
    }

    pub(super) fn by_cookies(target: &str, access: &str) -> Self {
        let mut asked = Self::new(target);
        asked.send("cookie", &format!("__Host-gateway_access={access}; __Host-gateway_refresh={REFRESH}"));
        asked
    }

    pub(super) fn send(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.parse().unwrap());
    }

    pub(super) fn drop(&mut self, name: &'static str) {
        self.headers.remove(name);
    }

    fn head<'a>(&'a self, canonical: Option<&'a CanonicalTarget>, cookies: &'a Cookies) -> Head<'a> {
        let target = RequestTarget::new(&self.target, canonical);
        Head {
            offers_upgrade: self.offers_upgrade,
            cookies: Some(cookies),
            redirect_to: self.redirect_to,
            answered_by: self.answered_by,
            ..Head::new(&self.method, &self.host, target, &self.headers, self.client)
        }
    }
}

/// A decision in a word.
pub(super) fn verdict(decided: &Result<Decision, Denied>) -> &'static str {
    match decided {
        Ok(Decision::Redirect(answer)) if answer.status() == 308 => "308",
        Ok(Decision::Preflight(preflight)) if preflight.answer.status() == 204 => "204",
        Ok(Decision::Redirect(_) | Decision::Preflight(_)) => "another status",
        Ok(Decision::Own(_)) => "own",
        Ok(Decision::Forward(_)) => "forward",
        Ok(Decision::Renew(_)) => "renew",
        Err(denied) => denied.refusal.code().as_str(),
    }
}
