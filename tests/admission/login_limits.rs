//! Guessing passwords is bounded, and nobody can lock somebody else out by it.

use super::rate_limits::is_limited;
use crate::support::gateway::{Gateway, Setup};
use crate::support::in_parallel;
use crate::support::people::PASSWORD;
use crate::support::stores::on_both_stores;

on_both_stores!(
    guesses_at_one_account_from_one_address_are_bounded,
    the_right_password_spends_none_of_the_guesses,
    an_address_has_a_bound_over_all_accounts,
    an_accounts_bound_over_all_addresses_leaves_its_owners_address_open,
    an_account_that_does_not_exist_is_bounded_in_the_same_way,
    another_spelling_of_the_address_is_the_same_account,
    malformed_logins_are_no_guesses_at_an_account,
    a_login_lists_each_policy_that_it_was_charged_to,
    a_storm_of_logins_is_shed_and_told_when_to_come_back,
);

const WRONG: &str = "Wrong-Password-1";

fn guesses_at_one_account_from_one_address_are_bounded(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT_ADDRESS", 3);
    let (ada, eve) = (gateway.user(), gateway.user());
    for _ in 0..3 {
        let reply = gateway.try_log_in_from("203.0.113.1", &ada.email, WRONG);
        reply.is_refused(401, "Invalid credentials", "invalid_credentials");
    }
    for password in [WRONG, PASSWORD] {
        is_limited(
            &gateway.try_log_in_from("203.0.113.1", &ada.email, password),
            "login-account-address",
            1_200,
        );
    }
    assert_eq!(gateway.try_log_in_from("203.0.113.1", &eve.email, PASSWORD).status, 200);
    assert_eq!(gateway.try_log_in_from("203.0.113.2", &ada.email, PASSWORD).status, 200);
    assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 200);
}

fn the_right_password_spends_none_of_the_guesses(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT_ADDRESS", 2);
    let ada = gateway.user();
    for _ in 0..10 {
        assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 200);
    }
    assert_eq!(gateway.try_log_in(&ada.email, WRONG).status, 401);
    assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 200);
    assert_eq!(gateway.try_log_in(&ada.email, WRONG).status, 401);
    assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 429);
}

fn an_address_has_a_bound_over_all_accounts(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ADDRESS", 4);
    let ada = gateway.user();
    let right = gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD);
    assert!(right.status == 200 && right.header("ratelimit").starts_with(r#""login-address";r=3;t=900"#));
    for number in 0..3 {
        let reply = gateway.try_log_in_from("203.0.113.1", &format!("nobody{number}@example.com"), WRONG);
        assert_eq!(reply.status, 401);
    }
    is_limited(&gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD), "login-address", 900);
    assert_eq!(gateway.try_log_in_from("203.0.113.2", &ada.email, PASSWORD).status, 200);
}

/// A botnet that guesses at an account meets its bound; the owner, who has logged in from where
/// they are before, does not.
fn an_accounts_bound_over_all_addresses_leaves_its_owners_address_open(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT", 3);
    let ada = gateway.user();
    assert_eq!(gateway.try_log_in_from("192.0.2.1", &ada.email, PASSWORD).status, 200);
    for number in 1..=3 {
        assert_eq!(gateway.try_log_in_from(&format!("203.0.113.{number}"), &ada.email, WRONG).status, 401);
    }
    for (address, password) in [("203.0.113.4", WRONG), ("203.0.113.5", PASSWORD)] {
        is_limited(&gateway.try_log_in_from(address, &ada.email, password), "login-account", 1_200);
    }
    for _ in 0..3 {
        assert_eq!(gateway.try_log_in_from("192.0.2.1", &ada.email, PASSWORD).status, 200);
    }
    assert_eq!(gateway.try_log_in_from("192.0.2.1", &ada.email, WRONG).status, 401);
    assert_eq!(gateway.try_log_in_from("192.0.2.1", &ada.email, PASSWORD).status, 200);
}

/// Otherwise the limit would tell which accounts there are.
fn an_account_that_does_not_exist_is_bounded_in_the_same_way(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT_ADDRESS", 2);
    let ada = gateway.user();
    for email in [ada.email.as_str(), "nobody@example.com"] {
        let statuses = [1, 2, 3].map(|_| gateway.try_log_in_from("203.0.113.1", email, WRONG).status);
        assert_eq!(statuses, [401, 401, 429], "{email}");
    }
}

fn another_spelling_of_the_address_is_the_same_account(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT_ADDRESS", 2);
    let ada = gateway.user();
    let spellings = [ada.email.to_uppercase(), format!(" {} ", ada.email), ada.email.clone()];
    let statuses = spellings.map(|email| gateway.try_log_in(&email, WRONG).status);
    assert_eq!(statuses, [401, 401, 429]);
}

fn malformed_logins_are_no_guesses_at_an_account(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ACCOUNT_ADDRESS", 1);
    let ada = gateway.user();
    for _ in 0..3 {
        assert_eq!(gateway.try_log_in(&ada.email, "").status, 422);
    }
    assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 200);
}

fn a_login_lists_each_policy_that_it_was_charged_to(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_ADDRESS", 4);
    let ada = gateway.user();
    let first = gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD);
    let listed = r#""login-address";r=3;t=900, "login-account-address";r=9;t=30, "login-account";r=99;t=36"#;
    assert_eq!(first.header("ratelimit"), listed);
    let listed =
        r#""login-address";q=4;w=3600, "login-account-address";q=10;w=300, "login-account";q=100;w=3600"#;
    assert_eq!(first.header("ratelimit-policy"), listed);
    // The account's own bound does not concern an address that its owner is known to use.
    let second = gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD);
    assert!(second.status == 200 && !second.header("ratelimit").contains(r#""login-account";"#));
}

fn a_storm_of_logins_is_shed_and_told_when_to_come_back(setup: Setup) {
    let setup = setup.env("GATEWAY__PASSWORD__THREADS", "1").env("GATEWAY__PASSWORD__QUEUE", "1");
    let gateway = setup.env("GATEWAY__PASSWORD__PASSES", "20").start();
    let replies = in_parallel(16, |number| gateway.try_log_in(&format!("nobody{number}@example.com"), WRONG));
    let (shed, told): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 503);
    assert!(!shed.is_empty() && !told.is_empty(), "{} {}", shed.len(), told.len());
    for reply in shed {
        reply.is_refused(503, "Too many logins at once", "hashing_overloaded");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    for reply in told {
        reply.is_refused(401, "Invalid credentials", "invalid_credentials");
    }
}

/// A gateway behind a trusted proxy, with so many in an hour for this policy.
fn bounded(setup: Setup, policy: &str, requests: u32) -> Gateway {
    let setup = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
    let limit = format!("{{requests={requests},window_seconds=3600}}");
    setup.env(&format!("GATEWAY__LIMITS__{policy}"), &limit).start()
}
