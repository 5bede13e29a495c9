//! `registration.conceal_existing`: nobody learns by registering who has an account.

use serde_json::json;

use super::{NEW, is_no_verification_token, is_wrong, likeness};
use crate::support::gateway::Setup;
use crate::support::people::{PASSWORD, fresh_email};

const ACCEPTED: &str = "To finish the registration, follow the mail that is on its way to you";

fn concealing(mode: &str) -> Setup {
    Setup::new(&format!("[registration]\nmode = \"{mode}\"\nconceal_existing = true\n"))
}

#[test]
fn a_new_address_gets_an_account_with_the_mail_and_not_before() {
    let gateway = concealing("open").start();
    let (admin, email) = (gateway.admin(), fresh_email());
    let body = json!({"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "L"});
    assert_eq!(gateway.registers(&body).is_served(202), json!({"message": ACCEPTED}));
    let token = gateway.letter("email_verification", &email).token();
    is_wrong(&gateway.try_log_in(&email, PASSWORD));
    assert_eq!(admin.get("/api/auth/users").is_served(200)["pagination"]["total"], 1);
    gateway.verifies(&token).is_served(200);
    let ada = gateway.log_in(&email, PASSWORD);
    let account = admin.get(&format!("/api/auth/users/{}", ada.id)).is_served(200);
    assert_eq!(account["user"]["first_name"], "Ada");
    assert_eq!(account["user"]["email_verified"], true);
    is_no_verification_token(&gateway.verifies(&token));
    let events = admin.audit(&format!("?user_id={}&event=registered", ada.id));
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn an_address_with_an_account_reads_the_same_and_its_owner_is_told() {
    let gateway = concealing("open").start();
    let (admin, new) = (gateway.admin(), fresh_email());
    let of_new = gateway.try_register(&new);
    let of_known = gateway.registers(&json!({"email": admin.email, "password": NEW}));
    assert_eq!(likeness(&of_known), likeness(&of_new));
    let letter = gateway.letter("already_registered", &admin.email);
    assert!(!letter.text.lines().any(|line| line.len() == 43), "there is no token in it: {}", letter.text);
    assert_eq!(gateway.letters("email_verification", &admin.email), []);
    is_wrong(&gateway.try_log_in(&admin.email, NEW));
    // What is wrong with the rest of a request is told of both, in the same words.
    for (password, first_name) in [("short", "x"), ("all-lower-case", "x"), (PASSWORD, &*"x".repeat(101))] {
        let told = [&admin.email, &new].map(|email| {
            let body = json!({"email": email, "password": password, "first_name": first_name});
            let reply = gateway.registers(&body);
            (reply.status, reply.error(), reply.code())
        });
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].0, 422);
    }
}

#[test]
fn of_two_registrations_of_one_address_the_first_that_is_proved_is_the_one() {
    let gateway = concealing("open").start();
    let email = fresh_email();
    gateway.registers(&json!({"email": email, "password": PASSWORD})).is_served(202);
    let first = gateway.letter("email_verification", &email).token();
    gateway.registers(&json!({"email": email, "password": NEW})).is_served(202);
    let second = gateway.nth_letter(2, "email_verification", &email).token();
    gateway.verifies(&second).is_served(200);
    is_no_verification_token(&gateway.verifies(&first));
    gateway.try_log_in(&email, NEW).is_served(200);
    is_wrong(&gateway.try_log_in(&email, PASSWORD));
}

#[test]
fn registering_cannot_be_used_to_fill_a_mailbox() {
    let limit = "{requests=2,window_seconds=3600}";
    let gateway = concealing("open").env("GATEWAY__LIMITS__MAIL_ACCOUNT", limit).start();
    let (email, other) = (fresh_email(), fresh_email());
    let first = gateway.try_register(&email);
    for _ in 0..4 {
        assert_eq!(likeness(&gateway.try_register(&email)), likeness(&first));
    }
    gateway.try_register(&other).is_served(202);
    gateway.letter("email_verification", &other);
    gateway.all_is_delivered();
    gateway.nth_letter(2, "email_verification", &email);
}

/// Somebody could otherwise keep an owner from the mail that lets them in again.
#[test]
fn mails_of_one_kind_leave_room_for_those_of_another() {
    let limit = "{requests=2,window_seconds=3600}";
    let gateway = concealing("open").env("GATEWAY__LIMITS__MAIL_ACCOUNT", limit).start();
    let admin = gateway.admin();
    for _ in 0..5 {
        gateway.try_register(&admin.email).is_served(202);
    }
    let token = gateway.reset_token(&admin.email);
    gateway.resets(&token, NEW).is_served(200);
    gateway.all_is_delivered();
    gateway.nth_letter(2, "already_registered", &admin.email);
}

/// An invitation proves one address, and must be no way to ask about others.
#[test]
fn who_was_invited_learns_nothing_of_other_addresses() {
    let gateway = concealing("invite").start();
    let (admin, guest) = (gateway.admin(), fresh_email());
    admin.request("POST", "/api/auth/invitations").json(&json!({"email": guest})).send().is_served(201);
    let token = gateway.letter("invitation", &guest).token();
    let told = [&*admin.email, &fresh_email()].map(|email| {
        let body = json!({"email": email, "password": PASSWORD, "invitation": token});
        let reply = gateway.registers(&body);
        (reply.status, reply.error(), reply.code())
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].0, 403);
    gateway.registers(&json!({"email": guest, "password": PASSWORD, "invitation": token})).is_served(201);
}
