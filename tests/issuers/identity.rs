//! Whom a token of another issuer is taken for: by services, by routes, by limits, and by our own
//! endpoints.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{Provider, before, get};
use crate::support::eventually;
use crate::support::forge::{claims, with};
use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

fn people() -> Value {
    json!({
        "ada": {
            "email": "Ada@Example.org", "email_verified": true,
            "realm_access": { "roles": ["shop-admins", "staff", "admin"] },
        },
        "bob": {
            "email": "bob@example.org", "email_verified": false,
            "https://app.example.com/roles": "reader writer",
        },
        "eve": {},
    })
}

#[test]
fn a_service_is_told_the_subject_the_roles_and_who_vouches_for_them() {
    let (provider, upstream) = (Provider::start(people()), Upstream::start());
    let mapping = "roles_claim = \"realm_access.roles\"\nrole_names = { \"shop-admins\" = \"support\" }";
    let gateway = before(&upstream, &[provider.entry("keycloak", mapping)]).start();
    let token = provider.token("ada");
    let reply = gateway.client().get("/app").bearer(&token).header("x-user-issuer", "own").send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let arrived = upstream.only();
    assert_eq!(arrived.one("x-user-id"), "ada");
    assert_eq!(arrived.one("x-user-email"), "ada@example.org");
    // `admin` is a role of ours: an issuer that happens to use the word does not give it.
    assert_eq!(arrived.one("x-user-role"), "support,staff");
    assert_eq!(arrived.one("x-user-issuer"), "keycloak");
    assert!(!arrived.has("authorization"));
}

#[test]
fn a_service_is_told_nothing_that_the_issuer_does_not_vouch_for() {
    let (provider, upstream) = (Provider::start(people()), Upstream::start());
    let gateway =
        before(&upstream, &[provider.entry("keycloak", "roles_claim = \"realm_access.roles\"")]).start();
    for name in ["bob", "eve"] {
        upstream.forget();
        let token = provider.token(name);
        let forged =
            [("x-user-email", "ada@example.org"), ("x-user-role", "admin"), ("X_User_Issuer", "own")];
        let request = gateway.client().get("/app").bearer(&token);
        let reply = forged.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let arrived = upstream.only();
        assert_eq!(arrived.folded("x-user-id"), [name]);
        // Bob's address is one that nobody has verified.
        assert!(arrived.folded("x-user-email").is_empty(), "{arrived:?}");
        assert!(arrived.folded("x-user-role").is_empty(), "{arrived:?}");
        assert_eq!(arrived.folded("x-user-issuer"), ["keycloak"]);
    }
}

#[test]
fn an_assertion_says_what_the_headers_say() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "roles_claim = \"roles\"")])
        .route("asserted", "/asserted", "app", "assertion = true")
        .start();
    let mut signed = issuer.claims("auth0|7");
    signed["roles"] = json!(["staff", "writer"]);
    assert_eq!(get(&gateway.client(), "/asserted", &issuer.token(&signed)).status, 200);
    let said = claims(upstream.only().one("x-gateway-assertion"));
    assert_eq!((&said["sub"], &said["role"]), (&json!("auth0|7"), &json!("staff,writer")));
    assert_eq!((&said["iss"], &said["user_issuer"]), (&json!("gateway"), &json!("other")));
    assert_eq!(said.get("email"), None);
    // An id that two tokens share does not make the one the other's.
    upstream.forget();
    let other = with(issuer.claims("auth0|8"), "jti", signed["jti"].clone());
    assert_eq!(get(&gateway.client(), "/asserted", &issuer.token(&other)).status, 200);
    assert_eq!(claims(upstream.only().one("x-gateway-assertion"))["sub"], "auth0|8");
    upstream.forget();
    assert_eq!(gateway.user().get("/asserted").status, 200);
    assert_eq!(claims(upstream.only().one("x-gateway-assertion")).get("user_issuer"), None);
}

#[test]
fn our_own_users_have_no_issuer_beside_their_identity() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    let ada = gateway.user();
    assert_eq!(ada.get("/app").status, 200);
    assert!(!upstream.only().has("x-user-issuer"));
}

#[test]
fn a_claim_whose_name_has_dots_and_slashes_can_carry_the_roles() {
    let (provider, upstream) = (Provider::start(people()), Upstream::start());
    let mapping = "roles_claim = \"https://app.example.com/roles\"";
    let gateway = before(&upstream, &[provider.entry("auth0", mapping)])
        .route("writers", "/writers", "app", "roles = [\"writer\"]")
        .route("staff", "/staff", "app", "roles = [\"staff\"]")
        .start();
    let token = provider.token("bob");
    assert_eq!(get(&gateway.client(), "/writers", &token).status, 200);
    let refused = get(&gateway.client(), "/staff", &token);
    refused.is_refused(403, "Insufficient scope", "insufficient_scope");
}

