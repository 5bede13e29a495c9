//! `GET` and `PUT /api/auth/profile`.

use serde_json::json;

use crate::support::contract::refuses;
use crate::support::gateway::Setup;
use crate::support::people::{PASSWORD, Person};
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_profile_shows_what_the_account_has,
    each_name_is_changed_on_its_own,
    each_refusal_of_a_change_is_as_written,
    a_change_of_the_profile_changes_nothing_but_names,
    without_a_good_token_there_is_no_profile,
    a_change_of_names_leaves_the_tokens_in_force,
);

fn a_profile_shows_what_the_account_has(setup: Setup) {
    let gateway = setup.start();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada"});
    gateway.client().post("/api/auth/register").json(&body).send().is_served(201);
    let ada = gateway.log_in("ada@example.com", PASSWORD);
    assert_eq!(
        ada.get("/api/auth/profile").is_served(200),
        json!({"user": {
            "id": 2, "email": "ada@example.com", "first_name": "Ada", "last_name": "", "role": "user",
        }})
    );
}

fn each_name_is_changed_on_its_own(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let hundred = "é".repeat(100);
    for (change, first, last) in [
        (json!({"first_name": "Ada", "last_name": "Byron"}), "Ada", "Byron"),
        (json!({"last_name": " Lovelace "}), "Ada", "Lovelace"),
        (json!({"first_name": "Augusta"}), "Augusta", "Lovelace"),
        (json!({"first_name": null}), "Augusta", "Lovelace"),
        (json!({}), "Augusta", "Lovelace"),
        (json!({"x": 1}), "Augusta", "Lovelace"),
        (json!({"first_name": ""}), "", "Lovelace"),
        (json!({"first_name": "李", "last_name": hundred}), "李", &hundred),
    ] {
        let reply = ada.request("PUT", "/api/auth/profile").json(&change).send();
        assert_eq!(reply.is_served(200), json!({"message": "Profile updated"}));
        let user = ada.get("/api/auth/profile").is_served(200)["user"].clone();
        assert_eq!((&user["first_name"], &user["last_name"]), (&json!(first), &json!(last)), "{change}");
    }
    assert_eq!(ada.request("PUT", "/api/auth/profile").send().status, 200);
}

fn each_refusal_of_a_change_is_as_written(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let long = "x".repeat(101);
    let one = json!({"last_name": long}).to_string();
    let both = json!({"first_name": long, "last_name": "a\nb"}).to_string();
    refuses(
        || ada.request("PUT", "/api/auth/profile"),
        &[
            (r#"{"first_name":1}"#, 422, "first_name must be a string", "validation_failed"),
            (r#"{"last_name":{}}"#, 422, "last_name must be a string", "validation_failed"),
            (&one, 422, "[last_name must be at most 100 characters]", "validation_failed"),
            (
                &both,
                422,
                "[first_name must be at most 100 characters; last_name must not contain control characters]",
                "validation_failed",
            ),
            ("[]", 400, "Malformed JSON", "malformed_json"),
        ],
    );
    let user = ada.get("/api/auth/profile").is_served(200)["user"].clone();
    assert_eq!((&user["first_name"], &user["last_name"]), (&json!(""), &json!("")));
}

fn a_change_of_the_profile_changes_nothing_but_names(setup: Setup) {
    let gateway = setup.start();
    let (admin, eve) = (gateway.admin(), gateway.user());
    let before = admin.get(&format!("/api/auth/users/{}", eve.id)).is_served(200);
    let body = json!({
        "id": 1, "user_id": 1, "email": "eve2@example.com", "role": "admin", "is_active": false, "gen": 7,
        "password": "Another-Password-1", "password_hash": "x", "created_at": "1970-01-01T00:00:00Z",
    });
    assert_eq!(eve.request("PUT", "/api/auth/profile").json(&body).send().status, 200);
    assert_eq!(admin.get(&format!("/api/auth/users/{}", eve.id)).is_served(200), before);
    let again = gateway.log_in(&eve.email, PASSWORD);
    again.get("/api/auth/users").is_refused(403, "Admin access required", "admin_required");
}

fn without_a_good_token_there_is_no_profile(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    for method in ["GET", "PUT"] {
        let reply = gateway.client().request(method, "/api/auth/profile").send();
        reply.is_refused(401, "Missing authorization token", "token_missing");
        assert_eq!(reply.header("www-authenticate"), r#"Bearer realm="gateway""#);
        for bad in ["x", &ada.refresh, &format!("{}x", ada.access)] {
            let reply =
                Person { access: bad.to_owned(), ..ada.clone() }.request(method, "/api/auth/profile").send();
            reply.is_refused(401, "Invalid or expired token", "token_invalid");
            let challenge = reply.header("www-authenticate");
            assert!(
                challenge
                    .starts_with(r#"Bearer realm="gateway", error="invalid_token", error_description=""#)
            );
        }
    }
}

fn a_change_of_names_leaves_the_tokens_in_force(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let change = json!({"first_name": "Ada"});
    assert_eq!(ada.request("PUT", "/api/auth/profile").json(&change).send().status, 200);
    assert_eq!(gateway.admin().amends(ada.id, &json!({"last_name": "L"})).status, 200);
    assert_eq!(ada.standing(), "in force");
}
