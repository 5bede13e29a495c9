//! `/.well-known/jwks.json`: what others fetch.

use serde_json::Value;

use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup};
use crate::support::keys::kid;
use crate::support::upstream::Upstream;

#[test]
fn it_has_the_public_keys_and_nothing_that_is_private() {
    for algorithm in ["HS256", "EdDSA", "ES256", "RS256", "PS256"] {
        let gateway = Setup::new("").algorithm(algorithm).start();
        let reply = gateway.client().get("/.well-known/jwks.json").send();
        assert_eq!((reply.status, reply.header("cache-control")), (200, "public, max-age=300"));
        assert_eq!(reply.header("content-type"), "application/jwk-set+json");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let body = reply.text();
        assert!(!body.contains(ACCESS_KEY) && !body.contains(REFRESH_KEY));
        let keys = gateway.jwks();
        let algorithms: Vec<_> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
        let wanted = if algorithm == "HS256" { vec!["EdDSA"] } else { vec![algorithm, "EdDSA"] };
        assert_eq!(algorithms, wanted);
        for key in &keys {
            let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            let known = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
            assert!(members.iter().all(|member| known.contains(member)), "{members:?}");
            assert_eq!(key["use"], "sig");
        }
        let ada = gateway.user();
        if algorithm != "HS256" {
            let published = |token: &str| keys.iter().any(|key| key["kid"] == kid(token).as_str());
            assert!(published(&ada.access), "{algorithm}");
            assert!(!published(&ada.refresh), "{algorithm}: refresh tokens are for the gateway alone");
        }
    }
}

#[test]
fn it_is_the_gateways_own_and_is_only_read() {
    let upstream = Upstream::start();
    let route = |path: &str| {
        Setup::new("").upstream("app", &upstream.address.to_string()).route(
            "app",
            path,
            "app",
            "auth = \"public\"",
        )
    };
    let gateway = route("/").start();
    let client = gateway.client();
    let head = client.request("HEAD", "/.well-known/jwks.json").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(client.post("/.well-known/jwks.json").send().status, 405);
    assert_eq!(client.get("/.well-known/jwks.json/more").send().status, 404);
    assert_eq!(client.get("/.well-known/jwks.json?x=y").send().status, 200);
    assert!(upstream.arrived().is_empty());
    assert_eq!(client.get("/.well-known/other").send().status, 200);
    let failed = route("/.well-known/jwks.json").try_start().err().unwrap();
    assert!(failed.stderr.contains("belongs to the gateway itself"), "{}", failed.stderr);
}

#[test]
fn it_is_kept_no_longer_than_a_new_key_waits() {
    for (delay, wanted) in
        [(0, "public, max-age=0"), (60, "public, max-age=60"), (86_400, "public, max-age=300")]
    {
        let gateway = Setup::new("").publish_delay(delay).start();
        let reply = gateway.client().get("/.well-known/jwks.json").send();
        assert_eq!(reply.header("cache-control"), wanted);
    }
}

#[test]
fn a_next_key_is_there_before_it_signs() {
    let gateway = Setup::new("").algorithm("EdDSA").start();
    gateway.rotate(&["access", "assertion"]);
    assert_eq!(gateway.jwks().len(), 2, "before the reload");
    assert!(gateway.reload_again());
    let names: Vec<Value> = gateway.jwks().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(names.len(), 4);
    for usage in ["access", "assertion"] {
        let next = gateway.keys_list(usage).into_iter().find(|key| key["state"] == "next").unwrap();
        assert!(names.contains(&next["kid"]), "{usage}");
    }
}
