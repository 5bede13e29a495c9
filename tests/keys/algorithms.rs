//! Tokens by each algorithm, and a change from one to another.

use crate::support::forge::claims;
use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::{header, kid};
use crate::support::people::{PASSWORD, Person};
use crate::support::upstream::Upstream;

const ASYMMETRIC: [&str; 4] = ["EdDSA", "ES256", "RS256", "PS256"];

/// A person's access token passes, and their refresh token gets another one.
#[track_caller]
fn is_logged_in(gateway: &Gateway, person: &Person, what: &str) {
    let client = gateway.client();
    let reply = client.get("/api/todos").bearer(&person.access).send();
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    let reply = client.post("/api/auth/refresh").json(&serde_json::json!({"refresh_token": person.refresh}));
    let reply = reply.send();
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
}

#[test]
fn people_log_in_refresh_rotate_and_log_out_by_every_algorithm() {
    let upstream = Upstream::start();
    for algorithm in ASYMMETRIC {
        let gateway = Setup::before(upstream.address).algorithm(algorithm).start();
        let ada = gateway.user();
        for token in [&ada.access, &ada.refresh] {
            assert_eq!(header(token)["alg"], algorithm);
        }
        assert_ne!(kid(&ada.access), kid(&ada.refresh), "{algorithm}: one key for two uses");
        assert_eq!(claims(&ada.access)["user_id"], ada.id);
        is_logged_in(&gateway, &ada, algorithm);
        let rotated = ada.refresh(&ada.refresh, true);
        assert_eq!(rotated.status, 200, "{algorithm}: {}", rotated.text());
        let (first, again) = (rotated.json(), ada.refresh(&ada.refresh, true).json());
        let id =
            |answer: &serde_json::Value| claims(answer["refresh_token"].as_str().unwrap())["jti"].clone();
        assert_eq!(id(&first), id(&again), "{algorithm}: the same successor within the grace");
        assert_eq!(ada.log_out().status, 200);
        ada.get("/api/todos").is_refused(401, "Invalid or expired token", "token_revoked");
    }
}

#[test]
fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").start();
    let ada = gateway.user();
    let reply = gateway.client().get("/api/todos").bearer(&ada.refresh).send();
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
    assert_eq!(ada.refresh(&ada.access, false).status, 401);
    assert!(upstream.arrived().is_empty());
    is_logged_in(&gateway, &ada, "the control");
}

#[test]
fn tokens_of_the_default_have_no_kid_and_the_header_of_the_article() {
    let gateway = Setup::demo().start();
    let ada = gateway.user();
    for token in [&ada.access, &ada.refresh] {
        assert_eq!(header(token), serde_json::json!({"typ": "JWT", "alg": "HS256"}));
    }
}

#[test]
fn a_change_of_the_algorithm_logs_nobody_out() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut people: Vec<(&str, Person)> = Vec::new();
    let mut email: Option<String> = None;
    for (algorithm, delay, signs) in [
        ("HS256", 0, "HS256"),
        ("EdDSA", 0, "EdDSA"),
        ("ES256", 3_600, "EdDSA"),
        ("ES256", 3_600, "EdDSA"),
        ("HS256", 3_600, "HS256"),
    ] {
        let setup = Setup::before(upstream.address).algorithm(algorithm).publish_delay(delay);
        let mut gateway = setup.data(folder.path()).start();
        if algorithm != "HS256" {
            gateway.says("tokens by HS256 are still accepted: take the secrets away once");
        }
        for (before, person) in &people {
            is_logged_in(&gateway, person, &format!("{before} with {algorithm}"));
        }
        let person = match &email {
            None => gateway.user(),
            Some(email) => gateway.log_in(email, PASSWORD),
        };
        assert_eq!(header(&person.access)["alg"], signs, "{algorithm}");
        email = Some(person.email.clone());
        people.push((algorithm, person));
        gateway.terminate();
    }
    let gateway = Setup::before(upstream.address).algorithm("ES256").data(folder.path()).start();
    let states: Vec<_> = gateway.keys_list("access").iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["previous", "current", "next"], "HS256, EdDSA and ES256, made once");
}
