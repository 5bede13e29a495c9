//! Limits: for each user once known, for each address before that, and how both are told.

use serde_json::json;

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::stores::on_both_stores;
use crate::support::upstream::Upstream;

on_both_stores!(
    a_user_has_one_allowance_whatever_the_token_and_the_path,
    another_user_is_not_concerned,
    the_fields_say_what_is_left_in_the_form_of_the_draft,
    a_route_may_have_an_allowance_of_its_own,
    an_upstreams_own_limits_are_told_beside_ours,
    a_refused_token_spends_nobodys_allowance,
    a_lacking_role_is_charged_and_told,
    failed_authentications_are_bounded_by_address,
    registrations_and_refreshes_are_bounded_by_address,
    an_ipv6_network_is_one_address,
    who_has_many_ipv6_networks_has_little_more_for_it,
    one_member_of_a_household_uses_up_nothing_of_the_others,
    logouts_are_bounded_by_address,
    an_untrusted_client_cannot_choose_its_address,
    no_limit_is_told_where_there_is_none,
);

const TRUSTING: (&str, &str) = ("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);

fn a_user_has_one_allowance_whatever_the_token_and_the_path(setup: Setup) {
    let (gateway, upstream) = limited(setup, 4);
    let phone = gateway.user();
    let laptop = gateway.log_in(&phone.email, PASSWORD);
    for reply in [phone.get("/a"), laptop.get("/b"), phone.get("/api/auth/profile"), laptop.get("/a/b")] {
        assert_eq!(reply.status, 200);
    }
    for refused in [phone.get("/a"), laptop.get("/b"), laptop.get("/api/auth/profile")] {
        is_limited(&refused, "user", 900);
    }
    assert_eq!(upstream.arrived().len(), 3);
}

fn another_user_is_not_concerned(setup: Setup) {
    let (gateway, _upstream) = limited(setup, 1);
    let (ada, eve) = (gateway.user(), gateway.user());
    assert_eq!(ada.get("/a").status, 200);
    assert_eq!(ada.get("/a").status, 429);
    assert_eq!(eve.get("/a").status, 200);
    assert_eq!(gateway.client().get("/a").send().status, 401);
}

fn the_fields_say_what_is_left_in_the_form_of_the_draft(setup: Setup) {
    let (gateway, _upstream) = limited(setup, 3);
    let ada = gateway.user();
    // 3 in an hour: each takes 20 minutes to come back.
    for (path, limit) in [
        ("/a", r#""user";r=2;t=1200"#),
        ("/api/auth/profile", r#""user";r=1;t=2400"#),
        ("/a", r#""user";r=0;t=3600"#),
    ] {
        let reply = ada.get(path);
        assert_eq!((reply.status, reply.header("ratelimit")), (200, limit));
        assert_eq!(reply.header("ratelimit-policy"), r#""user";q=3;w=3600"#);
        assert_eq!(reply.header("retry-after"), "");
    }
    let refused = ada.get("/a");
    is_limited(&refused, "user", 1_200);
    assert_eq!(refused.header("ratelimit-policy"), r#""user";q=3;w=3600"#);
}

fn a_route_may_have_an_allowance_of_its_own(setup: Setup) {
    let limit = |requests: u32| format!("user_limit = {{ requests = {requests}, window_seconds = 3600 }}");
    let upstream = Upstream::start();
    let address = upstream.address.to_string();
    let setup = setup
        .upstream("up", &address)
        .route("few", "/few", "up", &limit(1))
        .route("free", "/free", "up", r#"user_limit = "unlimited""#)
        .route("usual", "/usual", "up", "");
    let gateway = setup.env("GATEWAY__LIMITS__USER", "{requests=2,window_seconds=3600}").start();
    let ada = gateway.user();
    let statuses = |path: &str| [ada.get(path).status, ada.get(path).status, ada.get(path).status];
    assert_eq!(statuses("/few"), [200, 429, 429]);
    assert_eq!(statuses("/free"), [200, 200, 200]);
    assert_eq!(statuses("/usual"), [200, 200, 429]);
    assert_eq!(ada.get("/few").header("ratelimit-policy"), r#""user";q=1;w=3600"#);
    assert_eq!(ada.get("/free").header("ratelimit"), "");
}

fn an_upstreams_own_limits_are_told_beside_ours(setup: Setup) {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRateLimit: \"theirs\";r=5;t=9\r\nRateLimit-Policy: \"theirs\";q=6;w=10\r\n\r\nok";
    let upstream = Upstream::answering(answer);
    let address = upstream.address.to_string();
    let setup = setup.upstream("up", &address).route("a", "/a", "up", "").route(
        "open",
        "/open",
        "up",
        "auth = \"public\"",
    );
    let gateway = setup.env("GATEWAY__LIMITS__USER", "{requests=2,window_seconds=3600}").start();
    let all = |reply: &Reply, name: &str| -> Vec<String> {
        let values = reply.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
        values.flat_map(|value| value.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let reply = gateway.user().get("/a");
    assert_eq!(all(&reply, "ratelimit"), [r#""theirs";r=5;t=9"#, r#""user";r=1;t=1800"#]);
    assert_eq!(all(&reply, "ratelimit-policy"), [r#""theirs";q=6;w=10"#, r#""user";q=2;w=3600"#]);
    let open = gateway.client().get("/open").send();
    assert_eq!(all(&open, "ratelimit"), [r#""theirs";r=5;t=9"#]);
}

/// A thief with a token that was revoked must not lock its owner out.
fn a_refused_token_spends_nobodys_allowance(setup: Setup) {
    let (gateway, _upstream) = limited(setup, 2);
    let stolen = gateway.user();
    assert_eq!(stolen.log_out().status, 200);
    for _ in 0..5 {
        assert_eq!(stolen.get("/a").code(), "token_revoked");
    }
    let owner = gateway.log_in(&stolen.email, PASSWORD);
    assert_eq!(owner.get("/a").header("ratelimit"), r#""user";r=1;t=1800"#);
}

fn a_lacking_role_is_charged_and_told(setup: Setup) {
    let (gateway, upstream) = limited(setup, 2);
    let ada = gateway.user();
    for left in [r#""user";r=1;t=1800"#, r#""user";r=0;t=3600"#] {
        let refused = ada.get("/admin");
        refused.is_refused(403, "Insufficient scope", "insufficient_scope");
        assert_eq!(refused.header("ratelimit"), left);
    }
    is_limited(&ada.get("/admin"), "user", 1_800);
    assert!(upstream.arrived().is_empty());
}

fn failed_authentications_are_bounded_by_address(setup: Setup) {
    let limit = ("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "{requests=3,window_seconds=3600}");
    let (gateway, _upstream) = limited(setup.env(limit.0, limit.1).env(TRUSTING.0, TRUSTING.1), 100);
    let ada = gateway.user();
    let from = |address: &str, token: &str, path: &str| {
        gateway.client().get(path).header("x-forwarded-for", address).bearer(token).send()
    };
    let logs_out = |token: &str| {
        let request = gateway.client().post("/api/auth/logout").header("x-forwarded-for", "192.0.2.1");
        request.bearer(token).send()
    };
    for path in ["/a", "/api/auth/profile"] {
        from("192.0.2.1", "guess", path).is_refused(401, "Invalid or expired token", "token_invalid");
    }
    logs_out("guess").is_refused(401, "Invalid or expired token", "token_invalid");
    is_limited(&logs_out("guess"), "failed-authentication-address", 1_200);
    for path in ["/a", "/api/auth/profile"] {
        is_limited(&from("192.0.2.1", "guess", path), "failed-authentication-address", 1_200);
    }
    assert_eq!(from("192.0.2.2", "guess", "/a").status, 401);
    assert_eq!(from("192.0.2.1", &ada.access, "/a").status, 200);
    assert_eq!(gateway.client().get("/a").header("x-forwarded-for", "192.0.2.1").send().status, 401);
    assert_eq!(logs_out(&ada.access).status, 200);
}

fn registrations_and_refreshes_are_bounded_by_address(setup: Setup) {
    let setup = setup.env(TRUSTING.0, TRUSTING.1);
    let setup = setup.env("GATEWAY__LIMITS__REGISTER_ADDRESS", "{requests=2,window_seconds=3600}");
    let gateway = setup.env("GATEWAY__LIMITS__REFRESH_ADDRESS", "{requests=2,window_seconds=3600}").start();
    let ada = gateway.user();
    let refresh = json!({"refresh_token": ada.refresh});
    for (path, body, name, right) in [
        (
            "/api/auth/register",
            json!({"email": fresh_email(), "password": PASSWORD}),
            "register-address",
            201,
        ),
        ("/api/auth/refresh", refresh, "refresh-address", 200),
    ] {
        let from = |address: &str, body: &serde_json::Value| {
            gateway.client().post(path).header("x-forwarded-for", address).json(body).send()
        };
        let reply = from("192.0.2.1", &body);
        assert_eq!(
            (reply.status, reply.header("ratelimit")),
            (right, format!("\"{name}\";r=1;t=1800").as_str())
        );
        assert_eq!(from("192.0.2.1", &json!({"x": 1})).status, 422);
        is_limited(&from("192.0.2.1", &body), name, 1_800);
        assert_ne!(from("192.0.2.2", &body).status, 429);
    }
}

fn an_ipv6_network_is_one_address(setup: Setup) {
    let setup = setup.env(TRUSTING.0, TRUSTING.1);
    let gateway = setup.env("GATEWAY__LIMITS__REGISTER_ADDRESS", "{requests=1,window_seconds=3600}").start();
    let status = |address: &str| {
        let body = json!({"email": fresh_email(), "password": PASSWORD});
        gateway
            .client()
            .post("/api/auth/register")
            .header("x-forwarded-for", address)
            .json(&body)
            .send()
            .status
    };
    assert_eq!(status("2001:db8:1:2::1"), 201);
    assert_eq!(status("2001:db8:1:2:ffff:ffff:ffff:ffff"), 429);
    assert_eq!(status("[2001:db8:1:2::7]:1234"), 429);
    assert_eq!(status("2001:db8:1:3::1"), 201);
    assert_eq!(status("192.0.2.1"), 201);
    assert_eq!(status("::ffff:192.0.2.1"), 429);
    assert_eq!(status("192.0.2.2"), 201);
}

/// One /56 has 256 networks, and a /48 has 65,536.
fn who_has_many_ipv6_networks_has_little_more_for_it(setup: Setup) {
    let gateway = counting_logins(setup);
    let passed = |household: u32| {
        let from = |network: u32| format!("2001:db8:1:{household:x}{network:02x}::1");
        (0..40).filter(|network| !is_over(&gateway, &from(*network))).count()
    };
    assert_eq!([1, 2, 3, 4, 5].map(passed), [8, 8, 8, 8, 0], "of 2 for one network");
    assert!(!is_over(&gateway, "2001:db8:2::1"));
    let told = gateway.try_log_in_from("2001:db8:2:1::1", "ada@example.com", "");
    assert_eq!(told.status, 422);
    // As before.
    assert_eq!([1, 2, 3].map(|_| is_over(&gateway, "192.0.2.1")), [false, false, true]);
}

fn one_member_of_a_household_uses_up_nothing_of_the_others(setup: Setup) {
    let gateway = counting_logins(setup);
    let passed =
        |member: u32| (0..20).filter(|_| !is_over(&gateway, &format!("2001:db8:1:{member}::1"))).count();
    assert_eq!([1, 2, 3, 4, 5].map(passed), [2, 2, 2, 2, 0]);
}

/// Two in an hour for each network. What is no login is counted, too, and costs no hash.
fn counting_logins(setup: Setup) -> Gateway {
    let setup = setup.env(TRUSTING.0, TRUSTING.1);
    setup.env("GATEWAY__LIMITS__LOGIN_ADDRESS", "{requests=2,window_seconds=3600}").start()
}

fn is_over(gateway: &Gateway, from: &str) -> bool {
    let reply = gateway.try_log_in_from(from, "ada@example.com", "");
    assert!(reply.status == 422 || reply.status == 429, "{reply:?}");
    reply.status == 429
}

fn logouts_are_bounded_by_address(setup: Setup) {
    let setup = setup.env(TRUSTING.0, TRUSTING.1);
    let gateway = setup.env("GATEWAY__LIMITS__LOGOUT_ADDRESS", "{requests=3,window_seconds=3600}").start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let logs_out = |from: &str, token: &str| {
        let request = gateway.client().post("/api/auth/logout").header("x-forwarded-for", from);
        request.bearer(token).send()
    };
    let told = logs_out("192.0.2.1", &ada.access);
    assert_eq!((told.status, told.header("ratelimit")), (200, r#""logout-address";r=2;t=1200"#));
    assert_eq!([1, 2].map(|_| logs_out("192.0.2.1", &ada.access).status), [200; 2]);
    is_limited(&logs_out("192.0.2.1", &bob.access), "logout-address", 1_200);
    assert_eq!(logs_out("192.0.2.2", &bob.access).status, 200);
}

fn an_untrusted_client_cannot_choose_its_address(setup: Setup) {
    let gateway = setup.env("GATEWAY__LIMITS__REGISTER_ADDRESS", "{requests=2,window_seconds=3600}").start();
    let status = |number: u32| {
        let body = json!({"email": fresh_email(), "password": PASSWORD});
        let request =
            gateway.client().post("/api/auth/register").header("x-real-ip", &format!("192.0.2.{number}"));
        request.header("x-forwarded-for", &format!("192.0.2.{number}")).json(&body).send().status
    };
    assert_eq!([status(1), status(2), status(3), status(4)], [201, 201, 429, 429]);
}

fn no_limit_is_told_where_there_is_none(setup: Setup) {
    let gateway = setup.env("GATEWAY__LIMITS__USER", "unlimited").start();
    let reply = gateway.user().get("/api/auth/profile");
    assert_eq!((reply.status, reply.header("ratelimit"), reply.header("ratelimit-policy")), (200, "", ""));
}

/// Routes `/a`, `/b` and, for administrators, `/admin`, with so many requests in an hour for each user.
fn limited(setup: Setup, requests: u32) -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    let address = upstream.address.to_string();
    let limit = format!("{{requests={requests},window_seconds=3600}}");
    let setup = setup
        .env("GATEWAY__LIMITS__USER", &limit)
        .upstream("up", &address)
        .route("a", "/a", "up", "")
        .route("b", "/b", "up", "")
        .route("admins", "/admin", "up", r#"roles = ["admin"]"#);
    (setup.start(), upstream)
}

/// Refused by this policy, with a wait of at most so many seconds, told alike in both fields.
#[track_caller]
pub(super) fn is_limited(reply: &Reply, policy: &str, seconds_max: u64) {
    reply.is_refused(429, "Too many requests", "rate_limited");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=seconds_max).contains(&wait), "{wait}");
    assert_eq!(reply.header("ratelimit"), format!("\"{policy}\";r=0;t={wait}"));
    assert!(reply.header("ratelimit-policy").starts_with(&format!("\"{policy}\";q=")));
}
