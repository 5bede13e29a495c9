//! The operators' listener: alive, ready, and nothing of it where clients are.

use serde_json::json;

use crate::issuers::handmade::HandMade;
use crate::support::eventually;
use crate::support::farm::Instance;
use crate::support::gateway::Setup;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

#[test]
fn it_says_that_it_lives_and_is_ready_with_each_dependency_by_name() {
    let gateway = Setup::new("").start();
    let alive = gateway.operator().get("/healthz").send();
    assert_eq!((alive.status, alive.text().as_str()), (200, "ok\n"));
    let ready = gateway.ready();
    assert_eq!(ready.status, 200);
    let checks = json!({"store": "ok", "revocations": "ok"});
    assert_eq!(ready.json(), json!({"ready": true, "checks": checks, "upstreams": {}, "issuers": {}}));
}

#[test]
fn it_names_each_upstream_and_what_is_wrong_with_it_and_is_ready_all_the_same() {
    let (mut servers, single) = ([Instance::start("a"), Instance::start("b")], Upstream::start());
    let [a, b] = servers.each_ref().map(|server| server.address);
    let health = "health = { path = \"/healthz\", interval_ms = 50, unhealthy_after = 1, healthy_after = 1 }";
    let gateway = Setup::before(single.address)
        .config(&format!(
            "[[upstreams]]\nname = \"app\"\nservers = [{{ address = \"{a}\" }}, {{ address = \"{b}\" }}]\n{health}\n"
        ))
        .route("app", "/app", "app", "auth = \"public\"")
        .start();
    let upstreams = || gateway.ready().json()["upstreams"].clone();
    assert_eq!(upstreams(), json!({"todo": "ok", "app": "ok"}));
    servers[0].ill(true);
    let one = format!("1 of 2 servers in use; out: {a} (it answered 503, and 200 is expected)");
    eventually("one is out", || upstreams() == json!({"todo": "ok", "app": one}));
    servers[1].kill();
    // A probe that was under way when it died says so first.
    eventually("none is left", || {
        let said = upstreams()["app"].as_str().unwrap().to_owned();
        said.starts_with("0 of 2 servers in use")
            && said.contains(&format!("{b} ("))
            && said.contains("refused")
    });
    assert_eq!((gateway.ready().status, &gateway.ready().json()["ready"]), (200, &json!(true)));
    servers[0].ill(false);
    servers[1].revive();
    eventually("both are back", || upstreams()["app"] == "ok");
}

#[test]
fn it_names_each_issuer_and_whether_its_keys_are_known() {
    let issuer = HandMade::start();
    let gone = "[[issuers]]\nname = \"gone\"\nissuer = \"http://127.0.0.1:9\"\naudience = [\"x\"]\njwks_url = \"http://127.0.0.1:9/keys\"\ndanger_allow_http = true\n";
    let gateway = Setup::new("").config(&issuer.entry("elsewhere", "")).config(gone).start();
    let known = json!({"elsewhere": "ok", "gone": "no keys of it are known"});
    eventually("its keys are known", || gateway.ready().json()["issuers"] == known);
    assert_eq!(gateway.ready().status, 200);
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
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            let refused = client.request(method, path).send();
            assert_eq!(
                (refused.status, refused.header("allow")),
                (405, "GET, HEAD, OPTIONS"),
                "{method} {path}"
            );
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
    assert!(
        said.contains("environment: operations.listen = \"0.0.0.0:9090\" is no loopback address"),
        "{said}"
    );
    let file = gateway_config::File::default();
    assert!(file.operations.listen.starts_with("127.0.0.1:"));
}
