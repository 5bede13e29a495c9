//! Tokens of the service that was there before: signed with a shared secret, without an issuer.

use serde_json::{Value, json};

use super::provider::{before, get};
use crate::support::forge::{now, sign, with};
use crate::support::gateway::{ACCESS_KEY, Gateway, Setup};
use crate::support::upstream::Upstream;

const SECRET: &str = "CANARY-legacy-secret-8c1d7f3a5e0b9264-CANARY";
const SHORT: &str = "CANARY-flask";

fn entry(more: &str) -> String {
    format!("[[issuers]]\nname = \"flask\"\nkind = \"legacy\"\nuntil = \"2999-12-31\"\n{more}")
}

fn setup(upstream: &Upstream, more: &str) -> Setup {
    before(upstream, &[entry(more)]).env("LEGACY_JWT_SECRET_KEY", SECRET)
}

/// As the article's service signs them.
fn claims() -> Value {
    json!({
        "user_id": 42, "email": "ada@example.com", "role": "admin", "type": "access",
        "iat": now(), "exp": now() + 3_600,
    })
}

fn start(more: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = setup(&upstream, more).start();
    (upstream, gateway)
}

#[test]
fn a_token_of_the_service_before_is_accepted_with_its_user_id() {
    let (upstream, gateway) = start("role_names = { admin = \"admin\", user = \"user\" }");
    let reply = get(&gateway.client(), "/app", &sign(&claims(), SECRET));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let arrived = upstream.only();
    assert_eq!(arrived.one("x-user-id"), "42");
    assert_eq!(arrived.one("x-user-email"), "ada@example.com");
    assert_eq!(arrived.one("x-user-role"), "admin");
    assert_eq!(arrived.one("x-user-issuer"), "flask");
    gateway.says("tokens of the service that was there before are accepted until 2999-12-31");
}

#[test]
fn its_admin_is_an_admin_for_services_only_where_that_is_written_down() {
    let (upstream, gateway) = start("");
    assert_eq!(get(&gateway.client(), "/app", &sign(&claims(), SECRET)).status, 200);
    assert!(!upstream.only().has("x-user-role"));
    for more in ["", "role_names = { admin = \"admin\" }"] {
        let (_upstream, gateway) = start(more);
        let reply = get(&gateway.client(), "/api/auth/users", &sign(&claims(), SECRET));
        reply.is_refused(403, "Admin access required", "admin_required");
    }
}

#[test]
fn what_is_no_access_token_of_that_service_is_refused() {
    let (upstream, gateway) = start("");
    let wrong = |name: &str, value: Value| sign(&with(claims(), name, value), SECRET);
    for token in [
        wrong("type", json!("refresh")),
        wrong("type", Value::Null),
        wrong("user_id", Value::Null),
        wrong("user_id", json!(true)),
        wrong("user_id", json!(1.5)),
        wrong("exp", Value::Null),
        wrong("exp", json!(now() + 90_000)),
        wrong("iss", json!("flask")),
        wrong("iss", json!("gateway")),
        sign(&claims(), "CANARY-another-secret-8c1d7f3a5e0b9264"),
        // Our own key signs our own tokens, and no others.
        sign(&claims(), ACCESS_KEY),
        sign(&claims(), ""),
    ] {
        let reply = get(&gateway.client(), "/app", &token);
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
    }
    let over = with(with(claims(), "iat", json!(now() - 3_600)), "exp", json!(now() - 60));
    get(&gateway.client(), "/app", &sign(&over, SECRET)).is_refused(
        401,
        "Invalid or expired token",
        "token_expired",
    );
    assert!(upstream.arrived().is_empty());
}

#[test]
fn its_tokens_say_by_one_of_two_names_that_they_are_access_tokens() {
    let (upstream, gateway) = start("");
    let said = |kind: Value, token_type: Value| {
        let claims = with(with(claims(), "type", kind), "token_type", token_type);
        get(&gateway.client(), "/app", &sign(&claims, SECRET)).status
    };
    assert_eq!(said(Value::Null, json!("access")), 200);
    assert_eq!(said(json!("access"), json!("bearer")), 200);
    upstream.forget();
    assert_eq!(said(Value::Null, json!("refresh")), 401);
    assert_eq!(said(json!("refresh"), json!("access")), 401);
    assert_eq!(said(Value::Null, Value::Null), 401);
    assert!(upstream.arrived().is_empty());
}

