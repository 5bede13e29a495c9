//! A session that is renewed on the way, while a request goes on.

use rustix::process::Signal;
use serde_json::json;

use super::{ACCESS, CSRF, REFRESH, Tab, before, forgets, kept, set_cookies};
use crate::support::NOWHERE;
use crate::support::forge::now;
use crate::support::gateway::Gateway;
use crate::support::in_parallel;
use crate::support::raw::Raw;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

const ABORT_ON_CLOSE: &str = "GATEWAY__SERVER__ABORT_ON_CLOSE";

fn refreshes(gateway: &Gateway, result: &str) -> f64 {
    gateway.metric(&format!("gateway_refreshes_total{{result=\"{result}\"}}"))
}

#[test]
fn an_access_token_that_is_over_or_missing_is_replaced_before_the_decision() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let csrf = tab.cookie(CSRF);
    let spoil: [(&str, &dyn Fn()); 3] = [
        ("over", &|| tab.age()),
        ("missing", &|| tab.lose(ACCESS)),
        ("unreadable", &|| tab.set(ACCESS, "x.y.z")),
    ];
    for (count, (how, spoil)) in spoil.into_iter().enumerate() {
        let refresh = tab.claims(REFRESH);
        spoil();
        let reply = tab.get("/api/todos");
        assert_eq!((reply.status, kept(&reply)), (200, vec![ACCESS, REFRESH, CSRF]), "{how}");
        assert_eq!(upstream.only().one("x-user-email"), tab.email);
        assert!(!upstream.only().has("authorization"));
        upstream.forget();
        let after = tab.claims(REFRESH);
        assert_ne!(after["jti"], refresh["jti"], "it always rotates");
        assert_eq!((&after["sid"], &after["exp"]), (&refresh["sid"], &refresh["exp"]));
        assert_eq!(tab.cookie(CSRF), csrf, "open pages go on");
        assert_eq!(refreshes(&gateway, "rotated"), count as f64 + 1.0);
        assert!(set_cookies(&tab.get("/api/todos")).is_empty(), "once");
        upstream.forget();
    }
}

#[test]
fn whatever_the_answer_is_it_carries_the_new_cookies() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address)
        .upstream("gone", NOWHERE)
        .route("gone", "/gone", "gone", "")
        .route("admins", "/admins", "todo", "roles = [\"admin\"]")
        .start();
    let tab = Tab::of_a_user(&gateway);
    for (method, path, status) in [
        ("GET", "/gone", 502),
        ("GET", "/admins", 403),
        ("HEAD", "/api/todos", 200),
        ("POST", "/api/todos", 200),
        ("GET", "/maybe", 200),
        ("GET", "/api/auth/profile", 200),
        ("PUT", "/api/auth/profile", 200),
        ("GET", "/api/auth/users", 403),
    ] {
        tab.age();
        let reply = tab.request(method, path).send();
        tab.keep(&reply);
        assert_eq!((reply.status, kept(&reply).len()), (status, 3), "{method} {path}");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

#[test]
fn parallel_tabs_all_pass_and_one_rotation_is_made() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    let tabs: Vec<_> = (0..16).map(|_| tab.copied()).collect();
    let statuses = in_parallel(16, |number| tabs[number].get("/api/todos").status);
    assert_eq!(statuses, [200; 16]);
    let id = |tab: &Tab| tab.claims(REFRESH)["jti"].as_str().unwrap().to_owned();
    let renewed: Vec<_> = tabs.iter().filter(|other| id(other) != id(&tab)).collect();
    let successors: std::collections::BTreeSet<_> = renewed.iter().map(|tab| id(tab)).collect();
    assert_eq!(successors.len(), 1, "who got another one got the same one");
    assert_eq!(refreshes(&gateway, "reused"), 0.0);
    // The tabs of a browser share what any of them was told.
    assert!(set_cookies(&renewed[0].get("/api/todos")).is_empty());
}

#[test]
fn a_slow_answer_leaves_the_refresh_token_in_force_until_it_begins() {
    let (slow, gate) = Upstream::gated();
    let gateway = before(Upstream::start().address)
        .upstream("slow", &slow.address.to_string())
        .route("slow", "/slow", "slow", "")
        .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
        .start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    let waiting = tab.copied();
    std::thread::scope(|scope| {
        let slowly = scope.spawn(|| waiting.get("/slow"));
        crate::support::eventually("it waits", || slow.arrived().len() == 1);
        // Meanwhile the browser has nothing else, and no grace either. Its answer replaces it.
        let quick = tab.get("/api/todos");
        assert_eq!((quick.status, kept(&quick).len()), (200, 3));
        let begun = now();
        crate::support::eventually("the moment of the rotation is over", || now() > begun);
        gate.open();
        let reply = slowly.join().unwrap();
        assert_eq!((reply.status, reply.header("set-cookie")), (200, ""), "the browser has newer ones");
    });
    tab.age();
    assert_eq!(tab.get("/api/todos").status, 200);
    assert_eq!((refreshes(&gateway, "rotated"), refreshes(&gateway, "reused")), (2.0, 0.0));
}

