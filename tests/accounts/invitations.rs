//! Who may register: everybody, nobody, or who was invited.

use serde_json::{Value, json};

use crate::support::contract::refuses;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::in_parallel;
use crate::support::people::{PASSWORD, Person, fresh_email};

fn registration(mode: &str) -> Setup {
    Setup::new(&format!("[registration]\nmode = \"{mode}\"\n"))
}

fn invites(admin: &Person, body: &Value) -> Value {
    admin.request("POST", "/api/auth/invitations").json(body).send().is_served(201)
}

fn joins(gateway: &Gateway, email: &str, token: &str) -> Reply {
    gateway.registers(&json!({"email": email, "password": PASSWORD, "invitation": token}))
}

#[track_caller]
fn is_not_invited(reply: &Reply) {
    reply.is_refused(403, "A valid invitation is required", "invitation_required");
}

#[test]
fn where_registration_is_closed_nobody_registers() {
    let gateway = registration("closed").start();
    let admin = gateway.admin();
    let refused = gateway.try_register(&fresh_email());
    refused.is_refused(403, "Registration is closed", "registration_closed");
    // So nobody is invited; and what is wrong with the body is not looked at.
    let body = json!({"email": fresh_email()});
    let refused = admin.request("POST", "/api/auth/invitations").json(&body).send();
    refused.is_refused(403, "Registration is closed", "registration_closed");
    let refused = gateway.client().post("/api/auth/register").send();
    refused.is_refused(403, "Registration is closed", "registration_closed");
    let users = admin.get("/api/auth/users").is_served(200);
    assert_eq!(users["pagination"]["total"], 1);
}

#[test]
fn where_it_is_by_invitation_only_who_was_invited_registers() {
    let gateway = registration("invite").start();
    let (admin, guest, other) = (gateway.admin(), fresh_email(), fresh_email());
    is_not_invited(&gateway.try_register(&guest));
    let made = invites(&admin, &json!({"email": format!("  {}", guest.to_uppercase())}));
    assert_eq!((&made["email"], &made["role"]), (&json!(guest), &json!("user")));
    assert_eq!(made["invited_by"], admin.id);
    let letter = gateway.letter("invitation", &guest);
    let token = letter.token();
    assert!(!made.to_string().contains(&token), "only the mail has the token");
    let listed = admin.get("/api/auth/invitations").is_served(200);
    assert_eq!(listed["invitations"], json!([made]));
    assert!(!listed.to_string().contains(&token));

    is_not_invited(&joins(&gateway, &other, &token));
    is_not_invited(&joins(&gateway, &guest, "x"));
    joins(&gateway, &guest, &token).is_served(201);
    let ada = gateway.log_in(&guest, PASSWORD);
    let account = admin.get(&format!("/api/auth/users/{}", ada.id)).is_served(200);
    assert_eq!(
        (&account["user"]["role"], &account["user"]["email_verified"]),
        (&json!("user"), &json!(true))
    );
    is_not_invited(&joins(&gateway, &guest, &token));
    assert_eq!(admin.get("/api/auth/invitations").is_served(200)["invitations"], json!([]));
}

#[test]
fn an_invitation_says_who_becomes_an_admin() {
    let gateway = registration("open").start();
    let (admin, guest) = (gateway.admin(), fresh_email());
    invites(&admin, &json!({"email": guest, "role": "admin"}));
    let letter = gateway.letter("invitation", &guest);
    let body = json!({"email": guest, "password": PASSWORD, "invitation": letter.token(), "role": "user"});
    gateway.registers(&body).is_served(201);
    let ada = gateway.log_in(&guest, PASSWORD);
    ada.get("/api/auth/users").is_served(200);
    // And nobody else becomes one by asking.
    let eve = fresh_email();
    gateway.registers(&json!({"email": eve, "password": PASSWORD, "role": "admin"})).is_served(201);
    assert_eq!(gateway.log_in(&eve, PASSWORD).get("/api/auth/users").status, 403);
}

#[test]
fn an_invitation_is_used_once_however_many_try() {
    let gateway = registration("invite").start();
    let (admin, guest) = (gateway.admin(), fresh_email());
    invites(&admin, &json!({"email": guest}));
    let token = gateway.letter("invitation", &guest).token();
    let told = in_parallel(4, |_| joins(&gateway, &guest, &token));
    assert_eq!(told.iter().filter(|reply| reply.status == 201).count(), 1);
    assert!(told.iter().all(|reply| [201, 403, 422].contains(&reply.status)), "{told:?}");
    assert_eq!(admin.get("/api/auth/users").is_served(200)["pagination"]["total"], 2);
}

