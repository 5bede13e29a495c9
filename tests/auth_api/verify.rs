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
    host_and_method_of_the_original_request_choose_the_route,
    what_routes_ask_for_must_be_told,
    each_named_proxy_is_read_in_its_own_way_only,
    nginx_gets_what_it_can_hand_on_and_the_rest_in_headers,
    a_refusal_is_never_a_success_for_grpc_or_a_preflight,
    a_route_in_shadow_passes_and_says_so,
);

const AMBIGUOUS: (u16, &str, &str) = (400, "Ambiguous request path", "ambiguous_path");
const UNCLEAR: &str = "original_request_unclear";

fn an_untrusted_peer_is_refused_and_loudly_logged(setup: Setup) {
    let gateway = with_routes(setup).start();
    let ada = gateway.user();
    for path in ["/api/auth/verify", "/api/auth/verify/open", "/api/auth/verify/api/todos"] {
        let reply = ada.request("GET", path).header("x-forwarded-uri", "/open").send();
        reply.is_refused(403, "Untrusted proxy", "untrusted_proxy");
        assert_eq!(identity(&reply), ["", "", ""]);
    }
    gateway.says("trusted_proxies");
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
    assert_eq!(reply.header("ratelimit-policy"), r#""user";q=6000;w=60"#);
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
    for nowhere in ["/", "/nowhere", "/adminx"] {
        asks(&ada, nowhere).send().is_refused(404, "Not found", "not_found");
    }
    // Ours, whatever a route says of the paths above.
    for own in ["/api/auth/profile", "/api/auth/verify", "/api/%61uth/users", "/.well-known/jwks.json"] {
        asks(&ada, own).send().is_refused(404, "Not found", "not_found");
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
    let differ = "The proxy tells two things of the original request that differ";
    for (first, second) in [
        ("x-forwarded-uri", "x-forwarded-uri"),
        ("x-forwarded-uri", "x-original-url"),
        ("x-original-uri", "x-original-url"),
        ("x-original-url", "x-forwarded-uri"),
    ] {
        let request = ada.request("GET", "/api/auth/verify");
        let reply = request.header(first, "/open").header(second, "/api/todos").send();
        reply.is_refused(400, differ, UNCLEAR);
        let request = ada.request("GET", "/api/auth/verify");
        assert_eq!(request.header(first, "/api/todos").header(second, "/api/todos").send().status, 200);
    }
    let appended = ada.request("GET", "/api/auth/verify/open").header("x-forwarded-uri", "/api/todos").send();
    appended.is_refused(400, differ, UNCLEAR);
    for (first, second) in
        [("x-forwarded-method", "x-original-method"), ("x-forwarded-host", "x-original-host")]
    {
        let reply = asks(&ada, "/api/todos").header(first, "A").header(second, "B").send();
        reply.is_refused(400, differ, UNCLEAR);
    }
    let hosts = asks(&ada, "/api/todos")
        .header("x-forwarded-host", "a")
        .header("x-original-url", "http://b/api/todos");
    hosts.send().is_refused(400, differ, UNCLEAR);
}

fn a_request_that_names_no_target_is_refused(setup: Setup) {
    let gateway = trusting(setup);
    let ada = gateway.user();
    let silent = "The proxy does not tell the original path";
    ada.get("/api/auth/verify").is_refused(400, silent, UNCLEAR);
    ada.get("/api/auth/verify?x=/api/todos").is_refused(400, silent, UNCLEAR);
    let no_host = asks(&ada, "/api/todos").header("x-forwarded-host", "a,b").send();
    no_host.is_refused(400, "The original host is no host", UNCLEAR);
    let no_method = asks(&ada, "/api/todos").header("x-forwarded-method", "G T").send();
    no_method.is_refused(400, "The original method is no method", UNCLEAR);
    let traced = asks(&ada, "/api/todos").header("x-forwarded-method", "TRACE").send();
    traced.is_refused(405, "Method not allowed", "method_not_allowed");
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

fn host_and_method_of_the_original_request_choose_the_route(setup: Setup) {
    let gateway = by_host_and_method(setup, "any");
    let ada = gateway.user();
    let status = |verify: &str, fields: &[(&str, &str)]| {
        let request = ada.request("GET", &format!("/api/auth/verify{verify}"));
        fields.iter().fold(request, |request, (name, value)| request.header(name, value)).send().status
    };
    let (path, host, method) = ("x-forwarded-uri", "x-forwarded-host", "x-forwarded-method");
    assert_eq!(status("", &[(path, "/x"), (host, "app.example.com"), (method, "GET")]), 200);
    assert_eq!(status("", &[(path, "/x"), (host, "APP.example.com.:443"), (method, "HEAD")]), 200);
    assert_eq!(status("", &[(path, "/x"), (host, "app.example.com"), (method, "DELETE")]), 403);
    assert_eq!(status("", &[(path, "/x"), (host, "admin.example.com"), (method, "GET")]), 403);
    assert_eq!(status("", &[(path, "/x"), (host, "else.example.com"), (method, "GET")]), 404);
    let (path, host, method) = ("x-original-uri", "x-original-host", "x-original-method");
    assert_eq!(status("", &[(path, "/x"), (host, "app.example.com"), (method, "DELETE")]), 403);
    assert_eq!(status("", &[(path, "/x"), (host, "app.example.com"), (method, "GET")]), 200);
    let url = ("x-original-url", "https://admin.example.com/x");
    assert_eq!(status("", &[url, (method, "GET")]), 403);
    assert_eq!(status("/x", &[("host", "app.example.com")]), 200);
    assert_eq!(status("/x", &[("host", "admin.example.com")]), 403);
    assert_eq!(status("/x", &[("host", "app.example.com"), ("x-forwarded-host", "admin.example.com")]), 400);
    let deleted = ada.request("DELETE", "/api/auth/verify/x").header("host", "app.example.com").send();
    assert_eq!(deleted.status, 403);
}

fn what_routes_ask_for_must_be_told(setup: Setup) {
    let gateway = by_host_and_method(setup, "any");
    let ada = gateway.user();
    let no_host = asks(&ada, "/x").header("x-forwarded-method", "GET").send();
    no_host.is_refused(400, "The proxy does not tell the original host", UNCLEAR);
    let no_method = asks(&ada, "/x").header("x-forwarded-host", "app.example.com").send();
    no_method.is_refused(400, "The proxy does not tell the original method", UNCLEAR);
}

fn each_named_proxy_is_read_in_its_own_way_only(setup: Setup) {
    let told = |person: &Person, prefix: &str, host: &str| {
        let request = person.request("GET", "/api/auth/verify");
        request
            .header(&format!("x-{prefix}-uri"), "/x")
            .header(&format!("x-{prefix}-host"), host)
            .header(&format!("x-{prefix}-method"), "GET")
    };
    for (proxy, own, other) in [
        ("nginx", "original", "forwarded"),
        ("traefik", "forwarded", "original"),
        ("caddy", "forwarded", "original"),
        ("haproxy", "forwarded", "original"),
    ] {
        let gateway = by_host_and_method(setup.clone(), proxy);
        let ada = gateway.user();
        // What its client sends under the names of others counts for nothing.
        let reply = told(&ada, own, "admin.example.com")
            .header(&format!("x-{other}-host"), "app.example.com")
            .header(&format!("x-{other}-uri"), "/else")
            .header(&format!("x-{other}-method"), "PUT")
            .send();
        reply.is_refused(403, "Insufficient scope", "insufficient_scope");
        assert_eq!(told(&ada, own, "app.example.com").send().status, 200, "{proxy}");
        let refused = if proxy == "nginx" { 403 } else { 400 };
        assert_eq!(told(&ada, other, "app.example.com").send().status, refused, "{proxy}");
        let appended = ada.request("GET", "/api/auth/verify/x").header("host", "app.example.com").send();
        assert_eq!((appended.status, appended.code().as_str()), (refused, UNCLEAR), "{proxy}");
    }
    let gateway = by_host_and_method(setup, "envoy");
    let ada = gateway.user();
    let envoy = |host: &str| ada.request("GET", "/api/auth/verify/x").header("host", host);
    assert_eq!(envoy("admin.example.com").header("x-forwarded-host", "app.example.com").send().status, 403);
    assert_eq!(envoy("app.example.com").header("x-original-method", "DELETE").send().status, 200);
    assert_eq!(told(&ada, "forwarded", "app.example.com").send().code(), UNCLEAR);
}

fn nginx_gets_what_it_can_hand_on_and_the_rest_in_headers(setup: Setup) {
    let setup = setup.env("GATEWAY__LIMITS__USER", "{requests=2,window_seconds=3600}");
    let gateway = by_host_and_method(setup, "nginx");
    let ada = gateway.user();
    let about = |person: &Person, host: &str, path: &str| {
        let request = match person.access.as_str() {
            "" => person.client.get("/api/auth/verify"),
            _ => person.request("GET", "/api/auth/verify"),
        };
        let request = request.header("x-original-uri", path).header("x-original-host", host);
        request.header("x-original-method", "GET").send()
    };
    let facts = |reply: &Reply| (reply.status, reply.header("x-gateway-status").to_owned(), reply.code());
    let is = |status: u16, real: &str, code: &str| (status, real.to_owned(), code.to_owned());
    let app = "app.example.com";
    assert_eq!(facts(&about(&stranger(&gateway), app, "/x")), is(401, "401", "token_missing"));
    assert_eq!(facts(&about(&ada, "admin.example.com", "/x")), is(403, "403", "insufficient_scope"));
    assert_eq!(facts(&about(&ada, "else.example.com", "/x")), is(403, "404", "not_found"));
    assert_eq!(facts(&about(&ada, app, "//x")), is(403, "400", "ambiguous_path"));
    assert_eq!(about(&ada, app, "/x").status, 200);
    let limited = about(&ada, app, "/x");
    assert_eq!(facts(&limited), is(403, "429", "rate_limited"));
    assert_eq!(limited.header("x-gateway-code"), "rate_limited");
    assert_eq!(limited.header("x-gateway-message"), "Too many requests");
    assert!(limited.header("retry-after").parse::<u64>().is_ok());
}

/// Clients send these headers, and some proxies hand them on with their question. gRPC's refusals
/// are HTTP 200, and a preflight's answer is 204: both would be taken for a yes.
fn a_refusal_is_never_a_success_for_grpc_or_a_preflight(setup: Setup) {
    let setup = with_routes(setup)
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("GATEWAY__CORS", r#"{origins=["https://a.example"]}"#);
    let gateway = setup.start();
    let nobody = gateway.client();
    for path in ["/api/todos", "/admin", "/open/../admin", "/nowhere", "//"] {
        for media in ["application/grpc", "application/grpc+proto"] {
            let reply =
                nobody.get("/api/auth/verify").header("x-forwarded-uri", path).header("content-type", media);
            assert!(reply.send().status >= 400, "{path}");
            let appended =
                nobody.get(&format!("/api/auth/verify{path}")).header("content-type", media).send();
            assert!(appended.status >= 400, "{path}");
        }
        let preflight = |request: Request| {
            let request = request.header("origin", "https://a.example");
            request.header("access-control-request-method", "GET").send()
        };
        let headers = nobody.request("OPTIONS", "/api/auth/verify").header("x-forwarded-uri", path);
        let appended = nobody.request("OPTIONS", &format!("/api/auth/verify{path}"));
        for reply in [preflight(headers), preflight(appended)] {
            assert!(reply.status >= 400, "{path}: {}", reply.status);
            assert!(!reply.headers.contains_key("access-control-allow-origin"), "{path}");
        }
    }
}

fn a_route_in_shadow_passes_and_says_so(setup: Setup) {
    let setup = with_routes(setup).route("shadow", "/shadow", "up", "shadow = true");
    let gateway = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#).start();
    let passed = asks(&stranger(&gateway), "/shadow").send();
    assert_eq!((passed.status, identity(&passed)), (200, ["", "", ""]));
    let counted = "gateway_shadow_refusals_total{reason=\"token_missing\",route=\"shadow\"}";
    assert_eq!(gateway.metric(counted), 1.0);
}

/// Users may read on one host, administrators do anything on both, and no other host has a route.
fn by_host_and_method(setup: Setup, proxy: &str) -> Gateway {
    let app = "hosts = [\"app.example.com\"]";
    setup
        .upstream("up", "127.0.0.1:1")
        .route("read", "/", "up", &format!("{app}\nmethods = [\"GET\"]"))
        .route("write", "/", "up", &format!("{app}\nroles = [\"admin\"]"))
        .route("admin", "/", "up", "hosts = [\"admin.example.com\"]\nroles = [\"admin\"]")
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("GATEWAY__VERIFY__PROXY", proxy)
        .start()
}

fn with_routes(setup: Setup) -> Setup {
    setup
        .upstream("up", "127.0.0.1:1")
        .route("todos", "/api/todos", "up", "")
        .route("apis", "/api", "up", r#"auth = "public""#)
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