#[test]
fn an_answer_that_nobody_waited_for_replaces_nothing() {
    for (abort, outcome) in [("true", "abandoned"), ("false", "ok")] {
        let (slow, gate) = Upstream::gated();
        let gateway = before(Upstream::start().address)
            .upstream("slow", &slow.address.to_string())
            .route("slow", "/slow", "slow", "")
            .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
            .env(ABORT_ON_CLOSE, abort)
            .start();
        let tab = Tab::of_a_user(&gateway);
        tab.age();
        let request = format!("GET /slow HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", tab.cookies());
        let mut left = Raw::connect(gateway.address);
        left.send(request);
        crate::support::eventually("it waits", || slow.arrived().len() == 1);
        drop(left);
        // Whether it is given up, or the answer goes to nobody.
        let is_noted = || gateway.decided(outcome) == 1.0;
        if abort == "true" {
            crate::support::eventually("it is given up", is_noted);
        }
        gate.open();
        crate::support::eventually("it is noted", is_noted);
        assert_eq!(tab.get("/api/todos").status, 200);
        assert_eq!((refreshes(&gateway, "rotated"), refreshes(&gateway, "reused")), (1.0, 0.0), "{abort}");
    }
}

#[test]
fn neither_does_one_that_comes_at_the_moment_when_its_client_leaves() {
    let slow: Vec<_> = (0..6).map(|_| Upstream::gated()).collect();
    let mut setup = before(Upstream::start().address)
        .env("GATEWAY__REFRESH__GRACE_SECONDS", "0")
        .env(ABORT_ON_CLOSE, "false");
    for (number, (upstream, _)) in slow.iter().enumerate() {
        let name = format!("slow{number}");
        setup = setup.upstream(&name, &upstream.address.to_string());
        setup = setup.route(&name, &format!("/{name}"), &name, "");
    }
    let gateway = setup.start();
    for (number, (upstream, gate)) in slow.iter().enumerate() {
        let tab = Tab::of_a_user(&gateway);
        tab.age();
        let mut left = Raw::connect(gateway.address);
        left.send(format!("GET /slow{number} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", tab.cookies()));
        crate::support::eventually("it waits", || upstream.arrived().len() == 1);
        // The gateway finds both at once, and may look at either first.
        gateway.signal(Signal::STOP);
        drop(left);
        gate.open();
        crate::support::eventually("it was answered", || upstream.answered() == 1);
        gateway.signal(Signal::CONT);
        crate::support::eventually("it is noted", || gateway.decided("ok") == (number * 2 + 1) as f64);
        assert_eq!(tab.get("/api/todos").status, 200, "{number}");
    }
    assert_eq!(refreshes(&gateway, "rotated"), slow.len() as f64);
}

#[test]
fn a_change_of_the_account_is_taken_over_and_its_end_ends_the_session() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let (tab, admin) = (Tab::of_a_user(&gateway), gateway.admin());
    let change = |to: serde_json::Value| {
        let path = format!("/api/auth/users/{}", tab.claims(ACCESS)["user_id"]);
        assert_eq!(admin.request("PATCH", &path).json(&to).send().status, 200);
    };
    change(json!({"role": "admin"}));
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, kept(&reply).len()), (200, 3));
    assert_eq!(upstream.only().one("x-user-role"), "admin");
    assert_eq!(tab.get("/api/auth/users").status, 200);
    change(json!({"is_active": false}));
    let copy = tab.copied();
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_revoked"));
    assert!(forgets(&reply));
    assert_eq!(upstream.arrived().len(), 1);
    // Somebody else may still have a copy: it is worth nothing.
    let reply = copy.post("/api/auth/refresh?mode=cookie");
    assert_eq!((reply.status, reply.code().as_str(), forgets(&reply)), (404, "user_inactive", true));
}

#[test]
fn without_a_refresh_token_an_access_token_that_is_over_ends_it() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    tab.lose(REFRESH);
    for path in ["/maybe", "/api/todos", "/api/auth/profile"] {
        let reply = tab.bare("GET", path).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_expired"));
        assert!(forgets(&reply) && reply.header("www-authenticate").contains("invalid_token"));
    }
}

#[test]
fn nothing_is_renewed_for_a_page_of_another_origin() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    let reply = tab.bare("POST", "/api/todos").header("sec-fetch-site", "cross-site").send();
    assert_eq!((reply.status, reply.header("set-cookie")), (403, ""));
    assert_eq!(refreshes(&gateway, "rotated"), 0.0);
    // The token of the session is known by what is over, too.
    let reply = tab.bare("POST", "/api/todos").header("x-csrf-token", &tab.cookie(CSRF)).send();
    assert_eq!((reply.status, kept(&reply).len()), (200, 3));
}

