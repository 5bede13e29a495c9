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
    failures_of_one_address_are_bounded_over_all_accounts_and_successes_are_none,
    who_was_here_before_is_not_held_up_by_others_failures_at_the_same_address,
    what_could_not_be_done_takes_nothing_of_the_limits,
    the_right_password_of_who_may_not_come_in_yet_is_no_guess,
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
    let listed = r#""login-address";r=3;t=900, "login-account-address";r=9;t=30, "login-failure-address";r=99;t=6, "login-account";r=99;t=36"#;
    assert_eq!(first.header("ratelimit"), listed);
    let listed = r#""login-address";q=4;w=3600, "login-account-address";q=10;w=300, "login-failure-address";q=100;w=600, "login-account";q=100;w=3600"#;
    assert_eq!(first.header("ratelimit-policy"), listed);
    // Neither the account's own bound nor the address's concern where its owner is known to be.
    let second = gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD);
    let listed = r#""login-address";r=2;t=1800, "login-account-address";r=9;t=30"#;
    assert_eq!((second.status, second.header("ratelimit")), (200, listed));
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

/// Guesses at many accounts, none of which is guessed at often.
fn failures_of_one_address_are_bounded_over_all_accounts_and_successes_are_none(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_FAILURE_ADDRESS", 3);
    let guess = |from: &str, number: u32| {
        gateway.try_log_in_from(from, &format!("somebody{number}@example.com"), WRONG)
    };
    for ada in [gateway.user(), gateway.user(), gateway.user(), gateway.user()] {
        assert_eq!(gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD).status, 200);
    }
    assert_eq!([1, 2, 3].map(|number| guess("203.0.113.1", number).status), [401; 3]);
    is_limited(&guess("203.0.113.1", 4), "login-failure-address", 1_200);
    is_limited(&gateway.try_log_in_from("203.0.113.1", "no address", WRONG), "login-failure-address", 1_200);
    assert_eq!(guess("203.0.113.2", 4).status, 401);
}

/// Of an office or a café with one address: whoever guesses there keeps nobody out who belongs there.
fn who_was_here_before_is_not_held_up_by_others_failures_at_the_same_address(setup: Setup) {
    let gateway = bounded(setup, "LOGIN_FAILURE_ADDRESS", 2);
    let (ada, bob) = (gateway.user(), gateway.user());
    assert_eq!(gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD).status, 200);
    for number in 0..2 {
        gateway.try_log_in_from("203.0.113.1", &format!("somebody{number}@example.com"), WRONG);
    }
    is_limited(&gateway.try_log_in_from("203.0.113.1", &bob.email, PASSWORD), "login-failure-address", 1_800);
    assert_eq!(gateway.try_log_in_from("203.0.113.1", &ada.email, WRONG).status, 401);
    assert_eq!(gateway.try_log_in_from("203.0.113.1", &ada.email, PASSWORD).status, 200);
}

/// Here nothing can be hashed in time.
fn what_could_not_be_done_takes_nothing_of_the_limits(setup: Setup) {
    let two = "{requests=2,window_seconds=3600}";
    let limits = ["LOGIN_ADDRESS", "LOGIN_ACCOUNT_ADDRESS", "LOGIN_FAILURE_ADDRESS", "REGISTER_ADDRESS"];
    let setup = limits
        .iter()
        .fold(setup, |setup, limit| setup.env(&format!("GATEWAY__LIMITS__{limit}"), two))
        .env("GATEWAY__PASSWORD__WAIT_MAX_MS", "0")
        .env("GATEWAY_ADMIN_EMAIL", "")
        .env("GATEWAY_ADMIN_PASSWORD", "");
    let gateway = bounded(setup, "LOGIN_ACCOUNT", 2);
    for _ in 0..4 {
        let refused = gateway.try_log_in("ada@example.com", WRONG);
        refused.is_refused(503, "Too many logins at once", "hashing_overloaded");
        let refused = gateway.try_register("ada@example.com");
        refused.is_refused(503, "Too many logins at once", "hashing_overloaded");
    }
}

/// A gateway behind a trusted proxy, with so many in an hour for this policy.
fn the_right_password_of_who_may_not_come_in_yet_is_no_guess(setup: Setup) {
    let setup = setup.config("[registration]\nemail_verification = \"required\"");
    let gateway = bounded(setup, "LOGIN_FAILURE_ADDRESS", 2);
    gateway.try_register("ada@example.org").is_served(201);
    for _ in 0..4 {
        assert_eq!(gateway.try_log_in("ada@example.org", PASSWORD).code(), "email_unverified");
    }
}

fn bounded(setup: Setup, policy: &str, requests: u32) -> Gateway {
    let setup = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
    let limit = format!("{{requests={requests},window_seconds=3600}}");
    setup.env(&format!("GATEWAY__LIMITS__{policy}"), &limit).start()
}
