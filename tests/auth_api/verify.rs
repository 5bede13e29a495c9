//! `/api/auth/verify`: the decision for another proxy, which forwards the request itself.

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Reply, Request};
use crate::support::people::Person;
use crate::support::stores::on_both_stores;
use crate::support::upstream::Upstream;

on_both_stores!(
    an_untrusted_peer_is_refused_and_loudly_logged,
    a_good_token_gets_the_identity_headers,
    each_way_to_name_the_original_request_is_understood,
    the_decision_is_that_of_the_original_requests_route,
    names_that_disagree_are_refused,
    a_request_that_names_no_target_is_refused,
    a_user_over_the_limit_is_told_so,
    a_logout_counts_at_once,
    any_method_is_answered_and_nothing_is_forwarded,
);

const AMBIGUOUS: (u16, &str, &str) = (400, "Ambiguous request path", "ambiguous_path");

fn an_untrusted_peer_is_refused_and_loudly_logged(setup: Setup) {
    let gateway = with_routes(setup).start();
    let ada = gateway.user();
    for path in ["/api/auth/verify", "/api/auth/verify/open", "/api/auth/verify/api/todos"] {
        let reply = ada.request("GET", path).header("x-forwarded-uri", "/open").send();
        reply.is_refused(403, "Untrusted proxy", "untrusted_proxy");
        assert_eq!(identity(&reply), ["", "", ""]);
    }
    let log = gateway.log();
    let warned = log.lines().any(|line| line.contains("trusted_proxies") && line.contains("WARN"));
    assert!(warned, "{log}");
}

fn a_good_token_gets_the_identity_headers(setup: Setup) {
    let gateway = trusting(setup);
    let ada = gateway.user();
    let reply = asks(&ada, "/api/todos/7?x=1").header("x-user-id", "1").header("x-user-role", "admin").send();
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));
    assert_eq!(identity(&reply), [ada.id.to_string().as_str(), &ada.email, "user"]);
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("ratelimit-policy"), r#""user";q=1200;w=60"#);
    for name in ["x-user-id", "x-user-email", "x-user-role"] {
        assert_eq!(reply.headers.get_all(name).iter().count(), 1);
    }
}

fn each_way_to_name_the_original_request_is_understood(setup: Setup) {
    let gateway = trusting(setup);
    let (ada, admin) = (gateway.user(), gateway.admin());
    let verify = "/api/auth/verify";
    let status = |person: &Person, path: &str, fields: &[(&str, &str)]| {
        let request = person.request("GET", path);
        fields.iter().fold(request, |request, (name, value)| request.header(name, value)).send().status
    };
    for (path, fields) in [
        (verify.to_owned(), vec![("x-forwarded-uri", "/admin/x?y=z")]),
        (verify.to_owned(), vec![("x-original-uri", "/admin/x")]),
        (verify.to_owned(), vec![("x-original-url", "/admin/x")]),
        (verify.to_owned(), vec![("x-original-url", "https://app.example.com/admin/x?y")]),
        (verify.to_owned(), vec![("x-original-url", "http://app.example.com:8080/admin")]),
        (format!("{verify}/admin/x"), vec![]),
        (format!("{verify}/admin/x?y=z"), vec![]),
        (format!("{verify}/admin/x"), vec![("x-forwarded-uri", "/admin/x")]),
    ] {
        assert_eq!(status(&ada, &path, &fields), 403, "{path} {fields:?}");
        assert_eq!(status(&admin, &path, &fields), 200, "{path} {fields:?}");
    }
    assert_eq!(status(&ada, verify, &[("x-original-url", "https://app.example.com")]), 404);
}

fn the_decision_is_that_of_the_original_requests_route(setup: Setup) {
    let gateway = trusting(setup);
    let (ada, nobody) = (gateway.user(), stranger(&gateway));
    asks(&nobody, "/api/todos").send().is_refused(401, "Missing authorization token", "token_missing");
    asks(&ada, "/admin").send().is_refused(403, "Insufficient scope", "insufficient_scope");
    for nowhere in ["/", "/nowhere", "/api/todosx", "/api/auth/profile", "/api/auth/verify"] {
        asks(&ada, nowhere).send().is_refused(404, "Not found", "not_found");
    }
    for ambiguous in
        ["/open/../admin", "/open/%2e%2e/admin", "/open%2fx", "//open", "/open;x", "open", "", "*"]
    {
        let (status, words, code) = AMBIGUOUS;
        asks(&ada, ambiguous).send().is_refused(status, words, code);
    }
    let bad = Person { access: "x".to_owned(), ..ada.clone() };
    asks(&bad, "/api/todos").send().is_refused(401, "Invalid or expired token", "token_invalid");
    for person in [&nobody, &bad, &ada] {
        let open = asks(person, "/open").send();
        assert_eq!((open.status, identity(&open)), (200, ["", "", ""]));
    }
}

