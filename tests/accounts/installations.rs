//! A user's id means somebody in one store only: what another installation issued is good for nobody
//! here, although both have the same secrets.

use serde_json::{Value, json};

use crate::support::forge;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, Person};
use crate::support::stores::{embedded, on_both_stores};
use crate::support::transfer::{exported, imported};
use crate::support::upstream::Upstream;

on_both_stores!(
    a_token_of_another_store_opens_nobodys_account,
    a_token_that_names_no_installation_counts_where_its_session_is,
    what_a_logout_ended_is_known_without_the_claim,
    an_import_into_an_empty_store_is_the_installation_of_the_export,
    an_import_as_a_new_installation_knows_the_people_and_no_token,
);

/// Ada of the other store, whose id is Carl's here.
fn ada_and_carl(setup: Setup) -> (Gateway, Gateway, Person, Person) {
    let (there, here) = (embedded().start(), setup.start());
    let (ada, carl) = (there.user(), here.user());
    assert_eq!(ada.id, carl.id);
    (there, here, ada, carl)
}

fn without_installation(token: &str) -> Value {
    forge::with(forge::claims(token), "ins", Value::Null)
}

/// What a token can do to the account that has its user's id.
fn tries(gateway: &Gateway, token: &str) -> Vec<(&'static str, Reply)> {
    let client = gateway.client();
    [
        ("GET", "/api/auth/profile"),
        ("PUT", "/api/auth/profile"),
        ("GET", "/api/auth/profile/export"),
        ("GET", "/api/auth/sessions"),
        ("DELETE", "/api/auth/sessions?all=true"),
        ("POST", "/api/auth/logout"),
        ("GET", "/app"),
    ]
    .map(|(method, path)| {
        (path, client.request(method, path).bearer(token).json(&json!({"first_name": "Ada"})).send())
    })
    .into()
}

fn a_token_of_another_store_opens_nobodys_account(setup: Setup) {
    let upstream = Upstream::start();
    let setup = setup.upstream("app", &upstream.address.to_string()).route("app", "/app", "app", "");
    let (there, here, ada, carl) = ada_and_carl(setup);
    for token in [&ada.access, &forge::access(&without_installation(&ada.access))] {
        for (path, reply) in tries(&here, token) {
            assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{path}");
        }
    }
    for token in [&ada.refresh, &forge::refresh(&without_installation(&ada.refresh))] {
        let refused = carl.refresh(token, false);
        refused.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    }
    assert!(upstream.arrived().is_empty());
    let profile = carl.get("/api/auth/profile").is_served(200);
    assert_eq!((&profile["user"]["email"], &profile["user"]["first_name"]), (&json!(carl.email), &json!("")));
    assert_eq!(carl.get("/app").status, 200);
    assert_eq!(carl.clone().refreshed().standing(), "in force");
    assert_eq!(ada.get("/api/auth/profile").status, 200, "where it is from");
    drop(there);
}

fn a_token_that_names_no_installation_counts_where_its_session_is(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let old = without_installation(&ada.access);
    let status = |claims: &Value| {
        let token = forge::access(claims);
        gateway.client().get("/api/auth/profile").bearer(&token).send().status
    };
    let nowhere = json!(uuid::Uuid::new_v4().to_string());
    assert_eq!(status(&old), 200, "issued here, before there was the claim");
    assert_eq!(status(&forge::with(old.clone(), "sid", nowhere)), 401, "a session of nobody");
    assert_eq!(status(&forge::about(old.clone(), bob.id)), 401, "a session of somebody else");
    let refresh = forge::refresh(&without_installation(&ada.refresh));
    ada.refresh(&refresh, false).is_served(200);
    ada.log_out().is_served(200);
    assert_eq!(status(&old), 401);
    assert_eq!(ada.refresh(&refresh, false).status, 401);
}

fn what_a_logout_ended_is_known_without_the_claim(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let old = forge::access(&without_installation(&ada.access));
    let log_out = || gateway.client().post("/api/auth/logout").bearer(&old).send();
    log_out().is_served(200);
    assert_eq!(ada.standing(), "token_revoked");
    log_out().is_served(200);
}

fn an_import_into_an_empty_store_is_the_installation_of_the_export(setup: Setup) {
    let folder = tempfile::tempdir().unwrap();
    let mut first = setup.clone().data(&folder.path().join("first")).start();
    let ada = first.user();
    let (file, second) = (exported(&mut first), folder.path().join("second"));
    imported(&second, &file, &[]);
    let second = setup.data(&second).start();
    let ada = Person { client: second.client(), ..ada };
    assert_eq!(ada.standing(), "in force");
    assert_eq!(ada.clone().refreshed().standing(), "in force");
    let bob = second.user();
    assert_eq!(bob.id, ada.id + 1_000_001, "ids given out since the export are not given again");
}

fn an_import_as_a_new_installation_knows_the_people_and_no_token(setup: Setup) {
    let folder = tempfile::tempdir().unwrap();
    let mut first = setup.clone().data(&folder.path().join("first")).start();
    let ada = first.user();
    let (file, second) = (exported(&mut first), folder.path().join("second"));
    imported(&second, &file, &["--new-installation"]);
    let second = setup.data(&second).start();
    let ada = Person { client: second.client(), ..ada };
    for token in [ada.access.clone(), forge::access(&without_installation(&ada.access))] {
        let old = Person { access: token, ..ada.clone() };
        assert_eq!(old.standing(), "token_invalid");
    }
    for token in [ada.refresh.clone(), forge::refresh(&without_installation(&ada.refresh))] {
        assert_eq!(ada.refresh(&token, false).status, 401);
    }
    let again = second.log_in(&ada.email, PASSWORD);
    assert_eq!(again.id, ada.id);
    assert_ne!(forge::claims(&again.access)["ins"], forge::claims(&ada.access)["ins"]);
    let sessions = again.get("/api/auth/sessions").is_served(200);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
}
