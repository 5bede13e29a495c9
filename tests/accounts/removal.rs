//! What an administrator does to an account, and the end of one.

use serde_json::{Value, json};

use super::{NEW, WRONG, is_no_reset_token, is_no_verification_token, is_wrong};
use crate::support::contract::promoted;
use crate::support::forge;
use crate::support::gateway::Setup;
use crate::support::in_parallel;
use crate::support::people::{PASSWORD, Person, fresh_email};
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_deactivated_account_is_out_at_once_and_in_again_when_it_is_activated,
    a_new_role_holds_from_the_next_refresh_on_and_the_old_one_from_now_on_no_more,
    an_account_that_its_owner_deletes_is_gone_at_once,
    an_account_that_an_admin_deletes_is_gone_at_once,
    nothing_of_a_deleted_account_comes_back_with_its_address,
    the_last_active_admin_cannot_be_deleted,
    of_admins_who_delete_each_other_at_once_one_is_left,
);

/// Its tokens are refused, in whatever form they come.
#[track_caller]
fn is_gone(person: &Person) {
    assert_eq!(person.standing(), "token_revoked");
    let refused = person.refresh(&person.refresh, true);
    refused.is_refused(404, "User not found or inactive", "user_inactive");
}

fn deletes(admin: &Person, id: u64) -> crate::support::http::Reply {
    admin.request("DELETE", &format!("/api/auth/users/{id}")).send()
}

fn leaves(person: &Person, password: &str) -> crate::support::http::Reply {
    let body = json!({ "current_password": password });
    person.request("DELETE", "/api/auth/profile").json(&body).send()
}

fn a_deactivated_account_is_out_at_once_and_in_again_when_it_is_activated(setup: Setup) {
    let gateway = setup.start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let phone = gateway.log_in(&ada.email, PASSWORD);
    admin.amends(ada.id, &json!({"is_active": false})).is_served(200);
    is_gone(&ada);
    is_gone(&phone);
    gateway.try_log_in(&ada.email, PASSWORD).is_refused(403, "Account is inactive", "account_inactive");
    admin.amends(ada.id, &json!({"is_active": true})).is_served(200);
    assert_eq!(ada.standing(), "token_revoked", "what was refused stays refused");
    ada.refreshed().is_in();
}

fn a_new_role_holds_from_the_next_refresh_on_and_the_old_one_from_now_on_no_more(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    let other = promoted(&gateway, &admin);
    other.get("/api/auth/users").is_served(200);
    admin.amends(other.id, &json!({"role": "user"})).is_served(200);
    let refused = other.get("/api/auth/users");
    refused.is_refused(401, "Invalid or expired token", "token_revoked");
    let other = other.refreshed();
    assert_eq!(forge::claims(&other.access)["role"], "user");
    other.get("/api/auth/users").is_refused(403, "Admin access required", "admin_required");
}

fn an_account_that_its_owner_deletes_is_gone_at_once(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let phone = gateway.log_in(&ada.email, PASSWORD);
    is_wrong(&leaves(&ada, WRONG));
    let refused = ada.request("DELETE", "/api/auth/profile").send();
    refused.is_refused(422, "current_password is required", "validation_failed");
    let refused = ada.request("DELETE", "/api/auth/profile").json(&json!({"current_password": 1})).send();
    refused.is_refused(422, "current_password must be a string", "validation_failed");
    ada.is_in();
    leaves(&ada, PASSWORD).is_served(200);
    is_gone(&ada);
    is_gone(&phone);
    bob.is_in();
    is_wrong(&gateway.try_log_in(&ada.email, PASSWORD));
    let missing = admin.get(&format!("/api/auth/users/{}", ada.id));
    missing.is_refused(404, "User not found", "user_not_found");
    gateway.letter("account_deleted", &ada.email);
    let twice = leaves(&ada, PASSWORD);
    twice.is_refused(401, "Invalid or expired token", "token_revoked");
}

fn an_account_that_an_admin_deletes_is_gone_at_once(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob, admin) = (gateway.user(), gateway.user(), gateway.admin());
    deletes(&bob, ada.id).is_refused(403, "Admin access required", "admin_required");
    ada.is_in();
    deletes(&admin, ada.id).is_served(200);
    is_gone(&ada);
    bob.is_in();
    for id in [ada.id.to_string().as_str(), "999", "0", "x", "-1", "18446744073709551616"] {
        let missing = admin.request("DELETE", &format!("/api/auth/users/{id}")).send();
        missing.is_refused(404, "User not found", "user_not_found");
    }
    let missing = admin.amends(ada.id, &json!({"is_active": true}));
    missing.is_refused(404, "User not found", "user_not_found");
    gateway.letter("account_deleted", &ada.email);
    let users = admin.get("/api/auth/users").is_served(200);
    assert_eq!(users["pagination"]["total"], 2);
    assert!(!users.to_string().contains(&ada.email));
}

fn nothing_of_a_deleted_account_comes_back_with_its_address(setup: Setup) {
    let gateway = setup.start();
    let (old, admin) = (gateway.user(), gateway.admin());
    let reset = gateway.reset_token(&old.email);
    let verification = gateway.letter("email_verification", &old.email).token();
    deletes(&admin, old.id).is_served(200);
    is_no_reset_token(&gateway.resets(&reset, NEW));
    is_no_verification_token(&gateway.verifies(&verification));
    gateway.try_register(&old.email).is_served(201);
    let new = gateway.log_in(&old.email, PASSWORD);
    assert!(new.id > old.id, "ids are never given twice");
    is_gone(&old);
    is_no_reset_token(&gateway.resets(&reset, NEW));
    is_no_verification_token(&gateway.verifies(&verification));
    assert_eq!(new.sessions().len(), 1);
    // The trail of the one before stays, and is not the new one's.
    assert!(admin.audit(&format!("?user_id={}", old.id)).len() >= 3);
    let export = new.get("/api/auth/profile/export").is_served(200);
    let events = export["events"].as_array().unwrap();
    assert!(events.iter().all(|event| event["user_id"] == new.id), "{export}");
}

