//! How often an assertion is made, about whom, and how long it is good.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;
use gateway_token::{Algorithm, DatedKey, KeyRing, SignBy};

const LIFETIME: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn assertions() -> Assertions {
    let keys = vec![DatedKey::generate(Algorithm::EdDsa, at(0)).unwrap()];
    let keys = Arc::new(KeyRing::new(SignBy::Key, Vec::new(), keys, LIFETIME).unwrap());
    Assertions::new(AssertionIssuer { keys, issuer: "gateway".into(), lifetime: LIFETIME })
}

fn ada(token_ends: u64) -> AssertionFacts {
    AssertionFacts {
        subject: "7".into(),
        email: Some("ada@example.org".into()),
        role: Some("user".into()),
        issuer: None,
        token_expires_at: at(token_ends),
    }
}

fn claims(value: &HeaderValue) -> Value {
    let payload = value.to_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn ends(value: &HeaderValue) -> u64 {
    claims(value)["exp"].as_u64().unwrap() - at(0).seconds()
}

#[test]
fn it_is_made_once_and_again_when_half_of_its_time_is_over() {
    let (assertions, token, app) = (assertions(), TokenId::random(), Arc::from("app"));
    let ask = |seconds| assertions.about(token, ada(9_000), &app, at(seconds)).unwrap();
    let first = ask(0);
    assert_eq!((ask(1), ask(29)), (first.clone(), first.clone()));
    let second = ask(30);
    assert_ne!(second, first);
    assert_eq!((ends(&first), ends(&second)), (60, 90));
    assert!(first.is_sensitive());
}

#[test]
fn it_never_outlives_the_token_and_is_not_made_again_near_its_end() {
    let (assertions, token, app) = (assertions(), TokenId::random(), Arc::from("app"));
    let ask = |seconds| assertions.about(token, ada(40), &app, at(seconds)).unwrap();
    let first = ask(0);
    assert_eq!(ends(&first), 40);
    assert_eq!(ask(39), first);
}

#[test]
fn each_token_and_each_audience_has_its_own() {
    let (assertions, token) = (assertions(), TokenId::random());
    let ask = |token, audience: &str| {
        let value = assertions.about(token, ada(9_000), &Arc::from(audience), at(0)).unwrap();
        (claims(&value)["aud"].clone(), claims(&value)["jti"].clone())
    };
    let (one, other, third) = (ask(token, "app"), ask(token, "wiki"), ask(TokenId::random(), "app"));
    assert_eq!((one.0.as_str(), other.0.as_str()), (Some("app"), Some("wiki")));
    assert!(one.1 != other.1 && one.1 != third.1);
    assert_eq!(ask(token, "app"), one);
}

#[test]
fn somebody_else_with_the_same_token_id_does_not_get_it() {
    let (assertions, token, app) = (assertions(), TokenId::random(), Arc::from("app"));
    let ask = |facts| claims(&assertions.about(token, facts, &app, at(0)).unwrap());
    assert_eq!(ask(ada(9_000))["sub"], "7");
    assert_eq!(ask(AssertionFacts { subject: "8".into(), ..ada(9_000) })["sub"], "8");
    assert_eq!(ask(AssertionFacts { role: Some("admin".into()), ..ada(9_000) })["role"], "admin");
    let elsewhere = ask(AssertionFacts { issuer: Some("corp".into()), ..ada(9_000) });
    assert_eq!(elsewhere["user_issuer"], "corp");
    assert_eq!((&ask(ada(9_000))["role"], &ask(ada(9_000))["user_issuer"]), (&"user".into(), &Value::Null));
}

#[test]
fn memory_is_bounded_whoever_asks() {
    let (assertions, app) = (assertions(), Arc::from("app"));
    for _ in 0..KEPT_MAX * 2 {
        assertions.about(TokenId::random(), ada(9_000), &app, at(0)).unwrap();
    }
    let held: usize = assertions.shards.iter().map(|shard| shard.lock().len()).sum();
    assert!((KEPT_MAX / 4..=KEPT_MAX).contains(&held), "{held}");
}

#[test]
fn what_is_asked_for_again_and_again_is_kept_while_others_come_and_go() {
    let (assertions, app, token) = (assertions(), Arc::from("app"), TokenId::random());
    let ask = || assertions.about(token, ada(9_000), &app, at(0)).unwrap();
    let first = ask();
    for _ in 0..KEPT_MAX / 8 {
        for _ in 0..8 {
            assertions.about(TokenId::random(), ada(9_000), &app, at(0)).unwrap();
        }
        assert_eq!(ask(), first);
    }
}
