//! `POST /api/auth/password/forgot` and `…/reset`: a new password for who reads the mail.

use serde_json::json;

use super::{NEW, WRONG, behind_a_proxy, is_no_reset_token, is_wrong, likeness};
use crate::support::contract::refuses;
use crate::support::gateway::Setup;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::redis::Redis;
use crate::support::stores::on_both_stores;
use crate::support::{eventually, files_below, in_parallel, stores};

on_both_stores!(
    a_mailed_token_sets_a_new_password_and_ends_all_sessions,
    of_those_who_use_one_token_at_once_exactly_one_wins,
    a_token_is_void_after_any_change_of_the_password,
    an_owner_whom_guesses_lock_out_comes_in_by_a_reset,
);

const ACCEPTED: &str = "If this address has an account, a mail is on its way to it";

fn a_mailed_token_sets_a_new_password_and_ends_all_sessions(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let other = gateway.log_in(&ada.email, PASSWORD);
    let token = gateway.reset_token(&format!(" {} ", ada.email.to_uppercase()).trim().to_lowercase());
    ada.is_in();
    let told = gateway.resets(&token, NEW).is_served(200);
    assert_eq!(told, json!({"message": "Password reset"}), "and nobody is logged in by it");
    ada.is_out();
    other.is_out();
    bob.is_in();
    is_wrong(&gateway.try_log_in(&ada.email, PASSWORD));
    gateway.try_log_in(&ada.email, NEW).is_served(200);
    is_no_reset_token(&gateway.resets(&token, PASSWORD));
    gateway.letter("password_changed", &ada.email);
    assert!(!gateway.log().contains(&token), "a token stands in the log");
}

fn of_those_who_use_one_token_at_once_exactly_one_wins(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let token = gateway.reset_token(&ada.email);
    let password = |number: usize| format!("{NEW}{number}");
    let told = in_parallel(5, |number| gateway.resets(&token, &password(number)));
    let won: Vec<_> = (0..5).filter(|number| told[*number].status == 200).collect();
    assert_eq!(won.len(), 1);
    told.iter().filter(|reply| reply.status != 200).for_each(is_no_reset_token);
    for number in 0..5 {
        let expected = if number == won[0] { 200 } else { 401 };
        assert_eq!(gateway.try_log_in(&ada.email, &password(number)).status, expected);
    }
}

fn a_token_is_void_after_any_change_of_the_password(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let first = gateway.reset_token(&ada.email);
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    let second = gateway.nth_letter(2, "password_reset", &ada.email).token();
    assert_ne!(first, second);
    // Both are good until one is used.
    gateway.resets(&second, NEW).is_served(200);
    is_no_reset_token(&gateway.resets(&first, PASSWORD));
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    let third = gateway.nth_letter(3, "password_reset", &ada.email).token();
    gateway.log_in(&ada.email, NEW).changes_password(NEW, PASSWORD).is_served(200);
    is_no_reset_token(&gateway.resets(&third, NEW));
    gateway.try_log_in(&ada.email, PASSWORD).is_served(200);
}

fn an_owner_whom_guesses_lock_out_comes_in_by_a_reset(setup: Setup) {
    let lock = "{after=2,first_seconds=600,longest_seconds=600}";
    let setup = behind_a_proxy(setup).env("GATEWAY__LIMITS__LOGIN_LOCK", lock);
    let gateway = setup.start();
    let ada = gateway.user();
    for _ in 0..3 {
        is_wrong(&gateway.try_log_in(&ada.email, WRONG));
    }
    let locked = gateway.try_log_in(&ada.email, PASSWORD);
    locked.is_refused(429, "Too many requests", "login_locked");
    let token = gateway.reset_token(&ada.email);
    gateway.resets(&token, NEW).is_served(200);
    gateway.try_log_in(&ada.email, NEW).is_served(200);
}

/// Whether all gateways know already, and whether its client still waits, is no matter of the lock.
#[test]
fn a_reset_opens_the_lock_with_the_change_and_not_with_the_answer() {
    let redis = Redis::start();
    let lock = "{after=2,first_seconds=600,longest_seconds=600}";
    let setup = behind_a_proxy(stores::redis(&redis)).env("GATEWAY__LIMITS__LOGIN_LOCK", lock);
    let gateway = setup.start();
    let ada = gateway.user();
    let token = gateway.reset_token(&ada.email);
    for _ in 0..3 {
        is_wrong(&gateway.try_log_in(&ada.email, WRONG));
    }
    redis.pause();
    std::thread::scope(|scope| {
        scope.spawn(|| gateway.resets(&token, NEW));
        eventually("it is durable", || gateway.log().contains("\"password_reset\""));
        let came_in = gateway.try_log_in(&ada.email, NEW).status;
        redis.resume();
        assert_eq!(came_in, 200);
    });
}

