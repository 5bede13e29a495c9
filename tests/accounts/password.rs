//! `PUT /api/auth/password`: a new password for who knows the old one.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{NEW, WRONG, behind_a_proxy, is_wrong};
use crate::support::contract::refuses;
use crate::support::gateway::Setup;
use crate::support::people::PASSWORD;
use crate::support::stores::on_both_stores;
use crate::support::{SetOnDrop, in_parallel};

on_both_stores!(
    the_new_password_is_good_and_the_old_one_is_not,
    all_other_sessions_end_and_this_one_goes_on,
    each_refusal_of_a_change_is_as_written,
    of_parallel_changes_one_wins_and_its_password_is_the_one,
    a_login_that_was_under_way_with_the_old_password_opens_no_session,
);

fn the_new_password_is_good_and_the_old_one_is_not(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let told = ada.changes_password(PASSWORD, NEW).is_served(200);
    assert_eq!(told, json!({"message": "Password changed"}));
    is_wrong(&gateway.try_log_in(&ada.email, PASSWORD));
    gateway.try_log_in(&ada.email, NEW).is_served(200);
    // Its owner is told, by a mail that says from where.
    let letter = gateway.letter("password_changed", &ada.email);
    assert!(letter.text.contains("127.0.0.1") && !letter.text.contains("CANARY"), "{}", letter.text);
}

fn all_other_sessions_end_and_this_one_goes_on(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let others: Vec<_> = (0..3).map(|_| gateway.log_in(&ada.email, PASSWORD)).collect();
    ada.changes_password(PASSWORD, NEW).is_served(200);
    ada.is_in();
    bob.is_in();
    others.iter().for_each(super::Person::is_out);
    assert_eq!(ada.sessions().len(), 1);
    let later = gateway.log_in(&ada.email, NEW);
    later.is_in();
}

fn each_refusal_of_a_change_is_as_written(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let body = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = body(WRONG, NEW).to_string();
    let (short, plain) = (body(PASSWORD, "Ab1").to_string(), body(PASSWORD, "all-lower-case").to_string());
    let long = body(PASSWORD, &format!("Aa1{}", "x".repeat(1_024))).to_string();
    let (long_guess, both) = (body(&"x".repeat(1_025), NEW).to_string(), body(WRONG, "Ab1").to_string());
    const REQUIRED: (u16, &str, &str) =
        (422, "current_password and new_password are required", "validation_failed");
    const WEAK: &str = "Password doesn't meet security requirements";
    for (sent, (status, words, code)) in [
        ("", REQUIRED),
        ("{}", REQUIRED),
        (r#"{"current_password":"x"}"#, REQUIRED),
        (r#"{"new_password":"x"}"#, REQUIRED),
        (r#"{"current_password":"","new_password":""}"#, REQUIRED),
        (r#"{"current_password":null,"new_password":null}"#, REQUIRED),
        (r#"{"current_password":1}"#, (422, "current_password must be a string", "validation_failed")),
        (
            r#"{"current_password":"x","new_password":[]}"#,
            (422, "new_password must be a string", "validation_failed"),
        ),
        ("[]", (400, "Malformed JSON", "malformed_json")),
        (&wrong, (401, "Invalid credentials", "invalid_credentials")),
        (&long_guess, (401, "Invalid credentials", "invalid_credentials")),
        // Who does not know the password is not told what is wrong with another one.
        (&both, (401, "Invalid credentials", "invalid_credentials")),
        (&short, (422, "[Password must be at least 8 characters]", "validation_failed")),
        (&long, (422, "[Password must be at most 1024 bytes]", "validation_failed")),
        (&plain, (422, WEAK, "password_too_weak")),
    ] {
        refuses(|| ada.request("PUT", "/api/auth/password"), &[(sent, status, words, code)]);
    }
    let nobody = gateway.client().put("/api/auth/password").json(&body(PASSWORD, NEW)).send();
    nobody.is_refused(401, "Missing authorization token", "token_missing");
    gateway.try_log_in(&ada.email, PASSWORD).is_served(200);
    assert_eq!(gateway.letters("password_changed", &ada.email), []);
}

/// Both know the old password. One of them is too late, whatever it hashed meanwhile.
fn of_parallel_changes_one_wins_and_its_password_is_the_one(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let devices = [ada.clone(), gateway.log_in(&ada.email, PASSWORD)];
    let password = |number: usize| format!("{NEW}{number}");
    let told = in_parallel(2, |number| devices[number].changes_password(PASSWORD, &password(number)).status);
    let won: Vec<_> = (0..2).filter(|number| told[*number] == 200).collect();
    assert_eq!(won.len(), 1, "{told:?}");
    assert_eq!(told[1 - won[0]], 401, "{told:?}");
    devices[won[0]].is_in();
    devices[1 - won[0]].is_out();
    gateway.try_log_in(&ada.email, &password(won[0])).is_served(200);
    is_wrong(&gateway.try_log_in(&ada.email, &password(1 - won[0])));
}

/// Whoever has the old password could otherwise keep a session by asking for one at the right moment.
fn a_login_that_was_under_way_with_the_old_password_opens_no_session(setup: Setup) {
    let limits = ["LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT"];
    let setup = limits
        .iter()
        .fold(setup, |setup, limit| setup.env(&format!("GATEWAY__LIMITS__{limit}"), "unlimited"));
    let gateway =
        setup.env("GATEWAY__LIMITS__LOGIN_LOCK", "{after=1000,first_seconds=1,longest_seconds=1}").start();
    let ada = gateway.user();
    let (mut current, mut next) = (PASSWORD.to_owned(), NEW.to_owned());
    for _ in 0..3 {
        let changed = AtomicBool::new(false);
        let opened = in_parallel(7, |number| {
            let mut opened = Vec::new();
            if number == 0 {
                let _done = SetOnDrop(&changed);
                ada.changes_password(&current, &next).is_served(200);
                return opened;
            }
            while !changed.load(Ordering::Relaxed) {
                let reply = gateway.try_log_in(&ada.email, &current);
                if reply.status == 200 {
                    opened.push(reply.json()["refresh_token"].as_str().unwrap().to_owned());
                } else {
                    is_wrong(&reply);
                }
            }
            opened
        });
        for refresh in opened.into_iter().flatten() {
            let refused = ada.refresh(&refresh, false);
            assert_eq!(refused.status, 401, "a session of the old password lives: {}", refused.text());
        }
        assert_eq!(ada.sessions().len(), 1);
        std::mem::swap(&mut current, &mut next);
    }
}

/// A stolen token must be no way to guess the password.
#[test]
fn a_wrong_current_password_is_a_guess_like_any_other() {
    let setup = behind_a_proxy(Setup::new(""));
    let limit = "{requests=3,window_seconds=3600}";
    let gateway = setup.env("GATEWAY__LIMITS__LOGIN_ACCOUNT_ADDRESS", limit).start();
    let ada = gateway.user();
    let change = |current: &str, from: &str| {
        let body = json!({"current_password": current, "new_password": NEW});
        ada.request("PUT", "/api/auth/password").header("x-forwarded-for", from).json(&body).send()
    };
    let before = gateway.metric("gateway_security_events_total{event=\"login_failed\"}");
    for _ in 0..3 {
        is_wrong(&change(WRONG, "203.0.113.1"));
    }
    let refused = change(PASSWORD, "203.0.113.1");
    refused.is_refused(429, "Too many requests", "rate_limited");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD).status, 429);
    let after = gateway.metric("gateway_security_events_total{event=\"login_failed\"}");
    assert!(after - before >= 3.0, "{before} {after}");
    change(PASSWORD, "203.0.113.2").is_served(200);
}
