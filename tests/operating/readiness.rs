//! The operators' listener: alive, ready, and nothing of it where clients are.

use serde_json::json;

use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::redis::Redis;

#[test]
fn it_says_that_it_lives_and_is_ready_with_each_dependency_by_name() {
    let gateway = Setup::new("").start();
    let alive = gateway.operator().get("/healthz").send();
    assert_eq!((alive.status, alive.text().as_str()), (200, "ok\n"));
    let ready = gateway.ready();
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({"ready": true, "checks": {"store": "ok", "revocations": "ok"}}));
}

#[test]
fn it_is_alive_and_not_ready_without_its_redis_and_says_so_by_name() {
    let mut redis = Redis::start();
    let gateway = Setup::new("").redis(&redis.url()).start();
    eventually("Redis is connected", || gateway.ready().status == 200);
    redis.kill();
    eventually("it is not ready", || gateway.ready().status == 503);
    let body = gateway.ready().json();
    assert_eq!((&body["ready"], &body["checks"]["store"]), (&json!(false), &json!("ok")));
    assert_ne!(body["checks"]["revocations"], "ok");
    assert_eq!(gateway.operator().get("/healthz").send().status, 200, "a restart would not help");
    eventually("the metric says so too", || gateway.metric("gateway_revocation_store_up") == 0.0);
    redis.restart();
    eventually("it is ready again by itself", || gateway.ready().status == 200);
    eventually("the metric says so too", || gateway.metric("gateway_revocation_store_up") == 1.0);
}

#[test]
fn the_operations_listener_answers_404_and_405() {
    let operator = Setup::new("").start();
    let client = operator.operator();
    for path in ["/", "/metrics/", "/api/auth/login", "/api/todos", "/debug/pprof", "/METRICS"] {
        assert_eq!(client.get(path).send().status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            let refused = client.request(method, path).send();
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
    let head = client.request("HEAD", "/metrics").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn nothing_of_it_is_on_the_public_listener() {
    let gateway = Setup::demo().start();
    let ada = gateway.admin();
    for path in ["/metrics", "/healthz", "/readyz", "/api/auth/metrics", "/api/todos/../../metrics"] {
        for request in [gateway.client().get(path), ada.request("GET", path)] {
            let reply = request.header("host", &gateway.operations.to_string()).send();
            assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
            assert!(!reply.text().contains("gateway_"), "{path}: {}", reply.text());
        }
    }
}

#[test]
fn it_is_on_loopback_unless_said_otherwise_and_then_it_is_warned_of() {
    let gateway = Setup::new("").start();
    assert!(!gateway.log().contains("no loopback address"));
    let (status, _, said) =
        crate::support::gateway::run(&["check"], &[("GATEWAY__OPERATIONS__LISTEN", "0.0.0.0:9090")]);
    assert_eq!(status, 0);
    assert!(said.contains("warning: operations.listen = \"0.0.0.0:9090\" is no loopback address"), "{said}");
    let file = gateway::config::File::default();
    assert!(file.operations.listen.starts_with("127.0.0.1:"));
}
