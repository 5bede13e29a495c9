//! How large a token may be: a limit of its own, with an answer of its own.

use serde_json::json;

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::forge::{access, access_claims, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// As those of Entra for somebody in many groups.
fn large(issuer: &HandMade, groups: usize) -> String {
    let ids: Vec<_> = (0..groups).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    issuer.token(&with(issuer.claims("ada"), "groups", json!(ids)))
}

fn is_too_large(gateway: &Gateway, token: &str) {
    let reply = get(&gateway.client(), "/app", token);
    reply.is_refused(401, "Invalid or expired token", "token_too_large");
    assert!(reply.json()["detail"].as_str().unwrap().contains("logging in again gives another one"));
    let challenge = reply.header("www-authenticate");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert!(challenge.contains("error_description=\"The access token is too large\""), "{challenge}");
}

#[test]
fn a_token_over_the_limit_is_refused_as_too_large_and_the_log_has_its_size() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    let token = large(&issuer, 160);
    assert!((8_193..12_000).contains(&token.len()));
    is_too_large(&gateway, &token);
    let line = gateway.line("request");
    assert_eq!((&line["outcome"], &line["token_bytes"]), (&json!("token_too_large"), &json!(token.len())));
    let log_out = gateway.client().post("/api/auth/logout").bearer(&token).send();
    log_out.is_refused(401, "Invalid or expired token", "token_too_large");
    assert_eq!(get(&gateway.client(), "/app", &large(&issuer, 100)).status, 200);
    assert_eq!(upstream.arrived().len(), 1);
}

#[test]
fn the_limit_of_tokens_is_the_operators_and_a_reload_changes_it() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let setup = |more: &str| -> Setup { before(&upstream, &[issuer.entry("other", "")]).config(more) };
    let gateway = setup("[tokens]\nbytes_max = 16384").start();
    assert_eq!(get(&gateway.client(), "/app", &large(&issuer, 160)).status, 200);
    is_too_large(&gateway, &large(&issuer, 400));
    assert!(gateway.reload(&setup("[tokens]\nbytes_max = 30720")));
    assert_eq!(get(&gateway.client(), "/app", &large(&issuer, 400)).status, 200);
    assert!(gateway.reload(&setup("")));
    is_too_large(&gateway, &large(&issuer, 160));
}

#[test]
fn no_token_of_ours_is_as_large_whatever_the_limit() {
    let upstream = Upstream::start();
    let gateway = before(&upstream, &[]).config("[tokens]\nbytes_max = 30720").start();
    let claims = with(access_claims(&gateway.user()), "note", json!("x".repeat(9_000)));
    let reply = get(&gateway.client(), "/app", &access(&claims));
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
    is_too_large(&gateway, &access(&with(claims, "note", json!("x".repeat(23_000)))));
}

#[test]
fn a_limit_that_no_head_could_hold_is_refused() {
    for (bytes, fine) in [(4_095, false), (4_096, true), (30_720, true), (30_721, false)] {
        let started = Setup::new(&format!("[tokens]\nbytes_max = {bytes}\n")).try_start();
        assert_eq!(started.is_ok(), fine, "{bytes}");
        if let Err(failed) = started {
            let said = format!("tokens.bytes_max = {bytes}: allowed are 4096 to 30720");
            assert!(failed.stderr.contains(&said), "{}", failed.stderr);
        }
    }
}

#[test]
fn many_tokens_that_are_too_large_keep_nobody_out() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")])
        .env("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "{requests=2,window_seconds=600}")
        .start();
    let token = large(&issuer, 160);
    for _ in 0..4 {
        is_too_large(&gateway, &token);
    }
    assert_eq!(gateway.decided("token_too_large"), 4.0);
}
