//! `POST /api/auth/email/verify`, and that a token is good for what it was made for only.

use serde_json::json;

use super::{NEW, is_no_reset_token, is_no_verification_token, is_wrong};
use crate::support::contract::refuses;
use crate::support::gateway::{ADMIN_EMAIL, Setup};
use crate::support::in_parallel;
use crate::support::people::{PASSWORD, fresh_email};

fn asking(how: &str) -> Setup {
    Setup::new(&format!("[registration]\nemail_verification = \"{how}\"\n"))
}

#[test]
fn by_default_a_mail_asks_for_it_and_who_does_not_answer_may_log_in() {
    let gateway = Setup::new("").start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let token = gateway.letter("email_verification", &ada.email).token();
    let verified = || {
        let body = admin.get(&format!("/api/auth/users/{}", ada.id)).is_served(200);
        body["user"]["email_verified"].as_bool().unwrap()
    };
    assert!(!verified());
    let told = gateway.verifies(&token).is_served(200);
    assert_eq!(told, json!({"message": "Email address verified"}));
    assert!(verified());
    ada.is_in();
    is_no_verification_token(&gateway.verifies(&token));
}

#[test]
fn where_it_is_off_nobody_gets_a_mail() {
    let gateway = asking("off").start();
    let ada = gateway.user();
    gateway.reset_token(&ada.email);
    gateway.all_is_delivered();
    assert_eq!(gateway.letters("email_verification", &ada.email), []);
}

#[test]
fn where_it_is_required_only_who_answered_the_mail_logs_in() {
    let gateway = asking("required").start();
    let email = fresh_email();
    gateway.try_register(&email).is_served(201);
    let first = gateway.letter("email_verification", &email).token();
    is_wrong(&gateway.try_log_in(&email, super::WRONG));
    for count in 2..=3 {
        let refused = gateway.try_log_in(&email, PASSWORD);
        refused.is_refused(403, "Email address not verified", "email_unverified");
        gateway.nth_letter(count, "email_verification", &email);
    }
    // Each of the mails does it.
    gateway.verifies(&first).is_served(200);
    gateway.try_log_in(&email, PASSWORD).is_served(200);
    // Who administers the machine vouched for this one.
    gateway.try_log_in(ADMIN_EMAIL, crate::support::gateway::ADMIN_PASSWORD).is_served(200);
}

#[test]
fn logins_cannot_be_used_to_fill_a_mailbox() {
    let limits = "{requests=2,window_seconds=3600}";
    let gateway = asking("required").env("GATEWAY__LIMITS__MAIL_ACCOUNT", limits).start();
    let (email, other) = (fresh_email(), fresh_email());
    gateway.try_register(&email).is_served(201);
    for _ in 0..5 {
        let refused = gateway.try_log_in(&email, PASSWORD);
        refused.is_refused(403, "Email address not verified", "email_unverified");
    }
    gateway.try_register(&other).is_served(201);
    gateway.letter("email_verification", &other);
    gateway.all_is_delivered();
    gateway.nth_letter(3, "email_verification", &email);
}

#[test]
fn a_reset_proves_the_address_too() {
    let gateway = asking("required").start();
    let email = fresh_email();
    gateway.try_register(&email).is_served(201);
    let token = gateway.reset_token(&email);
    gateway.resets(&token, NEW).is_served(200);
    gateway.try_log_in(&email, NEW).is_served(200);
}

#[test]
fn a_token_is_good_for_one_purpose_at_one_endpoint() {
    let gateway = Setup::new("").start();
    let (ada, admin, guest) = (gateway.user(), gateway.admin(), fresh_email());
    let verification = gateway.letter("email_verification", &ada.email).token();
    let reset = gateway.reset_token(&ada.email);
    admin.request("POST", "/api/auth/invitations").json(&json!({"email": guest})).send().is_served(201);
    let invitation = gateway.letter("invitation", &guest).token();
    let register = |token: &str, email: &str| {
        gateway.registers(&json!({"email": email, "password": PASSWORD, "invitation": token}))
    };
    let others = [ada.access.as_str(), &ada.refresh, "x"];
    for token in [&*verification, &invitation].into_iter().chain(others) {
        is_no_reset_token(&gateway.resets(token, NEW));
    }
    for token in [&*reset, &invitation].into_iter().chain(others) {
        is_no_verification_token(&gateway.verifies(token));
    }
    for token in [&*reset, &verification].into_iter().chain(others) {
        let refused = register(token, &guest);
        refused.is_refused(403, "A valid invitation is required", "invitation_required");
    }
    for token in [&*reset, &verification, &invitation] {
        let refused = gateway.client().get("/api/auth/profile").bearer(token).send();
        refused.is_refused(401, "Invalid or expired token", "token_invalid");
        assert_eq!(ada.refresh(token, false).status, 401);
    }
    // And trying used none of them up.
    gateway.verifies(&verification).is_served(200);
    gateway.resets(&reset, NEW).is_served(200);
    register(&invitation, &guest).is_served(201);
}

#[test]
fn a_verification_is_used_once_however_many_try() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let token = gateway.letter("email_verification", &ada.email).token();
    let told = in_parallel(5, |_| gateway.verifies(&token));
    assert_eq!(told.iter().filter(|reply| reply.status == 200).count(), 1);
    told.iter().filter(|reply| reply.status != 200).for_each(is_no_verification_token);
}

#[test]
fn each_refusal_of_a_verification_is_as_written() {
    let gateway = Setup::new("").start();
    let client = gateway.client();
    const INVALID: (u16, &str, &str) =
        (401, "Invalid or expired verification token", "verification_token_invalid");
    for (sent, (status, words, code)) in [
        ("", (422, "token is required", "validation_failed")),
        (r#"{"token":""}"#, (422, "token is required", "validation_failed")),
        (r#"{"token":{"$ne":""}}"#, (422, "token must be a string", "validation_failed")),
        (r#"{"token":"x"}"#, INVALID),
        (r#"{"token":"\u0000"}"#, INVALID),
    ] {
        refuses(|| client.post("/api/auth/email/verify"), &[(sent, status, words, code)]);
    }
}