/// As with a logout: it holds, and the answer says that not every gateway knows it yet.
#[test]
fn a_reset_while_redis_is_gone_holds_as_soon_as_it_is_back() {
    let mut redis = Redis::start();
    let gateway = stores::redis(&redis).start();
    let ada = gateway.user();
    let token = gateway.reset_token(&ada.email);
    redis.kill();
    let reply = gateway.resets(&token, NEW);
    assert_eq!((reply.status, reply.code().as_str()), (503, "revocation_unavailable"), "{}", reply.text());
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    ada.is_out();
    redis.restart();
    eventually("it is asked again", || gateway.ready().status == 200);
    ada.is_out();
    is_wrong(&gateway.try_log_in(&ada.email, PASSWORD));
    gateway.try_log_in(&ada.email, NEW).is_served(200);
    is_no_reset_token(&gateway.resets(&token, PASSWORD));
}

#[test]
fn whether_an_address_has_an_account_shows_in_nothing() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let admin = gateway.admin();
    let gone = gateway.user();
    admin.amends(gone.id, &json!({"is_active": false})).is_served(200);
    let known = gateway.forgets(&ada.email);
    assert_eq!(known.is_served(202), json!({"message": ACCEPTED}));
    for address in [
        fresh_email().as_str(),
        &gone.email,
        "no address",
        "@",
        "a@b",
        "ä@example.com",
        "x@example.com\r\nBcc: y@example.com",
        &format!("{}@example.com", "x".repeat(60_000)),
        "\u{0}",
    ] {
        assert_eq!(likeness(&gateway.forgets(address)), likeness(&known), "{address:.40}");
    }
    gateway.letter("password_reset", &ada.email);
    gateway.writes_to_nobody("password_reset", 2);
    assert_eq!(gateway.letters("password_reset", &gone.email), [], "an inactive account gets no mail");
}

#[test]
fn an_account_that_was_deactivated_meanwhile_is_not_reset() {
    let gateway = Setup::new("").start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let token = gateway.reset_token(&ada.email);
    admin.amends(ada.id, &json!({"is_active": false})).is_served(200);
    is_no_reset_token(&gateway.resets(&token, NEW));
    admin.amends(ada.id, &json!({"is_active": true})).is_served(200);
    gateway.try_log_in(&ada.email, PASSWORD).is_served(200);
}

#[test]
fn a_token_stands_in_no_file_but_its_mail() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let token = gateway.reset_token(&ada.email);
    let holders = |text: &str| {
        let holds = |file: &std::path::PathBuf| {
            std::fs::read(file).unwrap().windows(text.len()).any(|part| part == text.as_bytes())
        };
        files_below(&gateway.data).into_iter().filter(holds).collect::<Vec<_>>()
    };
    let with_token = holders(&token);
    assert_eq!(with_token.len(), 1, "{with_token:?}");
    assert!(with_token[0].starts_with(gateway.data.join("outbox")), "{with_token:?}");
    assert!(holders(&ada.email).iter().any(|file| file.ends_with("db")), "or nothing would be found");
    assert!(holders(PASSWORD).is_empty());
}

/// Where a letter leads is written in the configuration: a client that could choose it would get the
/// tokens of others.
#[test]
fn nothing_of_a_request_chooses_where_a_letter_leads() {
    let config = "[mail]\nreset_link = \"https://app.example.com/reset#\"\n";
    let gateway = behind_a_proxy(Setup::new(config)).start();
    let ada = gateway.user();
    let ask = gateway.client().post("/api/auth/password/forgot?reset_link=https://evil.example");
    let ask = ["host", "x-forwarded-host", "origin", "referer", "forwarded", "x-original-url"]
        .into_iter()
        .fold(ask, |ask, name| ask.header(name, "evil.example"));
    let body = json!({"email": ada.email, "reset_link": "https://evil.example", "from": "evil.example"});
    ask.json(&body).send().is_served(202);
    let letter = gateway.letter("password_reset", &ada.email);
    assert!(letter.text.contains("https://app.example.com/reset#token="), "{}", letter.text);
    assert!(!format!("{letter:?}").contains("evil"), "{letter:?}");
}

