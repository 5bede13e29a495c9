//! The decision without sockets: the whole pipeline, and its stages one by one.
//!
//! Requests take turns among 1,000 tokens, since a single one would find everything about itself
//! in the processor's cache.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway::adapter::embedded::EmbeddedRevocations;
use gateway::clock::SystemClock;
use gateway::identity::{Generation, SessionId, SubjectKey, TokenId, UserId};
use gateway::limits::{Allowance, Limiter, Policy, fields};
use gateway::pipeline::{
    Access, Admitted, Denied, FailureLimit, Forwarded, Head, Headers, PathPattern, Pipeline, Requires,
    Reserved, Route, Routes, Snapshot, Timeouts, Trail, Upstream, UpstreamHeaders, UserLimit, canonical,
    inject,
};
use gateway::store::{Revocation, Revocations as _, Subject};
use gateway::token::{ForeignIssuers, RawToken, install_cryptography};
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

#[path = "support.rs"]
mod support;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TOKENS: u64 = 1_000;
const KEYS_MAX: usize = 200_000;

/// Nothing here waits: the embedded view answers from memory.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the embedded view never waits"),
    }
}

fn route(name: &str, prefix: &str, access: Access) -> Route {
    let nowhere = Upstream::unix("nowhere", "/nowhere", Timeouts::default());
    let path = PathPattern::prefix(prefix).expect("a path of ours");
    Route { access, ..Route::new(name, path, Arc::new(nowhere)) }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(name: &'static str) -> Limiter<K> {
    let requests = NonZeroU32::new(1_000_000_000).expect("not zero");
    let allowance = Allowance { requests, window: Duration::from_secs(60) };
    Limiter::new(Policy { name, allowance }, KEYS_MAX)
}

/// A view in which as many tokens are revoked, none of them among those that are sent.
fn revoked(count: usize) -> Arc<EmbeddedRevocations> {
    let until = support::now().plus(Duration::from_secs(3_600));
    let tokens: Vec<_> = (0..count).map(|_| Revocation::Token { id: TokenId::random(), until }).collect();
    let view = EmbeddedRevocations::default();
    at_once(view.publish(&tokens)).expect("memory can be reached");
    Arc::new(view)
}

fn pipeline(view: &Arc<EmbeddedRevocations>, limit: bool) -> Pipeline {
    let routes = vec![
        route("public", "/public", Access::Public),
        route("todos", "/api/todos", Access::Required(Requires::default())),
        route("reports", "/api/reports", Access::Required(Requires::default())),
    ];
    let configured = Snapshot {
        routes: Routes::new(routes).expect("the routes do not tie"),
        verifier: Arc::new(support::issuer().verifier()),
        assertions: support::assertions(),
        key_set_lifetime: Duration::from_secs(300),
        issuers: ForeignIssuers::default(),
        user_limit: UserLimit(limit.then(|| Arc::new(limiter("user")))),
        failures: FailureLimit(Some(Arc::new(limiter("failed-authentication-address")))),
        own_cors: None,
    };
    Pipeline::new(Arc::new(configured), view.clone(), Arc::new(SystemClock))
}

/// The headers of a small client, with a token or without.
fn headers(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("api.example.com"));
    headers.insert("user-agent", HeaderValue::from_static("curl/8.10.1"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is ASCII");
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

fn admit(pipeline: &Pipeline, target: &str, headers: &HeaderMap) -> Result<Admitted, Denied> {
    let head = Head { method: &Method::GET, host: "api.example.com", target, headers };
    at_once(pipeline.admit(&pipeline.configured(), head, CLIENT, &mut Trail::silent()))
}

fn whole(criterion: &mut Criterion) {
    install_cryptography().expect("the cryptography works");
    let senders: Vec<_> =
        support::tokens(&support::issuer(), TOKENS).iter().map(|token| headers(Some(token))).collect();
    let mut group = criterion.benchmark_group("admit");
    for count in [0, 1_000, 1_000_000] {
        let view = revoked(count);
        for (limit, how) in [(false, "no user limit"), (true, "user limit")] {
            let pipeline = pipeline(&view, limit);
            assert!(admit(&pipeline, "/api/todos/42", &senders[0]).is_ok());
            let mut turns = senders.iter().cycle();
            group.bench_function(format!("{count} revoked, {how}"), |bencher| {
                bencher.iter(|| admit(&pipeline, black_box("/api/todos/42"), turns.next().unwrap()));
            });
        }
    }
    let pipeline = pipeline(&revoked(0), true);
    let nobody = headers(None);
    assert!(admit(&pipeline, "/public/42", &nobody).is_ok());
    group.bench_function("public route", |bencher| {
        bencher.iter(|| admit(&pipeline, black_box("/public/42"), &nobody));
    });
    let forger = headers(Some(&support::with_bad_signature(&support::tokens(&support::issuer(), 1)[0])));
    assert!(admit(&pipeline, "/api/todos/42", &forger).is_err());
    group.bench_function("bad signature", |bencher| {
        bencher.iter(|| admit(&pipeline, black_box("/api/todos/42"), &forger));
    });
    assert!(admit(&pipeline, "/nowhere", &nobody).is_err());
    group.bench_function("no route", |bencher| {
        bencher.iter(|| admit(&pipeline, black_box("/nowhere"), &nobody));
    });
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let view = revoked(1_000_000);
    let pipeline = pipeline(&view, true);
    let tokens = support::tokens(&support::issuer(), TOKENS);
    let now = support::now();
    let mut group = criterion.benchmark_group("stage");

    group
        .bench_function("1 canonical path", |bencher| bencher.iter(|| canonical(black_box("/api/todos/42"))));
    let target = canonical("/api/todos/42").expect("a plain path");
    group.bench_function("2 route", |bencher| {
        let (now, host) = (pipeline.configured(), "api.example.com");
        bencher.iter(|| now.routes.find(host, &Method::GET, black_box(target.path())).is_ok())
    });
    let mut turns = tokens.iter().cycle();
    group.bench_function("3 verify", |bencher| {
        let verifier = Arc::clone(&pipeline.configured().verifier);
        bencher.iter(|| verifier.verify(RawToken::new(turns.next().unwrap()), now));
    });
    let subjects: Vec<_> = (1..=TOKENS)
        .map(|user| Subject {
            token: TokenId::random(),
            session: SessionId::random(),
            user: UserId::new(user).unwrap(),
            generation: Generation::default(),
        })
        .collect();
    let mut turns = subjects.iter().cycle();
    group.bench_function("4 revocation, 1000000 revoked", |bencher| {
        bencher.iter(|| at_once(view.check(turns.next().unwrap()).answer()));
    });
    let limiter = limiter::<SubjectKey>("user");
    let mut turns = subjects.iter().cycle();
    group.bench_function("5 user limit", |bencher| {
        bencher.iter(|| limiter.charge(&turns.next().unwrap().user.into()));
    });
    let admitted = admit(&pipeline, "/api/todos/42", &headers(Some(&tokens[0]))).expect("a good token");
    group.bench_function("6 inject", |bencher| {
        let (sent, from, reserved) = (headers(Some(&tokens[0])), forwarded(), Reserved::default());
        bencher.iter_batched_ref(
            || Outgoing(sent.clone()),
            |outgoing| inject(&admitted, &reserved, &from, outgoing),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("7 rate-limit fields", |bencher| {
        bencher.iter(|| fields(black_box(&admitted).quota().charges(), None));
    });
    group.finish();
}

fn forwarded() -> Forwarded<'static> {
    Forwarded {
        client: CLIENT,
        chain: None,
        peer: CLIENT,
        host: "api.example.com",
        scheme: "http",
        request_id: "019363f0-7a5b-7c3d-9e1f-2a4b6c8d0e1f",
        sent: None,
    }
}

/// The headers of an outgoing request; Pingora's own map is measured side by side with others.
struct Outgoing(HeaderMap);

impl UpstreamHeaders for Outgoing {
    fn reserved(&self, reserved: &Reserved) -> Vec<HeaderName> {
        self.0.keys().filter(|name| reserved.covers(name.as_str())).cloned().collect()
    }
}

impl Headers for Outgoing {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.insert(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.append(name, value);
    }
}

criterion_group!(benches, whole, stages);
criterion_main!(benches);
