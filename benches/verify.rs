//! What it costs to look at a request: its token, its path, the names of its headers.
//!
//! `jsonwebtoken::decode` stands beside our verification as a yardstick, with a key that is
//! prepared once, too. It is not the same work: it accepts more headers, duplicate claims among
//! unknown ones, and any `sub`; we also parse address, ids and role into types.

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway::pipeline::{canonical, is_reserved};
use gateway::token::{RawToken, install_cryptography};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

#[path = "support.rs"]
mod support;

/// All claims of an access token, as somebody with `jsonwebtoken` alone would read them.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only that they are read is measured")]
struct Claims {
    user_id: u64,
    email: String,
    role: String,
    iat: u64,
    exp: u64,
    r#type: String,
    iss: String,
    sub: String,
    jti: String,
    sid: String,
    r#gen: u64,
}

fn token(criterion: &mut Criterion) {
    install_cryptography().expect("the cryptography works");
    let issuer = support::issuer();
    let verifier = issuer.verifier();
    let good = support::tokens(&issuer, 1).remove(0);
    let bad = support::with_bad_signature(&good);
    let now = support::now();
    let key = DecodingKey::from_secret(support::ACCESS_KEY.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.iss = Some(HashSet::from([support::ISSUER.to_owned()]));

    let mut group = criterion.benchmark_group("token");
    assert!(verifier.verify(RawToken::new(&good), now).is_ok());
    group.bench_function("good/ours", |bencher| {
        bencher.iter(|| verifier.verify(RawToken::new(black_box(&good)), now));
    });
    assert!(decode::<Claims>(&good, &key, &validation).is_ok());
    group.bench_function("good/jsonwebtoken", |bencher| {
        bencher.iter(|| decode::<Claims>(black_box(&good), &key, &validation));
    });
    assert!(verifier.verify(RawToken::new(&bad), now).is_err());
    group.bench_function("bad signature/ours", |bencher| {
        bencher.iter(|| verifier.verify(RawToken::new(black_box(&bad)), now));
    });
    assert!(decode::<Claims>(&bad, &key, &validation).is_err());
    group.bench_function("bad signature/jsonwebtoken", |bencher| {
        bencher.iter(|| decode::<Claims>(black_box(&bad), &key, &validation));
    });
    group.finish();
}

fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    for (name, target, accepted) in [
        ("plain", "/api/todos/42", true),
        ("with a query", "/api/todos?page=2&per_page=50&completed=false", true),
        ("with escapes", "/files/caf%C3%A9/r%C3%A9sum%C3%A9%20final", true),
        ("refused", "/files/%2e%2e/secret", false),
    ] {
        assert_eq!(canonical(target).is_ok(), accepted, "{target}");
        group.bench_function(name, |bencher| bencher.iter(|| canonical(black_box(target))));
    }
    group.finish();
}

/// The header names that a browser sends to an API behind the gateway.
const BROWSER_NAMES: [&str; 14] = [
    "host",
    "user-agent",
    "accept",
    "accept-language",
    "accept-encoding",
    "authorization",
    "content-type",
    "content-length",
    "origin",
    "connection",
    "referer",
    "sec-fetch-mode",
    "x-requested-with",
    "priority",
];

fn names(criterion: &mut Criterion) {
    assert!(!BROWSER_NAMES.iter().any(|name| is_reserved(name)));
    criterion.bench_function("names/14 headers of a browser", |bencher| {
        bencher.iter(|| black_box(&BROWSER_NAMES).iter().filter(|name| is_reserved(name)).count());
    });
}

criterion_group!(benches, token, path, names);
criterion_main!(benches);