fn names_that_disagree_are_refused(setup: Setup) {
    let gateway = trusting(setup);
    let ada = gateway.user();
    let (status, words, code) = AMBIGUOUS;
    for (first, second) in [
        ("x-forwarded-uri", "x-forwarded-uri"),
        ("x-forwarded-uri", "x-original-url"),
        ("x-original-uri", "x-original-url"),
        ("x-original-url", "x-forwarded-uri"),
    ] {
        let request = ada.request("GET", "/api/auth/verify");
        let reply = request.header(first, "/open").header(second, "/api/todos").send();
        reply.is_refused(status, words, code);
        let request = ada.request("GET", "/api/auth/verify");
        assert_eq!(request.header(first, "/api/todos").header(second, "/api/todos").send().status, 200);
    }
    let appended = ada.request("GET", "/api/auth/verify/open").header("x-forwarded-uri", "/api/todos").send();
    appended.is_refused(status, words, code);
}

fn a_request_that_names_no_target_is_refused(setup: Setup) {
    let gateway = trusting(setup);
    let (status, words, code) = AMBIGUOUS;
    let ada = gateway.user();
    ada.get("/api/auth/verify").is_refused(status, words, code);
    ada.get("/api/auth/verify?x=/api/todos").is_refused(status, words, code);
}

fn a_user_over_the_limit_is_told_so(setup: Setup) {
    let gateway = trusting(setup.env("GATEWAY__LIMITS__USER", "{requests=2,window_seconds=3600}"));
    let ada = gateway.user();
    for left in ["1", "0"] {
        let reply = asks(&ada, "/api/todos").send();
        assert!(reply.status == 200 && reply.header("ratelimit").starts_with(&format!("\"user\";r={left};")));
    }
    let refused = asks(&ada, "/api/todos").send();
    refused.is_refused(429, "Too many requests", "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=1_800).contains(&wait));
    assert_eq!(asks(&gateway.user(), "/api/todos").send().status, 200);
}

fn a_logout_counts_at_once(setup: Setup) {
    let gateway = trusting(setup);
    let ada = gateway.user();
    assert_eq!(asks(&ada, "/api/todos").send().status, 200);
    assert_eq!(ada.log_out().status, 200);
    asks(&ada, "/api/todos").send().is_refused(401, "Invalid or expired token", "token_revoked");
}

fn any_method_is_answered_and_nothing_is_forwarded(setup: Setup) {
    let upstream = Upstream::start();
    let address = upstream.address.to_string();
    let gateway = setup
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .upstream("up", &address)
        .route("todos", "/api/todos", "up", "")
        .start();
    let ada = gateway.user();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let request = ada.request(method, "/api/auth/verify").header("x-forwarded-method", method);
        let reply = request.header("x-forwarded-uri", "/api/todos").send();
        assert_eq!((reply.status, reply.header("x-user-email")), (200, ada.email.as_str()), "{method}");
        assert_eq!(ada.request(method, "/api/auth/verify/api/todos").send().status, 200, "{method}");
    }
    assert!(upstream.arrived().is_empty());
}

fn with_routes(setup: Setup) -> Setup {
    setup
        .upstream("up", "127.0.0.1:1")
        .route("todos", "/api/todos", "up", "")
        .route("admins", "/admin", "up", r#"roles = ["admin"]"#)
        .route("open", "/open", "up", r#"auth = "public""#)
}

fn trusting(setup: Setup) -> Gateway {
    with_routes(setup).env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#).start()
}

/// As Traefik and Caddy ask.
fn asks(person: &Person, original: &str) -> Request {
    let request = match person.access.as_str() {
        "" => person.client.get("/api/auth/verify"),
        _ => person.request("GET", "/api/auth/verify"),
    };
    request.header("x-forwarded-uri", original)
}

fn stranger(gateway: &Gateway) -> Person {
    let nobody = String::new();
    Person { client: gateway.client(), id: 0, email: nobody.clone(), access: nobody.clone(), refresh: nobody }
}

fn identity(reply: &Reply) -> [&str; 3] {
    ["x-user-id", "x-user-email", "x-user-role"].map(|name| reply.header(name))
}
