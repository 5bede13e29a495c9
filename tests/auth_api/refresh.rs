//! `POST /api/auth/refresh`, for clients that keep their refresh token. Rotation has its own file.

use serde_json::json;

use crate::support::contract::{promoted, refuses};
use crate::support::forge;
use crate::support::gateway::Setup;
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_client_that_keeps_its_first_refresh_token_works_on_and_on,
    each_refusal_of_a_refresh_is_as_written,
    a_refresh_token_that_is_not_in_force_is_refused,
    the_signature_comes_before_the_user_and_the_user_before_the_session,
    a_refresh_brings_the_role_that_the_account_has_now,
);

fn a_client_that_keeps_its_first_refresh_token_works_on_and_on(setup: Setup) {
    let gateway = setup.start();
    let mut ada = gateway.user();
    let first = forge::claims(&ada.access);
    for _ in 0..5 {
        let mut told = ada.refresh(&ada.refresh, false).is_served(200);
        ada.access = told["access_token"].take().as_str().unwrap().to_owned();
        assert_eq!(told, json!({"access_token": null, "token_type": "Bearer", "expires_in": 3600}));
        assert_eq!(ada.standing(), "in force");
        let claims = forge::claims(&ada.access);
        assert_eq!((&claims["sid"], &claims["user_id"]), (&first["sid"], &first["user_id"]));
        assert_ne!(claims["jti"], first["jti"]);
    }
}

fn each_refusal_of_a_refresh_is_as_written(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let rotate_is_no_flag = json!({"refresh_token": ada.refresh, "rotate": "yes"}).to_string();
    let client = gateway.client();
    const REQUIRED: (u16, &str, &str) = (422, "Refresh token required", "refresh_token_required");
    for (body, (status, words, code)) in [
        ("", REQUIRED),
        ("{}", REQUIRED),
        (r#"{"x":1}"#, REQUIRED),
        (r#"{"refresh_token":""}"#, REQUIRED),
        (r#"{"refresh_token":null}"#, REQUIRED),
        (r#"{"refresh_token":7}"#, (422, "refresh_token must be a string", "validation_failed")),
        (r#"{"refresh_token":["x"]}"#, (422, "refresh_token must be a string", "validation_failed")),
        (&rotate_is_no_flag, (422, "rotate must be a boolean", "validation_failed")),
    ] {
        refuses(|| client.post("/api/auth/refresh"), &[(body, status, words, code)]);
    }
    assert_eq!(ada.refreshed().standing(), "in force");
}

fn a_refresh_token_that_is_not_in_force_is_refused(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let good = forge::claims(&ada.refresh);
    let expired = forge::with(forge::with(good.clone(), "exp", json!(forge::now() - 1)), "iat", json!(1));
    let elsewhere = forge::with(good.clone(), "sid", json!(uuid::Uuid::new_v4().to_string()));
    let never_issued = forge::refresh_claims(&ada);
    for token in [
        "x".to_owned(),
        " ".to_owned(),
        ada.access.clone(),
        format!("{}x", ada.refresh),
        format!("Bearer {}", ada.refresh),
        forge::sign(&good, "a key of somebody else, 32 bytes or more"),
        forge::access(&good),
        forge::refresh(&expired),
        forge::refresh(&elsewhere),
        forge::refresh(&never_issued),
        "x".repeat(60_000),
    ] {
        let reply = ada.refresh(&token, false);
        reply.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    }
    assert_eq!(ada.refreshed().standing(), "in force");
}

fn the_signature_comes_before_the_user_and_the_user_before_the_session(setup: Setup) {
    let gateway = setup.start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    assert_eq!(ada.log_out().status, 200);
    let closed = ada.refresh(&ada.refresh, false);
    closed.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    admin.amends(ada.id, &json!({"is_active": false})).is_served(200);
    let inactive = ada.refresh(&ada.refresh, false);
    inactive.is_refused(404, "User not found or inactive", "user_inactive");
    let unsigned = ada.refresh(&format!("{}x", ada.refresh), false);
    unsigned.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    let nobody = ada.refresh(&forge::refresh(&forge::about(forge::refresh_claims(&ada), 999)), false);
    nobody.is_refused(404, "User not found or inactive", "user_inactive");
}

fn a_refresh_brings_the_role_that_the_account_has_now(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    let eve = promoted(&gateway, &admin);
    assert_eq!(forge::claims(&eve.access)["role"], "admin");
    eve.get("/api/auth/users").is_served(200);
    admin.amends(eve.id, &json!({"role": "user"})).is_served(200);
    let eve = eve.refreshed();
    assert_eq!(forge::claims(&eve.access)["role"], "user");
    eve.get("/api/auth/users").is_refused(403, "Admin access required", "admin_required");
}
