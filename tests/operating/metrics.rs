//! What Prometheus reads: valid text, names by its rules, and labels that no client chooses.

use std::collections::BTreeMap;

use crate::support::eventually;
use crate::support::exposition::{Family, read};
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::exchange;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

fn families(gateway: &Gateway) -> BTreeMap<String, Family> {
    read(&gateway.metrics())
}

fn series(gateway: &Gateway) -> usize {
    families(gateway).values().map(|family| family.samples.len()).sum()
}

#[test]
fn the_metrics_are_valid_prometheus_text() {
    let redis = Redis::start();
    for setup in [Setup::demo(), Setup::new("").redis(&redis.url())] {
        let gateway = setup.start();
        gateway.user().get("/api/todos");
        let reply = gateway.operator().get("/metrics").send();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4");
        let families = read(&reply.text());
        assert!(families.len() > 10, "{:?}", families.keys());
    }
}

#[test]
fn names_and_units_follow_the_rules_of_prometheus() {
    let gateway = Setup::demo().start();
    gateway.user().get("/api/todos");
    for (name, family) in families(&gateway) {
        assert!(name.starts_with("gateway_") || name.starts_with("process_"), "{name}");
        assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name} is a {}", family.kind);
        assert!(family.kind != "histogram" || name.ends_with("_seconds"), "{name} has no unit");
        for scaled in ["_ms", "_milliseconds", "_micros", "_microseconds", "_kib", "_mib", "_minutes"] {
            assert!(!name.trim_end_matches("_total").ends_with(scaled), "{name} has no base unit");
        }
        assert!(family.help.ends_with('.') || name.starts_with("process_"), "{name}: {}", family.help);
        assert!(!family.samples.is_empty() || !family.kind.is_empty(), "{name}");
    }
}

#[test]
fn what_operators_watch_is_there_from_the_start() {
    let gateway = Setup::before(Upstream::start().address).start();
    let families = families(&gateway);
    let expected = [
        "gateway_http_requests_total",
        "gateway_http_request_duration_seconds",
        "gateway_auth_decisions_total",
        "gateway_password_hash_queue_depth",
        "gateway_password_hash_jobs_total",
        "gateway_rate_limit_keys",
        "gateway_revocation_store_up",
        "gateway_revocation_fail_open_total",
        "gateway_downstream_connections",
        "gateway_build_info",
        "process_resident_memory_bytes",
        "process_open_fds",
    ];
    for name in expected {
        assert!(families.contains_key(name), "{name} is missing of {:?}", families.keys());
    }
    // A series that appears with its first event has no rate for it.
    let reasons: Vec<_> = families["gateway_auth_decisions_total"].samples.iter().collect();
    for reason in ["ok", "served", "token_missing", "token_revoked", "revocation_unavailable", "rate_limited"]
    {
        assert!(reasons.iter().any(|sample| sample.labels["reason"] == reason), "{reason}");
    }
}

#[test]
fn requests_are_counted_by_route_method_and_class() {
    let gateway = Setup::before(Upstream::start().address).start();
    let ada = gateway.user();
    let count = |route: &str, method: &str, class: &str| {
        gateway.metric(&format!(
            "gateway_http_requests_total{{method=\"{method}\",route=\"{route}\",status_class=\"{class}\"}}"
        ))
    };
    for _ in 0..3 {
        ada.get("/api/todos");
    }
    ada.request("DELETE", "/api/todos/1").send();
    ada.request("PROPFIND", "/api/todos").send();
    gateway.client().get("/api/todos").send();
    gateway.client().get("/nowhere").send();
    // Five by Ada, two by nobody, the registration and the login.
    let all = || gateway.total("gateway_http_requests_total", &[]) == 9.0;
    crate::support::eventually("all are counted", all);
    assert_eq!(count("todos", "GET", "2xx"), 3.0);
    assert_eq!(count("todos", "DELETE", "2xx"), 1.0);
    assert_eq!(count("todos", "OTHER", "2xx"), 1.0);
    assert_eq!(count("todos", "GET", "4xx"), 1.0);
    assert_eq!(count("gateway", "POST", "2xx"), 2.0, "the registration and the login");
    assert_eq!(
        gateway.total(
            "gateway_auth_decisions_total",
            &[("decision", "allow"), ("reason", "ok"), ("route", "todos")]
        ),
        5.0
    );
    let took = |class: &str| {
        gateway.metric(&format!(
            "gateway_http_request_duration_seconds_count{{route=\"todos\",status_class=\"{class}\"}}"
        ))
    };
    assert_eq!((took("2xx"), took("4xx")), (5.0, 1.0));
}

#[test]
fn no_request_makes_a_series() {
    let gateway = Setup::before(Upstream::start().address).start();
    let ada = gateway.user();
    let act = |round: usize| {
        let client = gateway.client();
        ada.get(&format!("/api/todos/{round}?q={round}"));
        client.get(&format!("/nowhere/{round}")).send();
        client.get("/api/todos").bearer(&format!("x{round}")).send();
        client.get("/api/todos").header("host", &format!("host{round}")).send();
        client.request(&format!("METHOD{round}"), "/api/todos").send();
        let wrong = serde_json::json!({"email": format!("a{round}@example.com"), "password": "x"});
        client.post("/api/auth/login").json(&wrong).send();
        exchange(gateway.address, format!("GET //{round} HTTP/1.1\r\nHost: x\r\n\r\n"));
    };
    act(0);
    let before = series(&gateway);
    (1..40).for_each(act);
    assert_eq!(series(&gateway), before);
}

#[test]
fn logins_and_hashes_are_counted() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    let wrong = serde_json::json!({"email": ada.email, "password": "wrong"});
    gateway.client().post("/api/auth/login").json(&wrong).send();
    assert_eq!(gateway.metric("gateway_login_attempts_total{result=\"ok\"}"), 1.0);
    assert_eq!(gateway.metric("gateway_login_attempts_total{result=\"invalid_credentials\"}"), 1.0);
    // The first administrator, the registration, and two logins.
    let hashed = || gateway.metric("gateway_password_hash_jobs_total{result=\"done\"}");
    eventually("all four are counted", || hashed() == 4.0);
    assert!(gateway.metric("gateway_password_hash_duration_seconds_sum") > 0.0);
}
