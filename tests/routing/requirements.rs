//! Roles, claims and limits of a route.

use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

fn behind(upstream: &Upstream, more: &str) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string()).route("app", "/app", "app", more)
}

#[test]
fn all_of_the_roles_are_needed_where_all_are_named() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, "all_roles = [\"user\", \"admin\"]").start();
    for person in [gateway.user(), gateway.admin()] {
        person.get("/app").is_refused(403, "Insufficient scope", "insufficient_scope");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_claim_must_have_one_of_its_values() {
    let upstream = Upstream::start();
    let claims = "claims = [{ name = \"email\", any_of = [\"nobody@example.com\", \"admin@example.com\"] }]";
    let gateway = behind(&upstream, claims).start();
    assert_eq!(gateway.admin().get("/app").status, 200);
    let refused = gateway.user().get("/app");
    refused.is_refused(403, "Insufficient scope", "insufficient_scope");
    // Which claim it is that lets others pass is nobody's business.
    assert!(!refused.header("www-authenticate").contains("email"), "{refused:?}");
}

#[test]
fn a_route_can_limit_addresses_whoever_asks() {
    let upstream = Upstream::start();
    let limit = "auth = \"public\"\naddress_limit = { requests = 3, window_seconds = 600 }";
    let gateway = behind(&upstream, limit).start();
    for left in [2, 1, 0] {
        let reply = gateway.client().get("/app").send();
        assert_eq!(reply.status, 200);
        assert!(reply.header("ratelimit").starts_with(&format!("\"address\";r={left};")), "{reply:?}");
    }
    let refused = gateway.client().get("/app").send();
    refused.is_refused(429, "Too many requests", "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(upstream.arrived().len(), 3);
}

#[test]
fn an_address_over_its_limit_does_not_spend_the_users_budget() {
    let upstream = Upstream::start();
    let limits = "address_limit = { requests = 2, window_seconds = 600 }\nuser_limit = { requests = 9, window_seconds = 600 }";
    let gateway = behind(&upstream, limits).start();
    let ada = gateway.user();
    let reply = ada.get("/app");
    assert_eq!(reply.header("ratelimit-policy"), "\"address\";q=2;w=600, \"user\";q=9;w=600");
    ada.get("/app");
    for _ in 0..3 {
        ada.get("/app").is_refused(429, "Too many requests", "rate_limited");
    }
    assert_eq!(upstream.arrived().len(), 2);
}
