//! Cross-origin requests: preflights need no token, answers say who may read them.

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::upstream::Upstream;

const POLICY: &str =
    "cors = { origins = [\"https://app.example.com\"], credentials = true, expose = [\"X-Total\"] }";

fn behind(upstream: &Upstream, more: &str) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string()).route("app", "/app", "app", more)
}

fn preflight(gateway: &Gateway, path: &str, origin: &str, method: &str) -> Reply {
    let request = gateway.client().request("OPTIONS", path).header("origin", origin);
    request
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization")
        .send()
}

#[test]
fn a_preflight_is_answered_by_the_gateway_and_needs_no_token() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, POLICY).start();
    let reply = preflight(&gateway, "/app/x", "https://app.example.com", "DELETE");
    assert_eq!((reply.status, reply.text().as_str()), (204, ""));
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("access-control-allow-headers", "Authorization, Content-Type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn another_origin_is_allowed_nothing() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, POLICY).start();
    for origin in
        ["https://evil.example.com", "null", "https://app.example.com.evil.org", "http://app.example.com"]
    {
        let reply = preflight(&gateway, "/app", origin, "GET");
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, ""), "{origin}");
        let reply = gateway.user().request("GET", "/app").header("origin", origin).send();
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, ""), "{origin}");
        assert_eq!(reply.header("vary"), "Origin");
    }
}

#[test]
fn answers_and_refusals_can_be_read_by_pages_of_an_allowed_origin() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: x\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = behind(&upstream, POLICY).start();
    let from =
        |request: crate::support::http::Request| request.header("origin", "https://app.example.com").send();
    for (reply, status) in [
        (from(gateway.user().request("GET", "/app")), 200),
        (from(gateway.client().get("/app")), 401),
        (from(gateway.client().get("/app").bearer("x")), 401),
    ] {
        assert_eq!(reply.status, status);
        let origins: Vec<_> = reply.headers.get_all("access-control-allow-origin").iter().collect();
        assert_eq!(origins, ["https://app.example.com"]);
        assert_eq!(reply.header("access-control-expose-headers"), "X-Total");
        assert_eq!(reply.header("access-control-allow-headers"), "");
    }
}

#[test]
fn a_request_that_is_no_preflight_needs_its_token() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, POLICY).route("plain", "/plain", "app", "").start();
    let options = |path: &str| gateway.client().request("OPTIONS", path);
    let refused = (401, "Missing authorization token", "token_missing");
    for request in [
        options("/app"),
        options("/app").header("origin", "https://app.example.com"),
        options("/app").header("access-control-request-method", "GET"),
        gateway.client().get("/app").header("access-control-request-method", "GET"),
        // A route without a policy answers no preflight.
        options("/plain")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "GET"),
    ] {
        request.send().is_refused(refused.0, refused.1, refused.2);
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn any_origin_may_read_where_the_operator_says_so_and_never_with_credentials() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, "auth = \"public\"\ncors = { origins = [\"*\"] }").start();
    let reply = gateway.client().get("/app").header("origin", "https://a.example.com").send();
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("access-control-allow-credentials"), "");
    assert_eq!(reply.header("vary"), "");
}

#[test]
fn our_own_endpoints_have_a_policy_of_their_own() {
    let policy = "[cors]\norigins = [\"https://app.example.com\"]";
    let gateway = Setup::new(policy).start();
    let reply = preflight(&gateway, "/api/auth/login", "https://app.example.com", "POST");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, "https://app.example.com"));
    let reply = gateway.client().get("/api/auth/profile").header("origin", "https://app.example.com").send();
    reply.is_refused(401, "Missing authorization token", "token_missing");
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example.com");
    let closed = Setup::new("").start();
    let reply = preflight(&closed, "/api/auth/login", "https://app.example.com", "POST");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (405, ""));
}
