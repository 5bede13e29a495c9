//! SIGHUP: the configuration is taken over at once or not at all, and nobody notices.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

fn app(upstream: &Upstream) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string())
}

#[test]
fn routes_upstreams_and_limits_are_taken_over() {
    let (first, second) = (Upstream::start(), Upstream::start());
    let gateway = app(&first).route("app", "/app", "app", "").start();
    let ada = gateway.user();
    assert_eq!((ada.get("/app").status, ada.get("/other").status), (200, 404));
    let limits = "[limits]\nuser = { requests = 7, window_seconds = 60 }\n";
    let other = app(&second).config(limits).route("app", "/other", "app", "roles = [\"user\"]");
    assert!(gateway.reload(&other));
    assert_eq!(ada.get("/app").status, 404);
    let reply = ada.get("/other");
    assert_eq!((reply.status, reply.header("ratelimit-policy")), (200, "\"user\";q=7;w=60"));
    assert_eq!((first.arrived().len(), second.arrived().len()), (1, 1));
    gateway.says("the configuration was reloaded");
    gateway.says("limits.user");
}

#[test]
fn files_are_looked_at_where_that_is_asked_for() {
    let upstream = Upstream::start();
    let watched = app(&upstream).env("GATEWAY__SERVER__WATCH_SECONDS", "1");
    let gateway = watched.route("app", "/app", "app", "auth = \"public\"").start();
    let write = |text: &str| std::fs::write(gateway.config(), text).unwrap();
    let before = std::fs::read_to_string(gateway.config()).unwrap();
    let status = |path: &str| gateway.client().get(path).send().status;
    write(&before.replace("/app", "/other"));
    eventually("the new route is there", || (status("/app"), status("/other")) == (404, 200));
    write("not toml [");
    gateway.says("the one before stays in use");
    assert_eq!(status("/other"), 200);
    let refused = "gateway_config_reloads_total{result=\"refused\"}";
    eventually("it is counted", || gateway.metric(refused) == 1.0);
    write(&before);
    eventually("the first one is there again", || status("/app") == 200);
    assert_eq!(gateway.metric(refused), 1.0, "what was refused once is not tried again");
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let upstream = Upstream::start();
    let good = app(&upstream).route("app", "/app", "app", "");
    let gateway = good.clone().start();
    let ada = gateway.user();
    for (bad, why) in [
        (Setup::new("not toml ["), "gateway.toml"),
        (good.clone().config("bogus = 1"), "is no setting"),
        (good.clone().route("again", "/app", "app", ""), "routes `app` and `again` have the same path"),
        (good.clone().route("lost", "/lost", "nowhere", ""), "there is no upstream `nowhere`"),
    ] {
        assert!(!gateway.reload(&bad), "{why}");
        gateway.says(why);
        assert_eq!(ada.get("/app").status, 200);
        assert!(gateway.metric("gateway_config_last_reload_successful") < 0.5);
    }
    assert!(gateway.reload(&good));
    assert!(gateway.metric("gateway_config_last_reload_successful") > 0.5);
}

#[test]
fn what_needs_a_restart_is_refused_by_name() {
    let upstream = Upstream::start();
    let good = app(&upstream).route("app", "/app", "app", "");
    let gateway = good.clone().start();
    for (change, key) in
        [("[password]\nqueue = 7\n", "password.queue"), ("[tokens]\nissuer = \"other\"\n", "tokens.issuer")]
    {
        let other = Setup::new(change).upstream("app", &upstream.address.to_string());
        assert!(!gateway.reload(&other.route("gone", "/gone", "app", "")), "{key}");
        gateway.says(&format!("a change of {key} needs a restart"));
    }
    assert_eq!(gateway.user().get("/app").status, 200);
}

#[test]
fn a_request_ends_by_what_it_began_with() {
    let (slow, gate) = Upstream::gated();
    let gateway = app(&slow).route("app", "/app", "app", "auth = \"public\"").start();
    let client = gateway.client();
    let running = std::thread::spawn(move || client.get("/app").send());
    eventually("the request is at the upstream", || slow.arrived().len() == 1);
    assert!(gateway.reload(&Setup::new("")));
    assert_eq!(gateway.client().get("/app").send().status, 404);
    gate.open();
    let reply = running.join().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
}

#[test]
fn a_reload_gives_nobody_a_new_allowance() {
    let upstream = Upstream::start();
    let limit = "user_limit = { requests = 2, window_seconds = 600 }";
    let with = |path: &str| {
        app(&upstream).route("app", "/app", "app", limit).route("more", path, "app", "auth = \"public\"")
    };
    let gateway = with("/one").start();
    let ada = gateway.user();
    assert_eq!((ada.get("/app").status, ada.get("/app").status), (200, 200));
    assert!(gateway.reload(&with("/two")));
    ada.get("/app").is_refused(429, "Too many requests", "rate_limited");
    assert_eq!(gateway.client().get("/two").send().status, 200);
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    let upstream = Upstream::start();
    let with = |path: &str| app(&upstream).route("app", "/app", "app", "").route("more", path, "app", "");
    let gateway = with("/even").unlimited().start();
    let ada = gateway.user();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _over = SetOnDrop(&over);
        for _ in 0..4 {
            scope.spawn(|| {
                let person = gateway.log_in(&ada.email, crate::support::people::PASSWORD);
                while !over.load(Ordering::Relaxed) {
                    let reply = person.get("/app");
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..100 {
            let before = answered.load(Ordering::Relaxed);
            assert!(gateway.reload(&with(if round % 2 == 0 { "/odd" } else { "/even" })));
            eventually("requests go on", || answered.load(Ordering::Relaxed) > before);
        }
    });
    assert!(answered.load(Ordering::Relaxed) >= 100);
    assert!((gateway.metric("gateway_config_reloads_total{result=\"ok\"}") - 100.0).abs() < 0.5);
}