#[test]
fn each_refusal_of_a_recovery_is_as_written() {
    let gateway = Setup::new("").env("GATEWAY__LIMITS__RECOVERY_ADDRESS", "unlimited").start();
    let ada = gateway.user();
    let client = gateway.client();
    refuses(
        || client.post("/api/auth/password/forgot"),
        &[
            ("", 422, "email is required", "validation_failed"),
            ("{}", 422, "email is required", "validation_failed"),
            (r#"{"email":" "}"#, 422, "email is required", "validation_failed"),
            (r#"{"email":["a@example.com"]}"#, 422, "email must be a string", "validation_failed"),
            ("email=a", 400, "Malformed JSON", "malformed_json"),
        ],
    );
    let token = gateway.reset_token(&ada.email);
    let reset = |token: &str, password: &str| json!({"token": token, "password": password}).to_string();
    let (short, weak) = (reset(&token, "Ab1"), reset(&token, "all-lower-case"));
    let long = reset(&token, &format!("Aa1{}", "x".repeat(1_024)));
    const REQUIRED: (u16, &str, &str) = (422, "token and password are required", "validation_failed");
    const INVALID: (u16, &str, &str) = (401, "Invalid or expired reset token", "reset_token_invalid");
    let (padded, shouted, cut) = (format!("{token}="), token.to_uppercase(), token[1..].to_owned());
    for (sent, (status, words, code)) in [
        ("", REQUIRED),
        (r#"{"token":"x"}"#, REQUIRED),
        (r#"{"password":"Abcdefg1"}"#, REQUIRED),
        (r#"{"token":"","password":""}"#, REQUIRED),
        (r#"{"token":7,"password":"Abcdefg1"}"#, (422, "token must be a string", "validation_failed")),
        (&reset(&padded, NEW), INVALID),
        (&reset(&shouted, NEW), INVALID),
        (&reset(&cut, NEW), INVALID),
        (&reset("' OR 1=1 --", NEW), INVALID),
        (&reset(&ada.access, NEW), INVALID),
        // A bad token is told before a bad password, which a good one does not use up.
        (&reset("x", "Ab1"), INVALID),
        (&short, (422, "[Password must be at least 8 characters]", "validation_failed")),
        (&long, (422, "[Password must be at most 1024 bytes]", "validation_failed")),
        (&weak, (422, "Password doesn't meet security requirements", "password_too_weak")),
    ] {
        refuses(|| client.post("/api/auth/password/reset"), &[(sent, status, words, code)]);
    }
    gateway.resets(&token, NEW).is_served(200);
}

#[test]
fn mails_to_one_address_are_bounded_and_nobody_is_told() {
    let limit = "{requests=2,window_seconds=3600}";
    let gateway = Setup::new("").env("GATEWAY__LIMITS__MAIL_ACCOUNT", limit).start();
    let (ada, bob, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let first = gateway.forgets(&ada.email);
    for _ in 0..5 {
        assert_eq!(likeness(&gateway.forgets(&ada.email)), likeness(&first));
    }
    assert_eq!(gateway.forgets(&bob.email).status, 202);
    gateway.letter("password_reset", &bob.email);
    gateway.all_is_delivered();
    gateway.nth_letter(2, "password_reset", &ada.email);
    let asked = admin.audit("?event=password_reset_requested");
    let left_out = asked.iter().filter(|event| event["reason"] == "mail_limited").count();
    assert_eq!((asked.len(), left_out), (7, 4));
}

#[test]
fn recovery_is_limited_by_address_all_its_endpoints_together() {
    let limit = "{requests=3,window_seconds=3600}";
    let setup = behind_a_proxy(Setup::new("")).env("GATEWAY__LIMITS__RECOVERY_ADDRESS", limit);
    let gateway = setup.start();
    let ask = |path: &str, from: &str| {
        let body = json!({"email": "a@example.com", "token": "x", "password": NEW});
        gateway.client().post(path).header("x-forwarded-for", from).json(&body).send()
    };
    assert_eq!(ask("/api/auth/password/forgot", "203.0.113.1").status, 202);
    is_no_reset_token(&ask("/api/auth/password/reset", "203.0.113.1"));
    super::is_no_verification_token(&ask("/api/auth/email/verify", "203.0.113.1"));
    for path in ["password/forgot", "password/reset", "email/verify"] {
        let refused = ask(&format!("/api/auth/{path}"), "203.0.113.1");
        refused.is_refused(429, "Too many requests", "rate_limited");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        assert!(refused.header("ratelimit").starts_with("\"recovery-address\""), "{refused:?}");
    }
    assert_eq!(ask("/api/auth/password/forgot", "203.0.113.2").status, 202);
}