#[test]
fn a_route_can_ask_for_nested_claims() {
    let (provider, upstream) = (Provider::start(people()), Upstream::start());
    let claims = "claims = [{ name = \"realm_access.roles\", all_of = [\"staff\"] }]";
    let gateway =
        before(&upstream, &[provider.entry("keycloak", "")]).route("staff", "/staff", "app", claims).start();
    assert_eq!(get(&gateway.client(), "/staff", &provider.token("ada")).status, 200);
    let refused = get(&gateway.client(), "/staff", &provider.token("eve"));
    refused.is_refused(403, "Insufficient scope", "insufficient_scope");
}

/// A claim that is called like one of ours is not one of ours.
#[test]
fn an_admin_of_another_issuer_is_none_of_ours_unless_the_role_is_mapped_by_name() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let roles = "roles_claim = \"roles\"";
    let setup = |more: &str| {
        before(&upstream, &[issuer.entry("other", &format!("{roles}\n{more}"))])
            .route("admins", "/admins", "app", "roles = [\"admin\"]")
            .route("claimed", "/claimed", "app", "claims = [{ name = \"role\", any_of = [\"admin\"] }]")
            .route("first", "/first", "app", "claims = [{ name = \"user_id\", any_of = [\"1\"] }]")
    };
    let mut claims = issuer.claims("mallory");
    claims["roles"] = json!(["admin", "Admin", "ADMIN"]);
    claims["role"] = json!("admin");
    claims["user_id"] = json!(1);
    let token = issuer.token(&claims);
    let gateway = setup("").start();
    for path in ["/admins", "/claimed", "/first"] {
        get(&gateway.client(), path, &token).is_refused(403, "Insufficient scope", "insufficient_scope");
    }
    assert!(upstream.arrived().is_empty());
    let gateway = setup("role_names = { \"Admin\" = \"admin\" }").start();
    for path in ["/admins", "/claimed"] {
        assert_eq!(get(&gateway.client(), path, &token).status, 200, "{path}");
    }
    get(&gateway.client(), "/first", &token).is_refused(403, "Insufficient scope", "insufficient_scope");
    // And even then nobody administers our accounts.
    for path in ["/api/auth/users", "/api/auth/users/1"] {
        get(&gateway.client(), path, &token).is_refused(403, "Admin access required", "admin_required");
    }
}

#[test]
fn endpoints_about_our_accounts_are_for_our_accounts() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let more =
        "danger_numeric_subjects = true\nroles_claim = \"roles\"\nrole_names = { \"admin\" = \"admin\" }";
    let gateway = before(&upstream, &[issuer.entry("other", more)]).start();
    let ada = gateway.user();
    // The same number, the same address, and an administrator there.
    let claims = with(issuer.claims(&ada.id.to_string()), "roles", json!(["admin"]));
    let token = issuer.token(&with(claims, "email", json!(ada.email)));
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    let refused = |method: &str, path: &str, words: &str, code: &str| {
        let request = gateway.client().request(method, path).bearer(&token);
        request.json(&json!({"first_name": "Mallory", "role": "admin"})).send().is_refused(403, words, code);
    };
    let (account, admin) = ("Account of this gateway required", "Admin access required");
    refused("GET", "/api/auth/profile", account, "account_required");
    refused("PUT", "/api/auth/profile", account, "account_required");
    refused("GET", "/api/auth/users", admin, "admin_required");
    refused("PATCH", &format!("/api/auth/users/{}", ada.id), admin, "admin_required");
    assert_eq!(ada.get("/api/auth/profile").json()["user"]["first_name"], "");
}

#[test]
fn no_claim_can_put_a_second_value_or_header_into_what_a_service_reads() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "roles_claim = \"roles\"")]).start();
    let mut claims = issuer.claims("mallory");
    claims["roles"] =
        json!(["a,admin", " admin", "admin ", "b\r\nX-User-Id: 1", "ädmin", "c", 7, null, ["d"]]);
    claims["email"] = json!("mallory@example.org, admin@example.com");
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&claims)).status, 200);
    let arrived = upstream.only();
    assert_eq!(arrived.one("x-user-id"), "mallory");
    assert_eq!(arrived.one("x-user-role"), "c");
    assert!(!arrived.has("x-user-email"));
    for subject in ["a\r\nX-User-Id: 1", " 1", "1 ", "", "ä", "a\u{0}"] {
        let refused = get(&gateway.client(), "/app", &issuer.token(&issuer.claims(subject)));
        refused.is_refused(401, "Invalid or expired token", "token_invalid");
    }
}

