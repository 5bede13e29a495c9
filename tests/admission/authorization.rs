//! Which route lets whom pass, and what the service behind it is told.

use serde_json::json;

use crate::support::contract::promoted;
use crate::support::forge;
use crate::support::gateway::{Gateway, Setup};
use crate::support::stores::on_both_stores;
use crate::support::upstream::Upstream;

on_both_stores!(
    a_route_is_protected_unless_it_says_otherwise,
    a_route_for_admins_refuses_everybody_else_with_the_role_it_wants,
    a_route_for_several_roles_lets_each_of_them_pass,
    a_public_route_looks_at_no_token,
    an_optional_route_knows_who_sends_a_good_token_and_refuses_a_bad_one,
    what_matches_no_route_goes_nowhere,
    a_role_counts_from_the_refresh_on_that_brings_it,
);

fn a_route_is_protected_unless_it_says_otherwise(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let ada = gateway.user();
    for bad in
        ["x".to_owned(), ada.refresh.clone(), forge::sign(&forge::claims(&ada.access), &"k".repeat(32))]
    {
        let reply = gateway.client().get("/plain").bearer(&bad).send();
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
    }
    gateway.client().get("/plain").send().is_refused(401, "Missing authorization token", "token_missing");
    let twice = gateway.client().get("/plain").bearer(&ada.access).bearer(&ada.access).send();
    twice.is_refused(400, "More than one access token in the request", "invalid_request");
    assert!(upstream.arrived().is_empty());
    assert_eq!(ada.get("/plain").text(), "ok");
    assert_eq!(upstream.only().one("x-user-id"), ada.id.to_string());
}

fn a_route_for_admins_refuses_everybody_else_with_the_role_it_wants(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let (admin, ada) = (gateway.admin(), gateway.user());
    for method in ["GET", "POST", "DELETE"] {
        let refused = ada.request(method, "/admin/x").send();
        refused.is_refused(403, "Insufficient scope", "insufficient_scope");
        let challenge = refused.header("www-authenticate");
        assert!(
            challenge.starts_with(r#"Bearer realm="gateway", error="insufficient_scope""#),
            "{challenge}"
        );
        assert!(challenge.ends_with(r#"scope="admin""#), "{challenge}");
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(admin.get("/admin/x").status, 200);
    assert_eq!(upstream.only().one("x-user-role"), "admin");
}

fn a_route_for_several_roles_lets_each_of_them_pass(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    for person in [gateway.admin(), gateway.user()] {
        assert_eq!(person.get("/both").status, 200);
        assert_eq!(upstream.only().one("x-user-email"), person.email);
        upstream.forget();
    }
}

fn a_public_route_looks_at_no_token(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let ada = gateway.user();
    let client = gateway.client();
    for (request, authorization) in [
        (client.get("/open"), None),
        (client.get("/open").bearer("x"), Some("Bearer x".to_owned())),
        (ada.request("GET", "/open"), Some(format!("Bearer {}", ada.access))),
        (client.get("/open").header("x-user-id", "1").header("X_User_Role", "admin"), None),
    ] {
        let reply = request.send();
        assert_eq!((reply.status, reply.header("ratelimit")), (200, ""));
        let arrived = upstream.only();
        assert!(
            ["x-user-id", "x-user-email", "x-user-role"].iter().all(|name| arrived.folded(name).is_empty())
        );
        assert_eq!(
            arrived.all("authorization"),
            authorization.iter().map(String::as_str).collect::<Vec<_>>()
        );
        upstream.forget();
    }
}

fn an_optional_route_knows_who_sends_a_good_token_and_refuses_a_bad_one(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let ada = gateway.user();
    assert_eq!(gateway.client().get("/maybe").header("x-user-id", "1").send().status, 200);
    assert!(!upstream.only().has("x-user-id"));
    upstream.forget();
    gateway.client().get("/maybe").bearer("x").send().is_refused(
        401,
        "Invalid or expired token",
        "token_invalid",
    );
    assert_eq!(ada.get("/maybe").status, 200);
    let arrived = upstream.only();
    assert_eq!(
        (arrived.one("x-user-id"), arrived.has("authorization")),
        (ada.id.to_string().as_str(), false)
    );
    upstream.forget();
    ada.log_out();
    ada.get("/maybe").is_refused(401, "Invalid or expired token", "token_revoked");
    assert!(upstream.arrived().is_empty());
}

fn what_matches_no_route_goes_nowhere(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let admin = gateway.admin();
    for path in ["/", "/plainx", "/plai", "/Plain", "/adminx", "/x/plain", "/.well-known/jwks.json/more"] {
        admin.get(path).is_refused(404, "Not found", "not_found");
    }
    assert!(upstream.arrived().is_empty());
}

fn a_role_counts_from_the_refresh_on_that_brings_it(setup: Setup) {
    let (gateway, upstream) = with_routes(setup);
    let admin = gateway.admin();
    let eve = promoted(&gateway, &admin);
    assert_eq!(eve.get("/admin").status, 200);
    admin.amends(eve.id, &json!({"role": "user"})).is_served(200);
    eve.get("/admin").is_refused(401, "Invalid or expired token", "token_revoked");
    let eve = eve.refreshed();
    eve.get("/admin").is_refused(403, "Insufficient scope", "insufficient_scope");
    assert_eq!(eve.get("/plain").status, 200);
    assert_eq!(upstream.arrived().last().unwrap().one("x-user-role"), "user");
}

fn with_routes(setup: Setup) -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    let address = upstream.address.to_string();
    let setup = setup
        .upstream("up", &address)
        .route("plain", "/plain", "up", "")
        .route("admins", "/admin", "up", r#"roles = ["admin"]"#)
        .route("both", "/both", "up", r#"roles = ["admin", "user"]"#)
        .route("open", "/open", "up", r#"auth = "public""#)
        .route("maybe", "/maybe", "up", r#"auth = "optional""#);
    (setup.start(), upstream)
}
