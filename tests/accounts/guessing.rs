//! Guessing at a password: each failure in a row makes the next one wait longer, and nobody else.

use serde_json::json;

use super::{NEW, WRONG, behind_a_proxy, is_wrong};
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, Person, fresh_email};

const HERE: &str = "203.0.113.1";
const ELSEWHERE: &str = "203.0.113.2";

fn locking(after: u32, first: u32, longest: u32) -> Gateway {
    let lock = format!("{{after={after},first_seconds={first},longest_seconds={longest}}}");
    behind_a_proxy(Setup::new("").unlimited()).env("GATEWAY__LIMITS__LOGIN_LOCK", &lock).start()
}

#[track_caller]
fn is_locked(reply: &Reply, seconds: std::ops::RangeInclusive<u32>) {
    reply.is_refused(429, "Too many requests", "login_locked");
    let wait: u32 = reply.header("retry-after").parse().unwrap();
    assert!(seconds.contains(&wait), "{wait}");
}

#[test]
fn each_failure_in_a_row_makes_the_next_attempt_wait_twice_as_long() {
    let gateway = locking(2, 2, 6);
    let ada = gateway.user();
    let guess = || gateway.try_log_in_from(HERE, &ada.email, WRONG);
    for _ in 0..3 {
        is_wrong(&guess());
    }
    for longest in [2, 4, 6] {
        is_locked(&guess(), 1..=longest);
        // Not even the right password is looked at meanwhile, and asking does not prolong the wait.
        is_locked(&gateway.try_log_in_from(HERE, &ada.email, PASSWORD), 1..=longest);
        eventually("it may be tried again", || guess().status == 401);
    }
    is_locked(&guess(), 3..=6);
}

#[test]
fn the_right_password_in_time_begins_the_count_anew() {
    let gateway = locking(2, 600, 600);
    let ada = gateway.user();
    for _ in 0..3 {
        for _ in 0..2 {
            is_wrong(&gateway.try_log_in_from(HERE, &ada.email, WRONG));
        }
        gateway.try_log_in_from(HERE, &ada.email, PASSWORD).is_served(200);
    }
}

#[test]
fn a_lock_concerns_one_account_from_one_address() {
    let gateway = locking(2, 600, 600);
    let (ada, bob) = (gateway.user(), gateway.user());
    for _ in 0..3 {
        is_wrong(&gateway.try_log_in_from(HERE, &ada.email, WRONG));
    }
    is_locked(&gateway.try_log_in_from(HERE, &ada.email, PASSWORD), 500..=600);
    is_locked(
        &gateway.try_log_in_from(HERE, &format!(" {} ", ada.email.to_uppercase()), PASSWORD),
        500..=600,
    );
    gateway.try_log_in_from(ELSEWHERE, &ada.email, PASSWORD).is_served(200);
    gateway.try_log_in_from(HERE, &bob.email, PASSWORD).is_served(200);
    ada.is_in();
    // A login from elsewhere does not open it here.
    is_locked(&gateway.try_log_in_from(HERE, &ada.email, PASSWORD), 500..=600);
}

#[test]
fn an_address_without_an_account_is_locked_in_the_same_way() {
    let gateway = locking(2, 600, 600);
    let nobody = fresh_email();
    for _ in 0..3 {
        is_wrong(&gateway.try_log_in_from(HERE, &nobody, WRONG));
    }
    is_locked(&gateway.try_log_in_from(HERE, &nobody, WRONG), 500..=600);
}

#[test]
fn wherever_a_password_is_asked_for_it_is_the_same_count() {
    let gateway = locking(2, 600, 600);
    let ada = gateway.user();
    let ask = |method: &str, path: &str, current: &str| {
        let body = json!({"current_password": current, "new_password": NEW});
        ada.request(method, path).header("x-forwarded-for", HERE).json(&body).send()
    };
    is_wrong(&ask("PUT", "/api/auth/password", WRONG));
    is_wrong(&ask("DELETE", "/api/auth/profile", WRONG));
    is_wrong(&gateway.try_log_in_from(HERE, &ada.email, WRONG));
    is_locked(&ask("PUT", "/api/auth/password", PASSWORD), 500..=600);
    is_locked(&ask("DELETE", "/api/auth/profile", PASSWORD), 500..=600);
    is_locked(&gateway.try_log_in_from(HERE, &ada.email, PASSWORD), 500..=600);
    Person::is_in(&ada);
}

#[test]
fn a_reset_ends_a_lock_everywhere() {
    let gateway = locking(2, 600, 600);
    let ada = gateway.user();
    for from in [HERE, ELSEWHERE] {
        for _ in 0..3 {
            is_wrong(&gateway.try_log_in_from(from, &ada.email, WRONG));
        }
    }
    let token = gateway.reset_token(&ada.email);
    gateway.resets(&token, NEW).is_served(200);
    for from in [HERE, ELSEWHERE] {
        gateway.try_log_in_from(from, &ada.email, NEW).is_served(200);
    }
}

/// Of the limits as they are by default: the owner who guessed wrong ten times is let in.
#[test]
fn a_reset_gives_its_address_all_attempts_again() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let token = gateway.reset_token(&ada.email);
    while gateway.try_log_in(&ada.email, WRONG).status == 401 {}
    assert_eq!(gateway.try_log_in(&ada.email, PASSWORD).status, 429);
    gateway.resets(&token, NEW).is_served(200);
    gateway.log_in(&ada.email, NEW);
}

/// A key that stayed for good would take the room of others, until there is none for anybody.
#[test]
fn a_reset_leaves_no_key_behind_in_the_limits_memory() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let keys = || gateway.metric("gateway_rate_limit_keys{policy=\"login-account-address\"}");
    for (number, password) in [NEW, PASSWORD].into_iter().enumerate() {
        is_wrong(&gateway.try_log_in(&ada.email, WRONG));
        assert_eq!(gateway.forgets(&ada.email).status, 202);
        let token = gateway.nth_letter(number + 1, "password_reset", &ada.email).token();
        gateway.resets(&token, password).is_served(200);
        assert_eq!(keys(), 0.0);
    }
}
