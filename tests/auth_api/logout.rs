//! `POST /api/auth/logout`.

use serde_json::json;

use crate::support::forge;
use crate::support::gateway::Setup;
use crate::support::http::Reply;
use crate::support::in_parallel;
use crate::support::people::{PASSWORD, Person};
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_logout_ends_the_access_token_and_the_refresh_token_of_its_session,
    a_logout_without_a_token_is_told_so,
    a_token_that_is_not_ours_is_refused,
    a_token_that_is_expired_or_revoked_already_is_logged_out_all_the_same,
    who_logs_out_again_and_again_is_told_of_once,
    a_logout_of_one_session_leaves_the_other,
    a_refresh_token_of_another_own_session_in_the_body_ends_that_session_too,
    somebody_elses_refresh_token_in_the_body_ends_nothing,
    a_logout_is_seen_at_once_by_parallel_connections,
    all_access_tokens_of_a_session_end_with_it,
);

fn a_logout_ends_the_access_token_and_the_refresh_token_of_its_session(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    assert_eq!(ada.log_out().is_served(200), json!({"message": "Logged out successfully"}));
    ada.get("/api/auth/profile").is_refused(401, "Invalid or expired token", "token_revoked");
    let refused = ada.refresh(&ada.refresh, false);
    refused.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
}

fn a_logout_without_a_token_is_told_so(setup: Setup) {
    let gateway = setup.start();
    let logout = || gateway.client().post("/api/auth/logout");
    for reply in [
        logout().send(),
        logout().json(&json!({"refresh_token": "x"})).send(),
        logout().header("authorization", "").send(),
        logout().header("authorization", "Bearer").send(),
        logout().header("authorization", "Basic YTpi").send(),
        logout().header("authorization", "Bearer a b").send(),
    ] {
        reply.is_refused(422, "No token provided", "logout_token_required");
    }
    let twice = logout().bearer("a").bearer("a").send();
    twice.is_refused(400, "More than one access token in the request", "invalid_request");
}

fn a_token_that_is_not_ours_is_refused(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let good = forge::claims(&ada.access);
    for token in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        ada.refresh.clone(),
        format!("{}x", ada.access),
        forge::sign(&good, "a key of somebody else, 32 bytes or more"),
        forge::refresh(&good),
        "x".repeat(8_000),
    ] {
        let reply = gateway.client().post("/api/auth/logout").bearer(&token).send();
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
    }
    let wrong_type = ada.request("POST", "/api/auth/logout").json(&json!({"refresh_token": 7})).send();
    wrong_type.is_refused(422, "refresh_token must be a string", "validation_failed");
    assert_eq!(ada.standing(), "in force");
}

fn who_logs_out_again_and_again_is_told_of_once(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    for _ in 0..5 {
        assert_eq!(ada.log_out().status, 200);
    }
    assert_eq!(gateway.metric(r#"gateway_security_events_total{event="logged_out"}"#), 1.0);
}

fn a_token_that_is_expired_or_revoked_already_is_logged_out_all_the_same(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let past = forge::with(forge::claims(&ada.access), "iat", json!(forge::now() - 3_700));
    let expired = forge::access(&forge::with(past, "exp", json!(forge::now() - 100)));
    let over = Person { access: expired, ..ada.clone() };
    assert_eq!(over.standing(), "token_expired");
    for _ in 0..2 {
        assert_eq!(over.log_out().is_served(200), json!({"message": "Logged out successfully"}));
    }
    assert_eq!(ada.standing(), "token_revoked");
    assert_eq!(ada.refresh(&ada.refresh, false).status, 401);
    for _ in 0..2 {
        assert_eq!(ada.log_out().is_served(200), json!({"message": "Logged out successfully"}));
    }
}

fn a_logout_of_one_session_leaves_the_other(setup: Setup) {
    let gateway = setup.start();
    let phone = gateway.user();
    let laptop = gateway.log_in(&phone.email, PASSWORD);
    assert_eq!(phone.log_out().status, 200);
    assert_eq!((phone.standing().as_str(), laptop.standing().as_str()), ("token_revoked", "in force"));
    assert_eq!(laptop.refreshed().standing(), "in force");
}

fn a_refresh_token_of_another_own_session_in_the_body_ends_that_session_too(setup: Setup) {
    let gateway = setup.start();
    let phone = gateway.user();
    let (laptop, tablet) = (gateway.log_in(&phone.email, PASSWORD), gateway.log_in(&phone.email, PASSWORD));
    assert_eq!(log_out_with(&phone, &laptop.refresh).status, 200);
    assert_eq!((phone.standing().as_str(), laptop.standing().as_str()), ("token_revoked", "token_revoked"));
    assert_eq!(tablet.standing(), "in force");
    assert_eq!(log_out_with(&tablet, &tablet.refresh).status, 200);
    assert_eq!(tablet.refresh(&tablet.refresh, false).status, 401);
}

fn somebody_elses_refresh_token_in_the_body_ends_nothing(setup: Setup) {
    let gateway = setup.start();
    let (ada, eve) = (gateway.user(), gateway.user());
    for body in [ada.refresh.as_str(), "no token", "", &ada.access] {
        assert_eq!(log_out_with(&eve, body).is_served(200), json!({"message": "Logged out successfully"}));
    }
    assert_eq!(ada.standing(), "in force");
    assert_eq!(ada.refreshed().standing(), "in force");
}

/// Each connection has asked before, so that no answer can come from a connection that is new.
fn a_logout_is_seen_at_once_by_parallel_connections(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let connections: Vec<_> = (0..8).map(|_| Person { client: gateway.client(), ..ada.clone() }).collect();
    for connection in &connections {
        assert_eq!(connection.standing(), "in force");
    }
    assert_eq!(ada.log_out().status, 200);
    let standings = in_parallel(connections.len(), |number| connections[number].standing());
    assert_eq!(standings, ["token_revoked"; 8]);
}

fn all_access_tokens_of_a_session_end_with_it(setup: Setup) {
    let gateway = setup.start();
    let first = gateway.user();
    let second = first.clone().refreshed();
    assert_ne!(first.access, second.access);
    assert_eq!(second.log_out().status, 200);
    assert_eq!((first.standing().as_str(), second.standing().as_str()), ("token_revoked", "token_revoked"));
}

fn log_out_with(person: &Person, refresh_token: &str) -> Reply {
    person.request("POST", "/api/auth/logout").json(&json!({"refresh_token": refresh_token})).send()
}
