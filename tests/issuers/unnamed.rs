//! An issuer whose tokens do not say whose they are: one at most, and only where a route names it.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{AUDIENCE, before, get};
use crate::support::forge::{access, access_claims, now, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// As Django's simplejwt signs them, by its defaults and with a key of its own.
fn claims() -> Value {
    json!({
        "token_type": "access", "exp": now() + 300, "iat": now(), "jti": uuid::Uuid::new_v4().simple().to_string(),
        "user_id": "7",
    })
}

const DJANGO: &str =
    "danger_any_audience = true\nsubject_claim = \"user_id\"\nsubject_prefix = \"django:\"\n";

/// A gateway with such an issuer beside another one, and a route for it.
struct Beside {
    django: HandMade,
    other: HandMade,
    upstream: Upstream,
    gateway: Gateway,
}

impl Beside {
    fn start() -> Self {
        let (django, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
        let entries = [django.unnamed_entry("django", DJANGO), other.entry("other", "")];
        let gateway = setup(&upstream, &entries).unlimited().start();
        Self { django, other, upstream, gateway }
    }

    fn ask(&self, path: &str, claims: &Value) -> u16 {
        self.upstream.forget();
        let token = self.django.sign(r#"{"alg":"ES256","typ":"JWT"}"#, &claims.to_string());
        get(&self.gateway.client(), path, &token).status
    }
}

fn setup(upstream: &Upstream, entries: &[String]) -> Setup {
    before(upstream, entries).route("django", "/django", "app", "issuers = [\"django\"]")
}

#[test]
fn a_token_without_an_issuer_is_accepted_where_a_route_names_whose_it_is() {
    let beside = Beside::start();
    assert_eq!(beside.ask("/django", &claims()), 200);
    let arrived = beside.upstream.only();
    assert_eq!((arrived.one("x-user-id"), arrived.one("x-user-issuer")), ("django:7", "django"));
    let mut null = claims();
    null["iss"] = Value::Null;
    assert_eq!(beside.ask("/django", &null), 200);
    // A route that names nobody is for all who name themselves.
    assert_eq!(beside.ask("/app", &claims()), 403);
    let token = beside.django.sign(r#"{"alg":"ES256"}"#, &claims().to_string());
    let (_, said, _) = beside.gateway.run(&["explain", "GET", "/app", "--token", &token]);
    assert!(said.contains("Name it in `issuers` of the route"), "{said}");
    assert!(beside.upstream.arrived().is_empty());
    assert_eq!(beside.gateway.user().get("/app").status, 200);
    assert_eq!(beside.gateway.user().get("/django").status, 403);
    let named = beside.other.token(&beside.other.claims("ada"));
    assert_eq!(get(&beside.gateway.client(), "/app", &named).status, 200);
    assert_eq!(get(&beside.gateway.client(), "/django", &named).status, 403);
}

#[test]
fn its_key_signs_for_no_issuer_that_has_a_name() {
    let beside = Beside::start();
    assert_eq!(beside.ask("/django", &claims()), 200);
    for issuer in ["gateway", "urn:other", "urn:nobody", "django", ""] {
        for path in ["/django", "/app"] {
            assert_eq!(beside.ask(path, &with(claims(), "iss", json!(issuer))), 401, "{path} {issuer}");
        }
    }
    for wrong in [json!(["gateway"]), json!(7), json!({})] {
        assert_eq!(beside.ask("/django", &with(claims(), "iss", wrong.clone())), 401, "{wrong}");
    }
    // Nor do the keys of others for it, or ours.
    let unnamed = with(beside.other.claims("7"), "iss", Value::Null);
    let by_other = beside.other.token(&with(unnamed, "user_id", json!("7")));
    let ours = with(access_claims(&beside.gateway.user()), "iss", Value::Null);
    for token in [by_other, access(&ours)] {
        assert_eq!(get(&beside.gateway.client(), "/django", &token).status, 401);
    }
}

#[test]
fn its_refresh_tokens_admit_nobody() {
    let beside = Beside::start();
    for (name, value) in [("token_type", "refresh"), ("type", "refresh")] {
        assert_eq!(beside.ask("/django", &with(claims(), name, json!(value))), 401, "{name}");
    }
    let log_out = |claims: &Value| {
        let token = beside.django.sign(r#"{"alg":"ES256"}"#, &claims.to_string());
        (beside.gateway.client().post("/api/auth/logout").bearer(&token).send().status, token)
    };
    let (status, token) = log_out(&claims());
    assert_eq!(status, 200);
    let reply = get(&beside.gateway.client(), "/django", &token);
    reply.is_refused(401, "Invalid or expired token", "token_revoked");
}

#[test]
fn an_audience_is_needed_where_one_is_configured() {
    let (django, upstream) = (HandMade::start(), Upstream::start());
    let more = format!("audience = [\"{AUDIENCE}\"]\nsubject_claim = \"user_id\"\nsubject_prefix = \"d:\"");
    let gateway = setup(&upstream, &[django.unnamed_entry("django", &more)]).start();
    let status = |claims: Value| {
        get(&gateway.client(), "/django", &django.sign(r#"{"alg":"ES256"}"#, &claims.to_string())).status
    };
    assert_eq!((status(with(claims(), "aud", json!(AUDIENCE))), status(claims())), (200, 401));
}

#[test]
fn a_workload_is_known_by_the_trust_bundle_of_its_domain() {
    let authority = HandMade::start();
    let certificates = with(with(authority.jwk(), "use", json!("x509-svid")), "kid", json!("ca"));
    let domain = HandMade::publishing(|bundle| {
        bundle["keys"][0]["use"] = json!("jwt-svid");
        bundle["keys"].as_array_mut().unwrap().push(certificates);
        bundle["spiffe_sequence"] = json!(1);
    });
    let upstream = Upstream::start();
    let audience = format!("audience = [\"{AUDIENCE}\"]");
    let gateway = setup(&upstream, &[domain.unnamed_entry("django", &audience)]).start();
    let claims =
        json!({ "sub": "spiffe://example.org/app", "aud": [AUDIENCE], "exp": now() + 300 }).to_string();
    let svid = domain.sign(r#"{"alg":"ES256","kid":"one","typ":"JWT"}"#, &claims);
    assert_eq!(get(&gateway.client(), "/django", &svid).status, 200);
    assert_eq!(upstream.only().one("x-user-id"), "spiffe://example.org/app");
    for kid in ["ca", "one"] {
        let by_authority = authority.sign(&json!({ "alg": "ES256", "kid": kid }).to_string(), &claims);
        assert_eq!(get(&gateway.client(), "/django", &by_authority).status, 401, "{kid}");
    }
}

#[test]
fn an_issuer_without_a_name_is_one_and_is_named_by_a_route() {
    let (django, other, upstream) = (HandMade::start(), HandMade::start(), Upstream::start());
    let faults = |setup: Setup| setup.try_start().map(drop).unwrap_err().stderr;
    let entry = |name: &str| django.unnamed_entry(name, DJANGO);
    let nowhere = faults(before(&upstream, &[entry("django")]));
    assert!(nowhere.contains("no route names it: its tokens would be accepted nowhere"), "{nowhere}");
    let two = faults(setup(&upstream, &[entry("django"), entry("flask")]));
    assert!(two.contains("tokens that name no issuer must all be of the same"), "{two}");
    let legacy = "[[issuers]]\nname = \"flask\"\nkind = \"legacy\"\nuntil = \"2999-12-31\"".to_owned();
    let both = setup(&upstream, &[entry("django"), legacy]).env("LEGACY_JWT_SECRET_KEY", &"s3".repeat(20));
    assert!(faults(both).contains("tokens that name no issuer must all be of the same"));
    let named = faults(setup(&upstream, &[other.entry("django", "without_iss = true")]));
    assert!(named.contains("without_iss = true says that its tokens have no `iss`"), "{named}");
    let warned = setup(&upstream, &[entry("django")]).start();
    warned.says("tokens that it made for other services are accepted here");
}
