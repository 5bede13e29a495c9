//! Addresses that an account was used from: whatever strangers do, its owner gets in there, also after
//! a restart.

use std::path::Path;

use serde_json::json;

use super::{NEW, WRONG, behind_a_proxy};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, Person};
use crate::support::stores::plain_sled;

const HERE: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";
/// As many guesses as an account has in all, from addresses that it was not used from.
const GUESSES: u8 = 3;

fn on(folder: &Path) -> Gateway {
    let limit = format!("{{requests={GUESSES},window_seconds=3600}}");
    behind_a_proxy(Setup::new("")).env("GATEWAY__LIMITS__LOGIN_ACCOUNT", &limit).data(folder).start()
}

/// As after a crash, on the same store.
fn again(mut gateway: Gateway) -> Gateway {
    gateway.kill();
    on(&gateway.data)
}

impl Gateway {
    /// Strangers use up the guesses that the account has in all.
    #[track_caller]
    fn is_attacked(&self, email: &str) {
        for number in 1..=GUESSES {
            assert_eq!(self.try_log_in_from(&format!("203.0.113.{number}"), email, WRONG).status, 401);
        }
        self.keeps_out("203.0.113.99", email, PASSWORD);
    }

    #[track_caller]
    fn keeps_out(&self, from: &str, email: &str, password: &str) {
        let refused = self.try_log_in_from(from, email, password);
        assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"), "{from}");
        assert!(refused.header("ratelimit").contains("\"login-account\";r=0"), "{refused:?}");
    }

    #[track_caller]
    fn lets_in(&self, from: &str, email: &str, password: &str) -> Reply {
        let reply = self.try_log_in_from(from, email, password);
        reply.is_served(200);
        reply
    }

    /// Somebody who registered, and logged in at this address only.
    fn user_at(&self, from: &str) -> Person {
        let email = crate::support::people::fresh_email();
        self.try_register(&email).is_served(201);
        let body = self.lets_in(from, &email, PASSWORD).json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let id = body["user"]["id"].as_u64().unwrap();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        Person { client: self.client(), id, email, access, refresh }
    }
}

impl Person {
    fn from(&self, address: &str, method: &str, path: &str, body: &serde_json::Value) -> Reply {
        self.request(method, path).header("x-forwarded-for", address).json(body).send()
    }
}

#[test]
fn a_restart_in_the_middle_of_an_attack_keeps_no_owner_out() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(HERE, &ada.email, PASSWORD);
    let gateway = again(gateway);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(HERE, &ada.email, PASSWORD);
    gateway.keeps_out(ELSEWHERE, &ada.email, PASSWORD);
}

#[test]
fn who_logged_out_before_a_restart_is_no_stranger_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    assert_eq!(ada.log_out().status, 200);
    let gateway = again(gateway);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(HERE, &ada.email, PASSWORD);
}

#[test]
fn a_refresh_makes_its_address_familiar() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    let refresh = json!({ "refresh_token": ada.refresh });
    ada.from(ELSEWHERE, "POST", "/api/auth/refresh", &refresh).is_served(200);
    let gateway = again(gateway);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(ELSEWHERE, &ada.email, PASSWORD);
    gateway.lets_in(HERE, &ada.email, PASSWORD);
}

#[test]
fn a_reset_makes_its_address_familiar_and_all_others_strange() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    let token = gateway.reset_token(&ada.email);
    let reset = json!({ "token": token, "password": NEW });
    ada.from(ELSEWHERE, "POST", "/api/auth/password/reset", &reset).is_served(200);
    let gateway = again(gateway);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(ELSEWHERE, &ada.email, NEW);
    // Whoever had the old password may have logged in there.
    gateway.keeps_out(HERE, &ada.email, NEW);
}

#[test]
fn a_new_password_leaves_the_address_familiar_where_it_was_chosen_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    gateway.lets_in("198.51.100.66", &ada.email, PASSWORD);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    ada.from(ELSEWHERE, "PUT", "/api/auth/password", &change).is_served(200);
    gateway.is_attacked(&ada.email);
    gateway.lets_in(ELSEWHERE, &ada.email, NEW);
    // The session that went on was opened there.
    gateway.lets_in(HERE, &ada.email, NEW);
    gateway.keeps_out("198.51.100.66", &ada.email, NEW);
}

#[test]
fn where_all_sessions_are_ended_their_addresses_are_strange_again() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let (ada, bob) = (gateway.user_at(HERE), gateway.user_at(HERE));
    gateway.lets_in(ELSEWHERE, &bob.email, PASSWORD);
    ada.ends("?all=true").is_served(200);
    bob.ends("").is_served(200);
    gateway.is_attacked(&ada.email);
    gateway.keeps_out(HERE, &ada.email, PASSWORD);
    gateway.is_attacked(&bob.email);
    gateway.keeps_out(ELSEWHERE, &bob.email, PASSWORD);
    gateway.lets_in(HERE, &bob.email, PASSWORD);
}

#[test]
fn an_ipv6_network_is_as_familiar_as_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at("2001:db8:1:2::1");
    gateway.is_attacked(&ada.email);
    gateway.lets_in("2001:db8:1:2:ffff::9", &ada.email, PASSWORD);
    gateway.keeps_out("2001:db8:1:3::1", &ada.email, PASSWORD);
}

/// As the version before left it, which knew of sessions only.
#[test]
fn a_store_of_before_knows_addresses_by_its_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    gateway.kill();
    let db = plain_sled(folder.path());
    db.drop_tree("familiar").unwrap();
    drop(db);
    let gateway = on(folder.path());
    gateway.is_attacked(&ada.email);
    gateway.lets_in(HERE, &ada.email, PASSWORD);
}

/// They are kept of a person, and so that person may have them.
#[test]
fn an_export_of_oneself_says_which_addresses_are_familiar() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = on(folder.path());
    let ada = gateway.user_at(HERE);
    gateway.lets_in("2001:db8:1:2::1", &ada.email, PASSWORD);
    let export = ada.get("/api/auth/profile/export").is_served(200);
    let familiar = export["familiar_networks"].as_array().unwrap();
    let networks: Vec<_> = familiar.iter().map(|one| one["network"].as_str().unwrap()).collect();
    assert_eq!(networks, ["2001:db8:1:2::/64", "192.0.2.1/32"]);
    assert!(familiar[0]["last_used_at"].as_str().unwrap().ends_with('Z'));
}