#[test]
fn a_limit_by_user_counts_subjects_of_each_issuer_apart() {
    let (one, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
    let gateway = before(&upstream, &[one.entry("one", ""), other.entry("other", "")])
        .env("GATEWAY__LIMITS__USER", "{requests=2,window_seconds=600}")
        .start();
    let ours = gateway.user();
    let client = gateway.client();
    let spend = |token: &str| {
        let statuses: Vec<_> = (0..3).map(|_| get(&client, "/app", token).status).collect();
        assert_eq!(statuses, [200, 200, 429]);
    };
    spend(&one.token(&one.claims("ada")));
    // Another token of the same subject has no budget of its own.
    let refused = get(&client, "/app", &one.token(&one.claims("ada")));
    refused.is_refused(429, "Too many requests", "rate_limited");
    spend(&one.token(&one.claims("bob")));
    spend(&other.token(&other.claims("ada")));
    spend(&ours.access);
}

#[test]
fn the_requests_of_a_subject_stay_on_one_server_and_those_of_others_need_not() {
    let (one, other) = (HandMade::start(), HandMade::named("urn:other"));
    let servers: Vec<_> = (0..4).map(|_| Upstream::start()).collect();
    let list: Vec<_> =
        servers.iter().map(|server| format!("{{ address = \"{}\" }}", server.address)).collect();
    let upstream =
        format!("[[upstreams]]\nname = \"app\"\nbalance = \"hash_user\"\nservers = [{}]", list.join(", "));
    let gateway = Setup::new("")
        .config(&one.entry("one", ""))
        .config(&other.entry("other", ""))
        .config(&upstream)
        .route("app", "/app", "app", "")
        .start();
    let visited = |issuer: &HandMade, subject: &str| {
        servers.iter().for_each(Upstream::forget);
        for _ in 0..6 {
            let token = issuer.token(&issuer.claims(subject));
            assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
        }
        let counts: Vec<_> = servers.iter().map(|server| server.arrived().len()).collect();
        assert!(counts.contains(&6), "{counts:?}");
        counts.iter().position(|count| *count == 6).unwrap()
    };
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let here: Vec<_> = names.iter().map(|name| visited(&one, name)).collect();
    let there: Vec<_> = names.iter().map(|name| visited(&other, name)).collect();
    // By chance all eight would be on the same servers once in 65,000 tries; but the keys are fixed.
    assert_ne!(here, there);
}

#[test]
fn a_route_can_be_for_some_issuers_only() {
    let (one, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
    let gateway = before(&upstream, &[one.entry("one", ""), other.entry("other", "")])
        .route("one", "/one", "app", "issuers = [\"one\"]")
        .route("ours", "/ours", "app", "issuers = [\"own\"]\nauth = \"optional\"")
        .start();
    let tokens = [one.token(&one.claims("a")), other.token(&other.claims("a")), gateway.user().access];
    let statuses = |path: &str| tokens.each_ref().map(|token| get(&gateway.client(), path, token).status);
    assert_eq!(statuses("/app"), [200, 200, 200]);
    assert_eq!(statuses("/one"), [200, 403, 403]);
    assert_eq!(statuses("/ours"), [403, 403, 200]);
    assert_eq!(gateway.client().get("/ours").send().status, 200);
}

#[test]
fn the_log_names_subject_and_issuer_and_no_address_of_a_mailbox() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    for subject in ["auth0|7", "ada@example.org"] {
        let claims = with(issuer.claims(subject), "email", json!("ada@example.org"));
        assert_eq!(get(&gateway.client(), "/app", &issuer.token(&claims)).status, 200);
    }
    let log = || gateway.log();
    eventually("both requests were logged", || log().matches("\"outcome\":\"ok\",\"subject\":").count() == 2);
    assert!(log().contains("\"subject\":\"auth0|7\""), "{}", log());
    assert!(log().contains("\"subject\":\"hash:"), "{}", log());
    assert!(!log().contains("ada@"), "{}", log());
}

#[test]
fn an_assertion_says_who_vouches_for_somebody_else_than_us() {
    let (one, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
    let entries = [one.entry("corp", "roles_claim = \"roles\""), other.entry("club", "")];
    let setup = before(&upstream, &entries).route("vouched", "/vouched", "app", "assertion = true");
    let gateway = setup.start();
    // The same subject, and the same id of the token: two people all the same.
    let claims = |issuer: &HandMade| with(issuer.claims("ada"), "jti", json!("the-same"));
    let tokens = [
        one.token(&with(claims(&one), "roles", json!(["staff", "editor"]))),
        other.token(&claims(&other)),
        gateway.user().access,
    ];
    let said = tokens.map(|token| {
        assert_eq!(get(&gateway.client(), "/vouched", &token).status, 200);
        let assertion = upstream.arrived().last().unwrap().one("x-gateway-assertion").to_owned();
        // It is a token of ours: nobody can hand it in as one of the issuer's, or as one of ours.
        assert_eq!(get(&gateway.client(), "/app", &assertion).status, 401);
        crate::support::forge::claims(&assertion)
    });
    let text = |claims: &Value, name: &str| claims[name].as_str().unwrap_or("-").to_owned();
    let facts = said.map(|claims| ["iss", "sub", "user_issuer", "role"].map(|name| text(&claims, name)));
    assert_eq!(facts[0], ["gateway", "ada", "corp", "staff,editor"]);
    assert_eq!(facts[1], ["gateway", "ada", "club", "-"]);
    assert_eq!(facts[2][2..], ["-", "user"]);
}
