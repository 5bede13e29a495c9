//! The identity assertion: who gets it, what it says, and that nobody else can make it.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::forge::{access, access_claims, claims, now, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::{header, kid, sign_with};
use crate::support::raw::exchange;
use crate::support::upstream::Upstream;

const HEADER: &str = "x-gateway-assertion";

fn setup(upstream: &Upstream) -> Setup {
    Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("app", "/app", "app", "assertion = true")
        .route("reports", "/reports", "app", "assertion = \"reports.internal\"")
        .route("optional", "/optional", "app", "auth = \"optional\"\nassertion = true")
        .route("plain", "/plain", "app", "")
        .route("public", "/public", "app", "auth = \"public\"")
}

/// What the upstream got with the last request.
fn last(upstream: &Upstream) -> String {
    upstream.arrived().last().unwrap().one(HEADER).to_owned()
}

#[test]
fn a_service_is_told_who_speaks_by_a_token_of_its_own() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).start();
    let ada = gateway.user();
    for (path, audience) in [("/app/x", "app"), ("/reports", "reports.internal"), ("/optional", "app")] {
        assert_eq!(ada.get(path).status, 200);
        let token = last(&upstream);
        let said = claims(&token);
        let text = |name: &str| said[name].as_str().unwrap_or("").to_owned();
        assert_eq!((text("iss").as_str(), text("aud").as_str()), ("gateway", audience));
        assert_eq!(text("sub"), ada.id.to_string());
        assert_eq!((text("email"), text("role").as_str()), (ada.email.clone(), "user"));
        let (iat, exp) = (said["iat"].as_u64().unwrap(), said["exp"].as_u64().unwrap());
        assert!(exp == iat + 60 && iat <= now() && now() < exp, "{said}");
        let head = header(&token);
        assert_eq!((&head["alg"], &head["typ"]), (&json!("EdDSA"), &json!("gateway-assertion+jwt")));
        assert!(gateway.jwks().iter().any(|key| key["kid"] == head["kid"]), "its key is not published");
    }
}

#[test]
fn it_is_sent_only_where_it_is_asked_for_and_somebody_is_known() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).start();
    let ada = gateway.user();
    for path in ["/plain", "/public"] {
        assert_eq!(ada.get(path).status, 200);
    }
    for path in ["/public", "/optional"] {
        assert_eq!(gateway.client().get(path).send().status, 200);
    }
    assert_eq!(upstream.arrived().len(), 4);
    assert!(upstream.arrived().iter().all(|arrived| arrived.folded(HEADER).is_empty()));
    gateway.client().get("/app").send().is_refused(401, "Missing authorization token", "token_missing");
    assert_eq!(upstream.arrived().len(), 4);
}

#[test]
fn no_client_can_send_one() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).start();
    let ada = gateway.user();
    assert_eq!(ada.get("/app").status, 200);
    let real = last(&upstream);
    upstream.forget();
    for path in ["/app", "/optional", "/plain", "/public"] {
        for name in
            ["X-Gateway-Assertion", "x_gateway_assertion", "X-Gateway_Assertion", "x.gateway.assertion"]
        {
            let reply = exchange(
                gateway.address,
                format!(
                    "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{name}: forged\r\n{name}: {real}\r\nConnection: {name}, close\r\n\r\n",
                    ada.access
                ),
            );
            assert_eq!(reply.unwrap().status, 200, "{path} {name}");
        }
    }
    for arrived in upstream.arrived() {
        let wanted: &[&str] =
            if ["/app", "/optional"].contains(&arrived.target()) { &[real.as_str()] } else { &[] };
        assert_eq!(arrived.folded(HEADER), wanted, "{arrived:?}");
    }
}

#[test]
fn one_is_made_for_each_token_and_not_for_each_request() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).start();
    let ada = gateway.user();
    let other = gateway.log_in(&ada.email, crate::support::people::PASSWORD);
    let of = |person: &crate::support::people::Person, path: &str| {
        assert_eq!(person.get(path).status, 200);
        last(&upstream)
    };
    let first = of(&ada, "/app");
    assert_eq!(of(&ada, "/app/again"), first);
    assert_ne!(of(&other, "/app"), first, "another token");
    assert_ne!(of(&ada, "/reports"), first, "another audience");
    assert_eq!(of(&ada, "/optional"), first);
}

