//! How a request is handed on: another prefix, headers of the operator, time-outs of the route.

use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

fn public(upstream: &Upstream, path: &str, more: &str) -> Setup {
    let more = format!("auth = \"public\"\n{more}");
    Setup::new("").upstream("app", &upstream.address.to_string()).route("app", path, "app", &more)
}

#[test]
fn a_prefix_is_stripped_and_told_to_the_service() {
    let upstream = Upstream::start();
    let gateway = public(&upstream, "/grafana", "strip_prefix = true").start();
    for (asked, seen) in
        [("/grafana/d/1?a=/b", "/d/1?a=/b"), ("/grafana", "/"), ("/grafana/", "/"), ("/grafana?x", "/?x")]
    {
        upstream.forget();
        let reply = gateway.client().get(asked).header("x-forwarded-prefix", "/spoofed").send();
        assert_eq!(reply.status, 200, "{asked}");
        let arrived = upstream.only();
        assert_eq!((arrived.target(), arrived.one("x-forwarded-prefix")), (seen, "/grafana"), "{asked}");
    }
}

#[test]
fn a_prefix_is_replaced_by_another_one() {
    let upstream = Upstream::start();
    let gateway = public(&upstream, "/api/{version}/todos", "replace_prefix = \"/v2/tasks\"").start();
    gateway.client().get("/api/v1/todos/7?q=1").send();
    let arrived = upstream.only();
    assert_eq!(arrived.target(), "/v2/tasks/7?q=1");
    assert_eq!(arrived.one("x-forwarded-prefix"), "/api/v1/todos");
}

#[test]
fn what_is_ambiguous_is_refused_before_a_prefix_is_cut() {
    let upstream = Upstream::start();
    let gateway = public(&upstream, "/app", "strip_prefix = true").start();
    for path in ["/app//admin", "/app/%2e%2e/admin", "/app/..%2fadmin", "/app/%2fadmin"] {
        gateway.client().get(path).send().is_refused(400, "Ambiguous request path", "ambiguous_path");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn request_headers_are_removed_set_and_added() {
    let upstream = Upstream::start();
    let rules = "request_headers = { remove = [\"X-Debug\"], set = { \"X-Env\" = \"prod\" }, add = { \"X-Tag\" = \"ours\" } }";
    let gateway = public(&upstream, "/app", rules).start();
    let request = gateway.client().get("/app").header("x-debug", "1").header("x-env", "evil");
    request.header("x-tag", "theirs").send();
    let arrived = upstream.only();
    assert!(!arrived.has("x-debug"));
    assert_eq!(arrived.one("x-env"), "prod");
    assert_eq!(arrived.all("x-tag"), ["theirs", "ours"]);
}

#[test]
fn response_headers_are_removed_set_and_added() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nX-Powered-By: x\r\nX-Frame-Options: none\r\nContent-Length: 0\r\n\r\n",
    );
    let rules = "response_headers = { remove = [\"X-Powered-By\"], set = { \"X-Frame-Options\" = \"DENY\" }, add = { \"X-Tag\" = \"ours\" } }";
    let gateway = public(&upstream, "/app", rules).start();
    let reply = gateway.client().get("/app").send();
    assert_eq!(reply.header("x-powered-by"), "");
    assert_eq!(reply.headers.get_all("x-frame-options").iter().count(), 1);
    assert_eq!((reply.header("x-frame-options"), reply.header("x-tag")), ("DENY", "ours"));
}

#[test]
fn a_route_waits_no_longer_than_it_says() {
    let (upstream, gate) = Upstream::gated();
    let gateway = public(&upstream, "/app", "read_timeout_ms = 100").start();
    let reply = gateway.client().get("/app").send();
    reply.is_refused(504, "Upstream timed out", "upstream_timeout");
    gate.open();
}

#[test]
fn who_answered_is_said_by_the_gateway_alone_and_of_its_own_answers_only() {
    let upstream = Upstream::answering(
        "HTTP/1.1 500 Oh\r\nProxy-Status: gateway; error=http_request_denied\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = public(&upstream, "/app", "").start();
    let reply = gateway.client().get("/app").send();
    assert_eq!((reply.status, reply.header("proxy-status")), (500, ""));
    let ours = gateway.client().get("/nowhere").send();
    assert_eq!(ours.header("proxy-status"), "gateway; error=http_request_denied");
}
