//! The gateways of a database know of each other which keys they hold.

use super::{ask, on};
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::postgres::Postgres;
use crate::support::upstream::Upstream;

const NEW: &str = "CANARY-access-key-that-comes-next-9b1c-CANARY";

fn listed(gateway: &Gateway) -> Vec<serde_json::Value> {
    let (status, out, errors) = gateway.run(&["fleet", "--json"]);
    assert_eq!(status, 0, "{errors}");
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    listed["gateways"].as_array().unwrap().clone()
}

#[test]
fn all_that_live_are_listed_and_who_ended_is_not() {
    let (server, upstream) = (Postgres::shared(), Upstream::start());
    let url = server.database();
    let [a, b] = [(); 2].map(|()| on(&url, &upstream).start());
    let gateways = listed(&a);
    assert_eq!(gateways.len(), 2);
    for gateway in &gateways {
        assert_eq!((gateway["live"].as_bool(), gateway["version"].as_str()), (Some(true), Some("0.1.0")));
        assert!(gateway["staleness_ms"].as_u64().unwrap() < 60_000, "{gateway}");
        let keys = gateway["keys"].to_string();
        assert!(keys.contains("\"access\"") && !keys.contains("CANARY"), "no secret is shown: {keys}");
    }
    let (status, table, _) = a.run(&["fleet"]);
    assert!(status == 0 && table.contains("LAST SEEN"), "{table}");
    let mut b = b;
    b.signal(rustix::process::Signal::TERM);
    eventually("it ends in order, and is listed no more", || listed(&a).len() == 1);
    b.kill();
    let mut c = on(&url, &upstream).start();
    c.kill();
    assert_eq!(listed(&a).len(), 2);
    eventually("one that was killed does not live for long", || {
        listed(&a).iter().filter(|gateway| gateway["live"] == true).count() == 1
    });
}

#[test]
fn another_set_of_keys_is_refused_with_what_differs_and_a_rotation_goes_step_by_step() {
    let (server, upstream) = (Postgres::shared(), Upstream::start());
    let url = server.database();
    let a = on(&url, &upstream).start();
    let ada = a.user();
    let refused = |setup: Setup| setup.try_start().err().expect("the keys differ").stderr;
    let said = refused(on(&url, &upstream).env("JWT_SECRET_KEY", NEW));
    assert!(said.contains("signs access tokens by") && said.contains("does not accept"), "{said}");
    assert!(!said.contains("CANARY"), "{said}");
    let said = refused(on(&url, &upstream).env("JWT_SECRET_KEY", NEW).env("JWT_SECRET_KEY_PREVIOUS", OLD));
    assert!(said.contains("does not accept: give it that key first"), "{said}");
    // First all accept the next one; then it signs.
    let prepared = || on(&url, &upstream).env("JWT_SECRET_KEY_PREVIOUS", NEW);
    let b = prepared().start();
    end(a);
    let a = prepared().start();
    end(b);
    let b = on(&url, &upstream).env("JWT_SECRET_KEY", NEW).env("JWT_SECRET_KEY_PREVIOUS", OLD).start();
    let bob = b.user();
    for gateway in [&a, &b] {
        for token in [&ada.access, &bob.access] {
            assert_eq!(ask(gateway, token).status, 200);
        }
    }
}

/// One that is killed is taken to live for some seconds more.
fn end(mut gateway: Gateway) {
    assert!(gateway.terminate().success());
}

const OLD: &str = crate::support::gateway::ACCESS_KEY;