#[test]
fn where_the_store_cannot_write_it_is_unavailable_and_the_cookies_are_kept() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let setup = || before(upstream.address).data(folder.path());
    let mut first = setup().start();
    let tab = Tab::of_a_user(&first);
    first.terminate();
    let full = setup().env("GATEWAY__STORE__MIN_FREE_BYTES", "9000000000000000000").start();
    let ask = |gateway: &Gateway, path: &str| {
        let request = gateway.client().get(path).header("cookie", &tab.cookies());
        request.header("sec-fetch-site", "same-origin").send()
    };
    assert_eq!(ask(&full, "/api/todos").status, 200, "what is in force goes on");
    tab.age();
    for path in ["/api/todos", "/maybe", "/api/auth/profile"] {
        let reply = ask(&full, path);
        assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{path}");
        assert!(set_cookies(&reply).is_empty() && !reply.header("retry-after").is_empty());
    }
    drop(full);
    let after = setup().start();
    assert_eq!(ask(&after, "/api/todos").status, 200);
}

#[test]
fn without_redis_it_is_unavailable_and_the_session_lives() {
    let upstream = Upstream::start();
    let mut redis = Redis::start();
    let gateway = before(upstream.address).redis(&redis.url()).start();
    let tab = Tab::of_a_user(&gateway);
    redis.kill();
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (503, "revocation_unavailable"));
    assert!(set_cookies(&reply).is_empty());
    tab.age();
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (503, "revocation_unavailable"));
    assert!(!forgets(&reply), "what was renewed is handed over, or what there was is kept");
    redis.restart();
    crate::support::eventually("the browser goes on", || tab.get("/api/todos").status == 200);
}

#[test]
fn it_counts_against_the_limit_of_refreshes() {
    let gateway = before(Upstream::start().address)
        .env("GATEWAY__LIMITS__REFRESH_ADDRESS", "{requests=1,window_seconds=3600}")
        .start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    assert_eq!(tab.get("/api/todos").status, 200);
    tab.age();
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (429, "rate_limited"));
    assert!(set_cookies(&reply).is_empty() && !reply.header("retry-after").is_empty());
    assert_eq!(refreshes(&gateway, "rate_limited"), 1.0);
}

#[test]
fn a_page_can_ask_for_it_itself() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let path = "/api/auth/refresh?mode=cookie";
    let refresh = tab.claims(REFRESH);
    let reply = tab.post(path);
    assert_eq!(reply.is_served(200), json!({"csrf_token": tab.cookie(CSRF), "expires_in": 3600}));
    assert_eq!(kept(&reply), [ACCESS, REFRESH, CSRF]);
    assert_ne!(tab.claims(REFRESH)["jti"], refresh["jti"]);
    let refused =
        |reply: crate::support::http::Reply| (reply.status, reply.code(), set_cookies(&reply).len());
    let foreign = tab.bare("POST", path).header("sec-fetch-site", "cross-site").send();
    assert_eq!(refused(foreign), (403, "csrf_refused".to_owned(), 0));
    assert_eq!(refused(tab.bare("POST", path).send()), (403, "csrf_refused".to_owned(), 0));
    let both = tab.request("POST", path).json(&json!({"refresh_token": tab.cookie(REFRESH)})).send();
    assert_eq!(refused(both), (400, "invalid_request".to_owned(), 0));
    // Asked for by body, cookies are no refresh token.
    let by_body = tab.request("POST", "/api/auth/refresh").send();
    assert_eq!(refused(by_body), (422, "refresh_token_required".to_owned(), 0));
    tab.lose(REFRESH);
    assert_eq!(refused(tab.post(path)), (422, "refresh_token_required".to_owned(), 0));
    tab.set(REFRESH, &tab.cookie(ACCESS));
    assert_eq!(refused(tab.post(path)), (401, "refresh_token_invalid".to_owned(), 3));
    assert_eq!(tab.cookies(), "");
}

#[test]
fn a_session_lives_through_kill_9_and_so_do_its_pages() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let setup = || before(upstream.address).data(folder.path());
    let mut first = setup().start();
    let tab = Tab::of_a_user(&first);
    tab.age();
    assert_eq!(tab.get("/api/todos").status, 200);
    first.kill();
    let second = setup().start();
    let tab = Tab { client: second.client(), ..tab };
    let reply = tab.bare("POST", "/api/todos").header("x-csrf-token", &tab.cookie(CSRF)).send();
    assert_eq!(reply.status, 200);
    tab.age();
    assert_eq!(tab.get("/api/todos").status, 200);
    assert_eq!(refreshes(&second, "rotated"), 1.0);
}