#[test]
fn a_newer_invitation_replaces_the_one_before_and_a_withdrawn_one_is_void() {
    let gateway = registration("invite").start();
    let (admin, guest) = (gateway.admin(), fresh_email());
    let first = invites(&admin, &json!({"email": guest, "role": "admin"}));
    let old = gateway.letter("invitation", &guest).token();
    let second = invites(&admin, &json!({"email": guest}));
    let new = gateway.nth_letter(2, "invitation", &guest).token();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(admin.get("/api/auth/invitations").is_served(200)["invitations"], json!([second]));
    is_not_invited(&joins(&gateway, &guest, &old));
    let withdraw = |id: &str| admin.request("DELETE", &format!("/api/auth/invitations/{id}")).send();
    for missing in [first["id"].to_string().as_str(), "999", "0", "-1", "x", "18446744073709551616"] {
        withdraw(missing).is_refused(404, "Invitation not found", "invitation_not_found");
    }
    withdraw(&second["id"].to_string()).is_served(200);
    withdraw(&second["id"].to_string()).is_refused(404, "Invitation not found", "invitation_not_found");
    is_not_invited(&joins(&gateway, &guest, &new));
    assert_eq!(admin.get("/api/auth/invitations").is_served(200)["invitations"], json!([]));
}

#[test]
fn each_refusal_of_an_invitation_is_as_written() {
    let gateway = registration("invite").start();
    let admin = gateway.admin();
    let known = json!({"email": admin.email}).to_string();
    refuses(
        || admin.request("POST", "/api/auth/invitations"),
        &[
            ("", 422, "[Invalid email address]", "validation_failed"),
            (r#"{"email":"x"}"#, 422, "[Invalid email address]", "validation_failed"),
            (r#"{"email":["a@example.com"]}"#, 422, "email must be a string", "validation_failed"),
            (
                r#"{"email":"a@example.com","role":"root"}"#,
                422,
                "role must be user or admin",
                "validation_failed",
            ),
            (r#"{"email":"a@example.com","role":1}"#, 422, "role must be a string", "validation_failed"),
            (&known, 422, "[Email already registered]", "validation_failed"),
            ("[", 400, "Malformed JSON", "malformed_json"),
        ],
    );
    let client = gateway.client();
    refuses(
        || client.post("/api/auth/register"),
        &[
            (r#"{"invitation":1}"#, 422, "invitation must be a string", "validation_failed"),
            (r#"{"invitation":null}"#, 403, "A valid invitation is required", "invitation_required"),
        ],
    );
}

#[test]
fn only_admins_invite_list_and_withdraw() {
    let gateway = registration("open").start();
    let (admin, eve) = (gateway.admin(), gateway.user());
    let made = invites(&admin, &json!({"email": fresh_email()}));
    let one = format!("/api/auth/invitations/{}", made["id"]);
    for (method, path) in
        [("POST", "/api/auth/invitations"), ("GET", "/api/auth/invitations"), ("DELETE", &one)]
    {
        let body = json!({"email": eve.email, "role": "admin"});
        let refused = eve.request(method, path).json(&body).send();
        refused.is_refused(403, "Admin access required", "admin_required");
        let nobody = gateway.client().request(method, path).json(&body).send();
        nobody.is_refused(401, "Missing authorization token", "token_missing");
    }
    assert_eq!(admin.get("/api/auth/invitations").is_served(200)["invitations"], json!([made]));
}

/// Else whoever is to lose the role could keep a way back for a week.
#[test]
fn who_is_no_administrator_any_more_has_invited_nobody() {
    let gateway = registration("invite").start();
    let admin = gateway.admin();
    let other = |role: &str, is_active: bool| {
        let email = fresh_email();
        invites(&admin, &json!({"email": email, "role": "admin"}));
        joins(&gateway, &email, &gateway.letter("invitation", &email).token()).is_served(201);
        let other = gateway.log_in(&email, PASSWORD);
        let guest = fresh_email();
        invites(&other, &json!({"email": guest, "role": "admin"}));
        let token = gateway.letter("invitation", &guest).token();
        admin.amends(other.id, &json!({"role": role, "is_active": is_active})).is_served(200);
        (guest, token)
    };
    for (guest, token) in [other("user", true), other("admin", false)] {
        is_not_invited(&joins(&gateway, &guest, &token));
    }
}
