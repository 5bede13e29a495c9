//! Logging out with a token of another issuer: that token ends, and nothing else.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{Provider, before, get};
use crate::support::eventually;
use crate::support::forge::{now, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::redis::Redis;
use crate::support::streaming::Streaming;
use crate::support::upstream::Upstream;

fn log_out(gateway: &Gateway, token: &str) -> (u16, String) {
    let reply = gateway.client().post("/api/auth/logout").bearer(token).send();
    (reply.status, reply.text())
}

#[track_caller]
fn ends(gateway: &Gateway, token: &str) {
    let (status, text) = log_out(gateway, token);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("Logged out successfully"), "{text}");
    let refused = get(&gateway.client(), "/app", token);
    refused.is_refused(401, "Invalid or expired token", "token_revoked");
}

#[test]
fn a_logout_ends_the_token_and_no_other_one_of_the_subject() {
    let (provider, upstream) = (Provider::start(json!({ "ada": {} })), Upstream::start());
    let gateway = before(&upstream, &[provider.entry("keycloak", "")]).start();
    let (one, other) = (provider.token("ada"), provider.token("ada"));
    assert_eq!(get(&gateway.client(), "/app", &one).status, 200);
    ends(&gateway, &one);
    assert_eq!(get(&gateway.client(), "/app", &other).status, 200);
    // Once more: what its owner wants is true already.
    assert_eq!(log_out(&gateway, &one).0, 200);
    let told = gateway.metric(r#"gateway_security_events_total{event="logged_out"}"#);
    assert_eq!(told, 1.0, "and of what is true already nobody is told again");
}

#[test]
fn what_was_logged_out_stays_so_when_the_gateway_dies() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let data = tempfile::tempdir().unwrap();
    let setup = before(&upstream, &[issuer.entry("other", "")]).data(data.path());
    let tokens = [issuer.claims("ada"), with(issuer.claims("ada"), "jti", Value::Null)];
    let tokens = tokens.map(|claims| issuer.token(&claims));
    let mut gateway = setup.clone().start();
    tokens.iter().for_each(|token| ends(&gateway, token));
    gateway.kill();
    let gateway = setup.start();
    for token in &tokens {
        let refused = get(&gateway.client(), "/app", token);
        refused.is_refused(401, "Invalid or expired token", "token_revoked");
    }
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada"))).status, 200);
}

#[test]
fn a_logout_is_seen_through_redis() {
    let (issuer, upstream, redis) = (HandMade::start(), Upstream::start(), Redis::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).redis(&redis.url()).start();
    let token = issuer.token(&issuer.claims("ada"));
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    ends(&gateway, &token);
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada"))).status, 200);
}

#[test]
fn a_stream_ends_with_the_token_of_another_issuer() {
    let (issuer, services) = (HandMade::start(), Streaming::start());
    let gateway = Setup::new("")
        .config(&issuer.entry("other", "leeway_seconds = 1"))
        .upstream("http", &services.http)
        .route("live", "/live", "http", "")
        .start();
    let open = |path: &str, token: &str| {
        let mut stream = Raw::connect(gateway.address);
        stream.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"));
        assert_eq!(stream.head().unwrap().status, 200);
        stream
    };
    let ended = |reason: &str| gateway.metric(&format!("gateway_streams_ended_total{{reason=\"{reason}\"}}"));
    let token = || issuer.token(&issuer.claims("ada"));
    let lasting = open("/live/ticking/events", &token());
    let revoked = token();
    let mut one = open("/live/events", &revoked);
    assert_eq!(log_out(&gateway, &revoked).0, 200);
    one.rest();
    eventually("it is counted", || ended("token_revoked") == 1.0);
    let short = with(issuer.claims("ada"), "exp", json!(now() + 2));
    open("/live/events", &issuer.token(&short)).rest();
    eventually("it is counted", || ended("token_expired") == 1.0);
    // More comes than what was sent in the meantime.
    let mut heard = 0;
    eventually("the other one goes on", || {
        heard += std::io::Read::read(&mut lasting.stream(), &mut [0; 64]).unwrap();
        heard > 2_048
    });
}

/// An ECDSA signature (r, s) can be rewritten as (r, -s) by anybody: another text, the same token.
#[test]
fn a_token_without_an_id_cannot_come_back_as_another_text() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    let token = issuer.token(&with(issuer.claims("ada"), "jti", Value::Null));
    let twin = with_other_s(&token);
    assert_ne!(token, twin);
    assert_eq!(get(&gateway.client(), "/app", &twin).status, 200);
    ends(&gateway, &token);
    let refused = get(&gateway.client(), "/app", &twin);
    refused.is_refused(401, "Invalid or expired token", "token_revoked");
}

#[test]
fn two_issuers_that_use_the_same_id_do_not_end_each_others_tokens() {
    let (one, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
    let gateway = before(&upstream, &[one.entry("one", ""), other.entry("other", "")]).start();
    let ours = gateway.user();
    // An id of one of our own tokens, too.
    let id = crate::support::forge::claims(&ours.access)["jti"].clone();
    let mine = one.token(&with(one.claims("ada"), "jti", id.clone()));
    let theirs = other.token(&with(other.claims("ada"), "jti", id));
    ends(&gateway, &mine);
    assert_eq!(get(&gateway.client(), "/app", &theirs).status, 200);
    assert_eq!(ours.get("/app").status, 200);
    assert_eq!(ours.log_out().status, 200);
    assert_eq!(get(&gateway.client(), "/app", &theirs).status, 200);
}

#[test]
fn a_token_that_is_over_is_logged_out_and_one_that_nobody_would_accept_is_not_remembered() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    let claims = with(issuer.claims("ada"), "iat", json!(now() - 600));
    let over = issuer.token(&with(claims, "exp", json!(now() - 300)));
    assert_eq!(log_out(&gateway, &over).0, 200);
    assert_eq!(gateway.metric("gateway_revocation_entries{kind=\"token\"}"), 1.0);
    // One that nobody would ever accept need not be remembered for ever either.
    let endless = issuer.token(&with(issuer.claims("ada"), "exp", json!(now() + 1_000_000_000)));
    assert_eq!(log_out(&gateway, &endless).0, 401);
    let forged = HandMade::start().token(&issuer.claims("ada"));
    assert_eq!(log_out(&gateway, &forged).0, 401);
    assert_eq!(gateway.metric("gateway_revocation_entries{kind=\"token\"}"), 1.0);
}

/// The order of P-256, most significant byte first.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn with_other_s(token: &str) -> String {
    use base64::Engine as _;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = false;
    for place in (0..32).rev() {
        let (less, one) = ORDER[place].overflowing_sub(bytes[32 + place]);
        let (less, two) = less.overflowing_sub(u8::from(borrow));
        (bytes[32 + place], borrow) = (less, one || two);
    }
    format!("{message}.{}", crate::support::forge::encode(bytes))
}