#[test]
fn its_user_ids_stay_what_they_were_and_have_one_spelling() {
    let (upstream, gateway) = start("");
    let ask = |gateway: &Gateway, claim: &str, value: Value| {
        get(&gateway.client(), "/app", &sign(&with(claims(), claim, value), SECRET)).status
    };
    for id in [json!(42), json!("42"), json!(163_840_776_835_432_705_u64), json!("ada"), json!("42-ada")] {
        assert_eq!(ask(&gateway, "user_id", id), 200);
    }
    upstream.forget();
    for id in ["042", "+42", "42.0", "0x2a", "42;"] {
        assert_eq!(ask(&gateway, "user_id", json!(id)), 401, "{id}");
    }
    // What people chose there is no number that it gave.
    let (named, gateway) = start("subject_claim = \"username\"");
    for name in ["42", "42nd"] {
        assert_eq!(ask(&gateway, "username", json!(name)), 401, "{name}");
    }
    assert!(upstream.arrived().is_empty() && named.arrived().is_empty());
    assert_eq!(ask(&gateway, "username", json!("ada")), 200);
}

#[test]
fn its_secret_makes_no_tokens_of_ours() {
    let (_upstream, gateway) = start("");
    let ada = gateway.user();
    let forged = sign(&crate::support::forge::access_claims(&ada), SECRET);
    get(&gateway.client(), "/app", &forged).is_refused(401, "Invalid or expired token", "token_invalid");
}

#[test]
fn a_logout_ends_a_token_that_has_no_id() {
    let upstream = Upstream::start();
    let data = tempfile::tempdir().unwrap();
    let setup = setup(&upstream, "").data(data.path());
    let mut gateway = setup.clone().start();
    let (one, other) = (sign(&claims(), SECRET), sign(&with(claims(), "iat", json!(now() - 1)), SECRET));
    let log_out = gateway.client().post("/api/auth/logout").bearer(&one).send();
    assert_eq!((log_out.status, log_out.json()["message"].as_str()), (200, Some("Logged out successfully")));
    gateway.kill();
    let gateway = setup.start();
    get(&gateway.client(), "/app", &one).is_refused(401, "Invalid or expired token", "token_revoked");
    assert_eq!(get(&gateway.client(), "/app", &other).status, 200);
}

#[test]
fn after_its_last_day_its_tokens_are_refused_and_the_start_says_so() {
    let upstream = Upstream::start();
    for until in ["2026-01-01", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00+02:00"] {
        let gateway = before(&upstream, &[entry("").replace("2999-12-31", until)])
            .env("LEGACY_JWT_SECRET_KEY", SECRET)
            .start();
        let reply = get(&gateway.client(), "/app", &sign(&claims(), SECRET));
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
        gateway.says("its time was over on 2026-01-01");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_short_secret_is_accepted_by_its_full_name_only() {
    let upstream = Upstream::start();
    let started = |secret: &str, more: &str| {
        before(&upstream, &[entry(more)]).env("LEGACY_JWT_SECRET_KEY", secret).try_start()
    };
    let failed = started(SHORT, "").map(drop).unwrap_err();
    assert!(failed.stderr.contains("the key has 12 bytes"), "{}", failed.stderr);
    assert!(failed.stderr.contains("danger_short_secret = true"), "{}", failed.stderr);
    let gateway = started(SHORT, "danger_short_secret = true").unwrap();
    assert_eq!(get(&gateway.client(), "/app", &sign(&claims(), SHORT)).status, 200);
    gateway.says("danger_short_secret = true: the key has 12 bytes");
    // What everybody has read in a tutorial is no secret at all.
    for known in ["your-secret-key-change-in-production", "aaaaaaaa", "x"] {
        let failed = started(known, "danger_short_secret = true").map(drop).unwrap_err();
        assert_eq!(failed.status.code(), Some(78), "{}", failed.stderr);
        assert!(!failed.stderr.contains(known) || known == "x", "{}", failed.stderr);
    }
    // And ours is ours alone.
    let failed = started(ACCESS_KEY, "").map(drop).unwrap_err();
    assert!(failed.stderr.contains("is one of the gateway's own keys, too"), "{}", failed.stderr);
}