#[test]
fn it_ends_with_the_token_and_is_made_again_before_it_ends() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).env("GATEWAY__TOKENS__ASSERTION_LIFETIME_SECONDS", "10").start();
    let ada = gateway.user();
    let mine = access_claims(&ada);
    let soon = access(&with(mine, "exp", json!(now() + 7)));
    let client = gateway.client();
    assert_eq!(client.get("/app").bearer(&soon).send().status, 200);
    assert_eq!(claims(&last(&upstream))["exp"], claims(&soon)["exp"]);
    assert_eq!(ada.get("/app").status, 200);
    let first = last(&upstream);
    eventually("another one is made", || {
        assert_eq!(ada.get("/app").status, 200);
        let ends = claims(&last(&upstream))["exp"].as_u64().unwrap();
        assert!(ends >= now() + 4, "the service gets one that is about to end");
        last(&upstream) != first
    });
}

#[test]
fn it_is_no_access_token_and_an_access_token_is_none() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).algorithm("EdDSA").start();
    let ada = gateway.user();
    assert_eq!(ada.get("/app").status, 200);
    let assertion = last(&upstream);
    assert_ne!(kid(&assertion), kid(&ada.access));
    let reply = gateway.client().get("/plain").bearer(&assertion).send();
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
    assert_eq!(ada.refresh(&assertion, false).status, 401);
    // Not even when the claims are those of an access token.
    let file = gateway.key_file("assertion");
    let head = header(&assertion).to_string();
    let forged = sign_with(&file, &head, &access_claims(&ada).to_string());
    assert_eq!(gateway.client().get("/plain").bearer(&forged).send().status, 401);
}

#[test]
fn every_algorithm_can_sign_it_and_its_key_rotates_by_itself() {
    let upstream = Upstream::start();
    for algorithm in ["ES256", "RS256", "PS256"] {
        let setup = setup(&upstream).env("GATEWAY__TOKENS__ASSERTION_ALGORITHM", algorithm).publish_delay(0);
        let gateway = setup.start();
        let ada = gateway.user();
        assert_eq!(ada.get("/app").status, 200);
        let before = last(&upstream);
        assert_eq!(header(&before)["alg"], algorithm);
        gateway.rotate(&["assertion"]);
        assert!(gateway.reload_again());
        assert_eq!(ada.get("/app").status, 200);
        let after = last(&upstream);
        assert_ne!(kid(&before), kid(&after), "{algorithm}");
        let published: Vec<_> = gateway.jwks().iter().map(|key| key["kid"].clone()).collect();
        for name in [kid(&before), kid(&after)] {
            assert!(published.contains(&Value::from(name)), "{algorithm}: a key is not published");
        }
    }
}

#[test]
fn another_proxy_that_asks_gets_it_too() {
    let upstream = Upstream::start();
    let setup = setup(&upstream).env("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let gateway = setup.start();
    let ada = gateway.user();
    let ask = |path: &str| {
        ada.request("GET", "/api/auth/verify")
            .header("x-forwarded-uri", path)
            .send()
            .header(HEADER)
            .to_owned()
    };
    assert_eq!(claims(&ask("/app"))["aud"], "app");
    assert_eq!(ask("/plain"), "");
}

#[test]
fn a_public_route_and_an_empty_audience_are_faults() {
    let route = |more: &str| {
        Setup::new("").upstream("app", "127.0.0.1:1").route("app", "/app", "app", more).try_start()
    };
    for (more, why) in [
        ("auth = \"public\"\nassertion = true", "on a public route nobody is known"),
        ("assertion = \"\"", "assertion names an empty audience"),
        ("assertion = 7", "must be true, false, or an audience in quotes"),
        ("assertion = [\"app\"]", "must be true, false, or an audience in quotes"),
    ] {
        let failed = route(more).err().unwrap_or_else(|| panic!("{more} was started"));
        assert!(failed.stderr.contains(why), "{more}: {}", failed.stderr);
    }
    for (name, value) in [("ASSERTION_ALGORITHM", "HS256"), ("ASSERTION_LIFETIME_SECONDS", "301")] {
        let failed =
            Setup::new("").env(&format!("GATEWAY__TOKENS__{name}"), value).try_start().err().unwrap();
        assert!(failed.stderr.contains("tokens.assertion_"), "{}", failed.stderr);
    }
}

#[test]
fn somebody_is_told_of_on_a_route_in_shadow_only_when_proved() {
    let upstream = Upstream::start();
    let more = "assertion = true\nshadow = true\nroles = [\"admin\"]";
    let gateway: Gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("app", "/app", "app", more)
        .start();
    let ada = gateway.user();
    assert_eq!(ada.get("/app").status, 200);
    assert_eq!(claims(&last(&upstream))["sub"], ada.id.to_string());
    assert_eq!(gateway.client().get("/app").bearer("nonsense").send().status, 200);
    assert!(!upstream.arrived().last().unwrap().has(HEADER));
}
