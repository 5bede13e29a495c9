//! Accounts, sessions and what is revoked are the same at all of them.

use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;

use super::{ask, on, three};
use crate::support::eventually;
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD};
use crate::support::people::PASSWORD;
use crate::support::postgres::Postgres;
use crate::support::upstream::Upstream;

/// What was promised, `store.max_staleness_ms`, and what a request and a test take on a busy machine.
const BOUND: Duration = Duration::from_secs(1);

#[test]
fn a_login_here_is_a_refresh_there_and_a_logout_at_a_third_ends_it_everywhere() {
    let upstream = Upstream::start();
    let server = Postgres::shared();
    let [a, b, c] = three(server, &upstream);
    let ada = a.user();
    for gateway in [&a, &b, &c] {
        assert_eq!(ask(gateway, &ada.access).status, 200);
    }
    let body = json!({"refresh_token": ada.refresh, "rotate": true});
    let refreshed = b.client().post("/api/auth/refresh").json(&body).send();
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    let refreshed = refreshed.json();
    let (access, refresh) = (refreshed["access_token"].as_str().unwrap(), &refreshed["refresh_token"]);
    assert_eq!(ask(&c, access).status, 200);
    assert_eq!(c.client().post("/api/auth/logout").bearer(access).send().status, 200);
    assert_eq!(ask(&c, access).status, 401, "at once, where it was answered");
    let clock = Stopwatch::start();
    for gateway in [&a, &b] {
        for token in [access, &ada.access] {
            eventually("it is refused", || ask(gateway, token).status == 401);
        }
    }
    assert!(clock.elapsed() < BOUND, "after {:?}", clock.elapsed());
    let body = json!({"refresh_token": refresh});
    assert_eq!(a.client().post("/api/auth/refresh").json(&body).send().status, 401);
}

#[test]
fn a_refresh_token_that_is_used_at_two_gateways_at_once_is_rotated_once() {
    let upstream = Upstream::start();
    let server = Postgres::shared();
    let [a, b, c] = three(server, &upstream);
    for _ in 0..5 {
        let ada = a.user();
        let body = json!({"refresh_token": ada.refresh, "rotate": true});
        let replies: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = [&a, &b, &c, &a, &b, &c]
                .map(|gateway| scope.spawn(|| gateway.client().post("/api/auth/refresh").json(&body).send()))
                .into();
            asking.into_iter().map(|reply| reply.join().unwrap()).collect()
        });
        let tokens: std::collections::BTreeSet<_> = replies
            .iter()
            .map(|reply| {
                assert_eq!(reply.status, 200, "{}", reply.text());
                reply.json()["refresh_token"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(tokens.len(), 1, "one rotation, and the others graced with the same successor");
    }
}

#[test]
fn a_demotion_and_a_password_are_known_everywhere() {
    let upstream = Upstream::start();
    let server = Postgres::shared();
    let url = server.database();
    let route = "[[routes]]\nname = \"admin\"\npath = \"/admin\"\nupstream = \"todo\"\nroles = [\"admin\"]";
    let [a, b] = [(); 2].map(|()| on(&url, &upstream).config(route).start());
    let (root, ada) = (a.admin(), b.user());
    let role = |role: &str| {
        let path = format!("/api/auth/users/{}", ada.id);
        assert_eq!(root.request("PATCH", &path).json(&json!({"role": role})).send().status, 200);
    };
    role("admin");
    eventually("the token of before is refused", || ask(&b, &ada.access).status == 401);
    let admin = b.log_in(&ada.email, PASSWORD);
    assert_eq!(b.client().get("/admin").bearer(&admin.access).send().status, 200);
    role("user");
    eventually("it is refused", || b.client().get("/admin").bearer(&admin.access).send().status == 401);
    // Of two administrators who demote each other at two gateways at once, one remains.
    role("admin");
    let ada = b.log_in(&ada.email, PASSWORD);
    let root_again = a.log_in(ADMIN_EMAIL, ADMIN_PASSWORD);
    let demote = |by: &crate::support::people::Person, whom: u64| {
        by.request("PATCH", &format!("/api/auth/users/{whom}")).json(&json!({"role": "user"})).send().status
    };
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| demote(&root_again, ada.id));
        (one.join().unwrap(), demote(&ada, root_again.id))
    });
    assert_eq!([one, other].iter().filter(|status| **status == 200).count(), 1, "{one} {other}");
}

#[test]
fn what_a_command_revokes_on_a_third_machine_is_refused_by_all() {
    let upstream = Upstream::start();
    let server = Postgres::shared();
    let [a, b, c] = three(server, &upstream);
    let ada = a.user();
    assert_eq!(ask(&b, &ada.access).status, 200);
    // As on a machine without a gateway: there is no socket in its folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = c.command(&["session", "end", "--user", &ada.email]);
    command.env("GATEWAY__STORE__PATH", elsewhere.path().join("none"));
    let (status, out, errors) = crate::support::command::finish(command);
    assert_eq!(status, 0, "{out} {errors}");
    for gateway in [&a, &b, &c] {
        eventually("it is refused", || ask(gateway, &ada.access).status == 401);
    }
}

#[test]
fn a_gateway_keeps_nothing_that_another_needs() {
    let upstream = Upstream::start();
    let server = Postgres::shared_newest();
    let url = server.database();
    let a = on(&url, &upstream).start();
    let ada = a.user();
    let data = a.data.clone();
    drop(a);
    std::fs::remove_dir_all(data).ok();
    let b = on(&url, &upstream).start();
    assert_eq!(ask(&b, &ada.access).status, 200);
    let body = json!({"refresh_token": ada.refresh, "rotate": true});
    assert_eq!(b.client().post("/api/auth/refresh").json(&body).send().status, 200);
}

#[test]
fn moments_are_those_of_the_database_wherever_a_gateways_clock_is() {
    let (server, upstream) = (Postgres::shared(), Upstream::start());
    let url = server.database();
    let right = on(&url, &upstream).start();
    let library = crate::support::tools::faketime();
    let wrong = on(&url, &upstream)
        .env("LD_PRELOAD", library.to_str().unwrap())
        .env("FAKETIME", "-600")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start();
    wrong.says("the clock of the database is not this machine's, and counts");
    let ada = wrong.user();
    let issued = crate::support::forge::claims(&ada.access)["iat"].as_u64().unwrap();
    assert!(issued.abs_diff(crate::support::forge::now()) < 60, "{issued}");
    for gateway in [&right, &wrong] {
        assert_eq!(ask(gateway, &ada.access).status, 200);
    }
    let listed = right.client().get("/api/auth/sessions").bearer(&ada.access).send();
    assert_eq!(listed.status, 200, "{}", listed.text());
}