fn the_last_active_admin_cannot_be_deleted(setup: Setup) {
    const WORDS: &str = "The last active admin cannot be demoted, deactivated or deleted";
    let gateway = setup.start();
    let admin = gateway.admin();
    let other = promoted(&gateway, &admin);
    admin.amends(other.id, &json!({"is_active": false})).is_served(200);
    deletes(&admin, admin.id).is_refused(409, WORDS, "last_admin");
    let refused = leaves(&admin, crate::support::gateway::ADMIN_PASSWORD);
    refused.is_refused(409, WORDS, "last_admin");
    admin.is_in();
    deletes(&admin, other.id).is_served(200);
    assert_eq!(gateway.letters("account_deleted", &admin.email), []);
}

fn of_admins_who_delete_each_other_at_once_one_is_left(setup: Setup) {
    let gateway = setup.start();
    let first = gateway.admin();
    for _ in 0..3 {
        let alive = gateway.admin();
        let admins = [alive.clone(), promoted(&gateway, &alive)];
        let told = in_parallel(2, |number| deletes(&admins[number], admins[1 - number].id).status);
        let won: Vec<_> = (0..2).filter(|number| told[*number] == 200).collect();
        assert_eq!(won.len(), 1, "{told:?}");
        assert!([401, 403, 404, 409].contains(&told[1 - won[0]]), "{told:?}");
        admins[won[0]].get("/api/auth/users").is_served(200);
        is_gone(&admins[1 - won[0]]);
        if won[0] == 1 {
            // The one that the environment names is gone, and the other stays.
            assert_ne!(admins[1].id, first.id);
            return;
        }
    }
}

#[test]
fn an_export_has_everything_that_is_kept_of_a_person_and_no_secret() {
    let gateway = Setup::new("").start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let phone = gateway.log_in(&ada.email, PASSWORD);
    is_wrong(&gateway.try_log_in(&ada.email, WRONG));
    ada.request("PUT", "/api/auth/profile").json(&json!({"first_name": "Ada \"<b>\\"})).send().is_served(200);
    admin.amends(ada.id, &json!({"last_name": "Lovelace"})).is_served(200);
    let reply = ada.get("/api/auth/profile/export");
    let export = reply.is_served(200);
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"account.json\"");
    let mut account = export["account"].clone();
    assert!(account["created_at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        account,
        json!({"id": ada.id, "email": ada.email, "email_verified": false, "first_name": "Ada \"<b>\\",
            "last_name": "Lovelace", "role": "user", "is_active": true, "created_at": null})
    );
    let sessions: Vec<_> =
        export["sessions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(sessions, [ada.session(), phone.session()]);
    let word = |event: &Value| event["event"].as_str().unwrap().to_owned();
    let mut events: Vec<_> = export["events"].as_array().unwrap().iter().map(word).collect();
    events.reverse();
    assert_eq!(
        events,
        [
            "registered",
            "login_succeeded",
            "login_succeeded",
            "login_failed",
            "account_changed",
            "account_changed"
        ]
    );
    let text = reply.text();
    for secret in ["$argon2", "CANARY", &*ada.refresh, "password_hash", &*admin.email] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // That it was taken is recorded.
    assert_eq!(admin.audit("?event=account_exported")[0]["user_id"], ada.id);
    let nobody = gateway.client().get("/api/auth/profile/export").send();
    nobody.is_refused(401, "Missing authorization token", "token_missing");
}

/// From where somebody else acted is that one's own affair (GDPR, article 15 (4)).
#[test]
fn an_export_does_not_say_where_others_were() {
    let gateway = super::behind_a_proxy(Setup::new("")).start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let change = admin.request("PATCH", &format!("/api/auth/users/{}", ada.id));
    let change = change.header("x-forwarded-for", "203.0.113.77").header("user-agent", "the admin's browser");
    change.json(&json!({"last_name": "L"})).send().is_served(200);
    let export = ada.get("/api/auth/profile/export").text();
    assert!(export.contains("account_changed"), "{export}");
    assert!(!export.contains("203.0.113.77") && !export.contains("the admin's browser"), "{export}");
    let mine = admin.audit("?event=account_changed");
    assert_eq!(mine[0]["address"], "203.0.113.77", "the trail has it");
    // And an admin's own export does not have other people's addresses.
    let guest = crate::support::people::fresh_email();
    admin.request("POST", "/api/auth/invitations").json(&json!({"email": guest})).send().is_served(201);
    let export = admin.get("/api/auth/profile/export").text();
    assert!(export.contains("invitation_made") && !export.contains(&guest), "{export}");
}

/// A mail that is still on its way to a deleted account makes none again.
#[test]
fn tokens_that_were_mailed_to_an_account_go_with_it() {
    let gateway = Setup::new("[registration]\nconceal_existing = true\n").unlimited().start();
    let email = fresh_email();
    let wanted = json!({"email": email, "password": PASSWORD});
    let tokens = [1, 2].map(|number| {
        assert_eq!(gateway.registers(&wanted).status, 202);
        gateway.nth_letter(number, "email_verification", &email).token()
    });
    gateway.verifies(&tokens[0]).is_served(200);
    let ada = gateway.log_in(&email, PASSWORD);
    gateway.admin().request("DELETE", &format!("/api/auth/users/{}", ada.id)).send().is_served(200);
    assert_eq!(gateway.verifies(&tokens[1]).status, 401);
}
