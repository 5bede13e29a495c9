//! `POST /api/auth/register`.

use serde_json::json;

use crate::support::contract::refuses;
use crate::support::gateway::{ADMIN_EMAIL, Setup};
use crate::support::in_parallel;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_registration_is_answered_with_the_id_and_the_address,
    what_is_wrong_is_listed_in_the_order_of_the_contract,
    a_field_of_the_wrong_type_is_named,
    each_length_is_bounded_exactly,
    addresses_outside_of_ascii_and_odd_ones_are_invalid,
    one_mailbox_is_one_account_however_it_is_written,
    of_twenty_parallel_registrations_of_one_address_exactly_one_succeeds,
    a_client_cannot_choose_its_role_its_id_or_its_standing,
    names_of_every_script_come_back_trimmed,
);

fn a_registration_is_answered_with_the_id_and_the_address(setup: Setup) {
    let gateway = setup.start();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "x": [1, null]});
    let reply = gateway.client().post("/api/auth/register").json(&body).send();
    let told = reply.is_served(201);
    // The first account is the administrator's.
    assert_eq!(told, json!({"message": "Registration successful", "user_id": 2, "email": "ada@example.com"}));
    assert_eq!(gateway.log_in("ada@example.com", PASSWORD).id, 2);
}

fn what_is_wrong_is_listed_in_the_order_of_the_contract(setup: Setup) {
    let gateway = setup.start();
    let client = gateway.client();
    let taken = format!(r#"{{"email":"{ADMIN_EMAIL}","password":"Short1"}}"#);
    let taken_only = format!(r#"{{"email":"{ADMIN_EMAIL}","password":"{PASSWORD}"}}"#);
    let all = format!(
        r#"{{"email":"{ADMIN_EMAIL}","password":"","first_name":"{0}","last_name":"{0}"}}"#,
        "x".repeat(101)
    );
    let weak = |password: &str| format!(r#"{{"email":"new@example.com","password":"{password}"}}"#);
    let (no_upper, no_lower, no_digit) = (weak("alllower1"), weak("ALLUPPER1"), weak("NoDigitsHere"));
    const WEAK: &str = "Password doesn't meet security requirements";
    refuses(
        || client.post("/api/auth/register"),
        &[
            ("", 400, "Missing request body", "missing_body"),
            (" \r\n", 400, "Missing request body", "missing_body"),
            ("{}", 400, "Missing request body", "missing_body"),
            (
                r#"{"x":1}"#,
                422,
                "[Invalid email address; Password must be at least 8 characters]",
                "validation_failed",
            ),
            (
                r#"{"email":"no","password":"Abcdef1"}"#,
                422,
                "[Invalid email address; Password must be at least 8 characters]",
                "validation_failed",
            ),
            (r#"{"email":"no","password":"Abcdefg1"}"#, 422, "[Invalid email address]", "validation_failed"),
            (
                r#"{"email":"new@example.com"}"#,
                422,
                "[Password must be at least 8 characters]",
                "validation_failed",
            ),
            (
                r#"{"email":null,"password":null}"#,
                422,
                "[Invalid email address; Password must be at least 8 characters]",
                "validation_failed",
            ),
            (
                &taken,
                422,
                "[Password must be at least 8 characters; Email already registered]",
                "validation_failed",
            ),
            (&taken_only, 422, "[Email already registered]", "validation_failed"),
            (
                &all,
                422,
                "[Password must be at least 8 characters; Email already registered; first_name must be at most 100 characters; last_name must be at most 100 characters]",
                "validation_failed",
            ),
            (&no_upper, 422, WEAK, "password_too_weak"),
            (&no_lower, 422, WEAK, "password_too_weak"),
            (&no_digit, 422, WEAK, "password_too_weak"),
        ],
    );
}

fn a_field_of_the_wrong_type_is_named(setup: Setup) {
    let gateway = setup.start();
    for field in ["email", "password", "first_name", "last_name"] {
        for wrong in [json!(1), json!(true), json!([]), json!({}), json!(["a@example.com"]), json!(1e300)] {
            let mut body = json!({"email": "a@example.com", "password": PASSWORD});
            body[field] = wrong;
            let reply = gateway.client().post("/api/auth/register").json(&body).send();
            reply.is_refused(422, &format!("{field} must be a string"), "validation_failed");
        }
    }
}

fn each_length_is_bounded_exactly(setup: Setup) {
    let gateway = setup.start();
    let name = |characters: usize| "ü".repeat(characters);
    let password = |bytes: usize| format!("Aa1{}", "x".repeat(bytes - 3));
    let email = |bytes: usize| {
        let label = "d".repeat(45);
        format!("{}@{label}.{label}.{label}.{}.org", "a".repeat(64), "e".repeat(bytes - 207))
    };
    let long_password = "[Password must be at most 1024 bytes]";
    let long_name = "[first_name must be at most 100 characters]";
    for (email, password, name, refusal) in [
        (fresh_email(), password(1_024), name(100), None),
        (fresh_email(), password(1_025), name(100), Some(long_password)),
        (fresh_email(), password(8), name(101), Some(long_name)),
        (email(255), password(8), String::new(), None),
        (email(256), password(8), String::new(), Some("[Invalid email address]")),
    ] {
        let body = json!({"email": email, "password": password, "first_name": name});
        let reply = gateway.client().post("/api/auth/register").json(&body).send();
        match refusal {
            None => assert_eq!(reply.is_served(201)["email"], email),
            Some(words) => reply.is_refused(422, words, "validation_failed"),
        }
    }
}

fn addresses_outside_of_ascii_and_odd_ones_are_invalid(setup: Setup) {
    let gateway = setup.start();
    for email in [
        "",
        " ",
        "ada",
        "@",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "a b@example.com",
        "ada@exa mple.com",
        "ädä@example.com",
        "ada@exämple.com",
        "ada@example.com\u{0}",
        "a\u{200b}@example.com",
        "ada@example.com\nBcc: b@example.com",
        "<ada@example.com>",
        "ada@[127.0.0.1]",
        "\"a\"@example.com",
        "ａda@example.com",
        "ada@example.com,eve@example.com",
        "ada@example.com.",
        "ada@.com",
        ".ada@example.com",
    ] {
        gateway.try_register(email).is_refused(422, "[Invalid email address]", "validation_failed");
    }
}

fn one_mailbox_is_one_account_however_it_is_written(setup: Setup) {
    let gateway = setup.start();
    let told = gateway.try_register("  Ada.Lovelace@Example.COM\t").is_served(201);
    assert_eq!(told["email"], "ada.lovelace@example.com");
    for same in ["ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM", "\n ada.Lovelace@example.com "] {
        gateway.try_register(same).is_refused(422, "[Email already registered]", "validation_failed");
        let logged_in = gateway.try_log_in(same, PASSWORD).is_served(200);
        assert_eq!(logged_in["user"]["id"], told["user_id"]);
        assert_eq!(logged_in["user"]["email"], "ada.lovelace@example.com");
    }
}

fn of_twenty_parallel_registrations_of_one_address_exactly_one_succeeds(setup: Setup) {
    let gateway = setup.start();
    let replies = in_parallel(20, |number| {
        gateway.try_register(if number % 2 == 0 { "one@example.com" } else { " One@Example.com" })
    });
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for reply in lost {
        reply.is_refused(422, "[Email already registered]", "validation_failed");
    }
    let users = gateway.admin().get("/api/auth/users").is_served(200);
    assert_eq!(users["pagination"]["total"], 2);
}

fn a_client_cannot_choose_its_role_its_id_or_its_standing(setup: Setup) {
    let gateway = setup.start();
    let body = json!({
        "email": "eve@example.com", "password": PASSWORD, "id": 1, "user_id": 1, "role": "admin",
        "is_admin": true, "is_active": false, "generation": 99, "password_hash": "x", "created_at": "1970-01-01T00:00:00Z",
    });
    let told = gateway.client().post("/api/auth/register").json(&body).send().is_served(201);
    assert_eq!(told["user_id"], 2);
    let eve = gateway.log_in("eve@example.com", PASSWORD);
    let profile = eve.get("/api/auth/profile").is_served(200);
    assert_eq!((&profile["user"]["id"], &profile["user"]["role"]), (&json!(2), &json!("user")));
    eve.get("/api/auth/users").is_refused(403, "Admin access required", "admin_required");
    let seen = gateway.admin().get("/api/auth/users/2").is_served(200);
    assert_ne!(seen["user"]["created_at"], "1970-01-01T00:00:00Z");
}

fn names_of_every_script_come_back_trimmed(setup: Setup) {
    let gateway = setup.start();
    let client = gateway.client();
    for name in ["Ada", "Ädä", "李小龙", "محمد", "👩‍💻 Ada", "O'Brien <b>", "a\"b\\c", "e\u{301}"]
    {
        let email = fresh_email();
        let body = json!({
            "email": email, "password": PASSWORD, "first_name": format!("  {name} "), "last_name": name,
        });
        client.post("/api/auth/register").json(&body).send().is_served(201);
        let user = gateway.log_in(&email, PASSWORD).get("/api/auth/profile").json()["user"].clone();
        assert_eq!((&user["first_name"], &user["last_name"]), (&json!(name), &json!(name)));
    }
    let body = json!({"email": fresh_email(), "password": PASSWORD, "first_name": "a\u{7}b"});
    let reply = client.post("/api/auth/register").json(&body).send();
    reply.is_refused(422, "[first_name must not contain control characters]", "validation_failed");
}
