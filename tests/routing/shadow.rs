//! Routes in shadow: what would be refused is noted, and passes.

use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

const SHADOW: &str =
    "shadow = true\nroles = [\"admin\"]\nuser_limit = { requests = 3, window_seconds = 600 }";

#[test]
fn everything_passes_and_what_would_be_refused_is_counted_and_logged() {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let gateway = setup.route("app", "/app", "app", SHADOW).start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let stolen = gateway.user();
    stolen.log_out();
    let get = || gateway.client().get("/app");
    for (request, reason) in [
        (get(), "token_missing"),
        (get().bearer("x"), "token_invalid"),
        (get().bearer(&stolen.access), "token_revoked"),
        (get().bearer(&ada.access), "insufficient_scope"),
        (get().bearer(&ada.access).bearer(&ada.access), "invalid_request"),
    ] {
        let series = format!("gateway_shadow_refusals_total{{reason=\"{reason}\",route=\"app\"}}");
        let before = gateway.metric(&series);
        assert_eq!(request.send().status, 200, "{reason}");
        assert!((gateway.metric(&series) - before - 1.0).abs() < 0.1, "{reason}");
        let told = || gateway.log().lines().any(|line| line.contains("shadow") && line.contains(reason));
        eventually(reason, told);
    }
    for _ in 0..4 {
        assert_eq!(admin.get("/app").status, 200);
    }
    assert!(gateway.metric("gateway_shadow_refusals_total{reason=\"rate_limited\",route=\"app\"}") > 0.5);
}

#[test]
fn identity_is_set_only_where_it_was_proved() {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let gateway = setup.route("app", "/app", "app", SHADOW).start();
    let (ada, stolen) = (gateway.user(), gateway.user());
    stolen.log_out();
    let get = || gateway.client().get("/app").header("x-user-id", "1");
    for (request, seen) in [
        (get(), None),
        (get().bearer("x"), None),
        (get().bearer(&stolen.access), None),
        // Known, and without the role.
        (get().bearer(&ada.access), Some(ada.id.to_string())),
    ] {
        upstream.forget();
        request.send();
        assert_eq!(upstream.only().folded("x-user-id"), seen.iter().collect::<Vec<_>>());
    }
}

#[test]
fn the_service_still_gets_what_it_decides_by() {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let gateway = setup.route("app", "/app", "app", SHADOW).start();
    gateway.client().get("/app").header("authorization", "Basic eDp5").send();
    assert_eq!(upstream.only().one("authorization"), "Basic eDp5");
    gateway.says("shadow = true");
}

#[test]
fn an_ambiguous_path_is_refused_in_shadow_too() {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let gateway = setup.route("app", "/app", "app", SHADOW).start();
    let reply = gateway.client().get("/app/../admin").send();
    assert_eq!(reply.status, 400);
    assert!(upstream.arrived().is_empty());
}
