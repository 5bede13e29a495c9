//! The decision without sockets: a whole pipeline in this process, and requests to it.
//!
//! Requests take turns among 1,000 tokens, since a single one would find everything about itself
//! in the processor's cache.
#![allow(dead_code, unreachable_pub, reason = "not every benchmark uses everything")]

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gateway_clock::SystemClock;
use gateway_edge::outcomes;
use gateway_identity::TokenId;
use gateway_limits::{Allowance, Limiter, Limiters, Policy};
use gateway_pipeline::{
    Access, Admitted, Decision, DecisionTrace, Denied, FailureLimit, Forwarded, Head, Headers, PathPattern,
    Pipeline, RequestTarget, Requires, Route, Routes, Snapshot, Sources, Timeouts, TokenSource, Upstream,
    UserLimit, Value, canonical,
};
use gateway_store::{Revocation, Revocations as _};
use gateway_store_memory::EmbeddedRevocations;
use gateway_telemetry::Metrics;
use gateway_token::{Algorithm, DatedKey, ForeignIssuers, Issuer, KeyRing, SignBy, TokenTerms};
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use token_source::Use;

use crate::support;

pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const HOST: &str = "api.example.com";
/// Below the protected route.
pub const PROTECTED: &str = "/api/todos/42";
pub const TOKENS: u64 = 1_000;
const KEYS_MAX: usize = 200_000;

/// Nothing here waits: the embedded view answers from memory.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the embedded view never waits"),
    }
}

pub fn route(name: &str, prefix: &str, access: Access) -> Route {
    let nowhere = Upstream::unix("nowhere", "/nowhere", Timeouts::default());
    let path = PathPattern::prefix(prefix).expect("a path of ours");
    let sources = Sources::none().with(TokenSource::Authorization, Use::Read);
    Route { access, sources, ..Route::new(name, path, Arc::new(nowhere)) }
}

/// One that nobody reaches.
pub fn limiter<K: std::hash::Hash + Eq + Clone>(name: &'static str) -> Limiter<K> {
    Limiter::new(policy(name), KEYS_MAX)
}

fn policy(name: &'static str) -> Policy {
    let requests = NonZeroU32::new(1_000_000_000).expect("not zero");
    Policy { name, allowance: Allowance { requests, window: Duration::from_secs(60) } }
}

/// A view in which as many tokens are revoked, none of them among those that are sent.
pub fn revoked(count: usize) -> Arc<EmbeddedRevocations> {
    let until = support::now().plus(Duration::from_secs(3_600));
    let tokens: Vec<_> = (0..count).map(|_| Revocation::Token { id: TokenId::random(), until }).collect();
    let view = EmbeddedRevocations::default();
    at_once(view.publish(&tokens)).expect("memory can be reached");
    Arc::new(view)
}

/// Signs with this algorithm; HS256 with the key that all benchmarks share.
pub fn issuer(algorithm: Algorithm) -> Issuer {
    let hs256 = support::issuer();
    if algorithm == Algorithm::Hs256 {
        return hs256;
    }
    let key = DatedKey::generate(algorithm, support::now()).expect("the self-check made one before");
    let keys = KeyRing::new(SignBy::Key, Vec::new(), vec![key], hs256.terms.access_lifetime);
    let access_keys = Arc::new(keys.expect("there is a key"));
    Issuer { terms: TokenTerms { access_keys, ..hs256.terms }, ..hs256 }
}

/// The pipeline, and by what it decides.
pub struct Deciding {
    pipeline: Pipeline,
    config: Arc<Snapshot>,
}

/// Whose tokens are accepted, what is revoked, and whether each user is limited.
pub fn pipeline(issuer: &Issuer, view: &Arc<EmbeddedRevocations>, limited: bool) -> Deciding {
    let user_limit = UserLimit(limited.then(|| Arc::new(limiter("user"))));
    pipeline_with(issuer, view, user_limit, Requires::default())
}

/// The same, and what the protected route requires.
pub fn pipeline_with(
    issuer: &Issuer,
    view: &Arc<EmbeddedRevocations>,
    user_limit: UserLimit,
    requires: Requires,
) -> Deciding {
    let routes = vec![
        route("public", "/public", Access::Public),
        route("todos", "/api/todos", Access::Required(requires)),
        route("reports", "/api/reports", Access::Required(Requires::default())),
    ];
    let name = "failed-authentication-address";
    let failures = Limiters::default().address_limiter(name, policy(name), KEYS_MAX);
    let config = Snapshot {
        routes: Routes::new(routes).expect("the routes do not tie"),
        verifier: Arc::new(issuer.verifier()),
        assertions: support::assertions(),
        key_set_lifetime: Duration::from_secs(300),
        issuers: ForeignIssuers::default(),
        token_bytes_max: 8_192,
        user_limit,
        failures: FailureLimit(Some(failures)),
        own_cors: None,
    };
    let metrics = Metrics::new(outcomes()).expect("each metric has a name of its own");
    let pipeline = Pipeline::new(view.clone(), Arc::new(SystemClock), metrics);
    Deciding { pipeline, config: Arc::new(config) }
}

/// The headers of a small client, with a token or without.
pub fn headers(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static(HOST));
    headers.insert("user-agent", HeaderValue::from_static("curl/8.10.1"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is ASCII");
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// The headers of as many users, each with a token of its own.
pub fn senders(issuer: &Issuer) -> Vec<HeaderMap> {
    support::tokens(issuer, TOKENS).iter().map(|token| headers(Some(token))).collect()
}

pub fn admit(by: &Deciding, target: &str, headers: &HeaderMap) -> Result<Admitted, Denied> {
    let canonical = canonical(target).ok();
    let asked = RequestTarget::new(target, canonical.as_ref());
    let head = Head::new(&Method::GET, HOST, asked, headers, CLIENT);
    let decided = at_once(by.pipeline.receive(&by.config, &head, &mut DecisionTrace::silent()));
    decided.map(|decision| match decision {
        Decision::Forward(admitted) => admitted,
        _ => unreachable!("it is for a route, and nothing is renewed"),
    })
}

/// What is known of a request that came straight from a client.
pub fn forwarded() -> Forwarded<'static> {
    static PEER: HeaderValue = HeaderValue::from_static("127.0.0.1");
    static REQUEST_ID: HeaderValue = HeaderValue::from_static("019363f0-7a5b-7c3d-9e1f-2a4b6c8d0e1f");
    Forwarded {
        client: &PEER,
        chain: None,
        peer: &PEER,
        host: Some(Value::Static(HOST)),
        scheme: "http",
        request_id: &REQUEST_ID,
        believed: &[],
    }
}

/// The headers of an outgoing request; Pingora's own map is measured side by side with others.
pub struct Outgoing(pub HeaderMap);

impl token_source::Outgoing for Outgoing {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        token_source::Outgoing::values(&self.0, name)
    }

    fn take_out(&mut self, name: &HeaderName) {
        token_source::Outgoing::take_out(&mut self.0, name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        token_source::Outgoing::take_out_all(&mut self.0, is_out);
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        token_source::Outgoing::put(&mut self.0, name, value);
    }
}

impl Headers for Outgoing {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }

    fn set(&mut self, name: &HeaderName, value: Value<'_>) {
        Headers::set(&mut self.0, name, value);
    }

    fn add(&mut self, name: &HeaderName, value: Value<'_>) {
        Headers::add(&mut self.0, name, value);
    }
}
