//! The rest of the checklist of `docs/threats.md`: what the other chapters of attacks do not try.

use std::time::Duration;

use serde_json::{Value, json};

use super::Siege;
use super::points::files;
use super::tokens::good;
use crate::support::forge::{claims, encode, sign, sign_text};
use crate::support::gateway::{ACCESS_KEY, Setup};
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::upstream::Upstream;
use crate::support::{eventually, in_parallel};

#[test]
fn a_gateway_with_a_weak_published_or_shared_secret_does_not_start() {
    let other = "another-secret-of-more-than-32-bytes-0123456789";
    for (access, refresh) in [
        ("short", other),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", other),
        ("your-secret-key-change-in-production", other),
        (other, other),
        (other, "short"),
    ] {
        let failed =
            Setup::new("").env("JWT_SECRET_KEY", access).env("JWT_REFRESH_SECRET_KEY", refresh).try_start();
        let failed = failed.err().expect("it started");
        assert_eq!(failed.status.code(), Some(78), "{}", failed.stderr);
        assert!(
            !failed.stderr.contains(access) && !failed.stderr.contains(other),
            "a secret was printed: {}",
            failed.stderr
        );
    }
}

#[test]
fn an_address_of_keys_in_a_token_is_never_visited() {
    let siege = Siege::begin();
    let (keys, text) = (Upstream::start(), good(&siege).to_string());
    for name in ["jku", "x5u"] {
        let header = format!(r#"{{"alg":"RS256","{name}":"http://{}/keys"}}"#, keys.address);
        let token = sign_text(&header, &text, ACCESS_KEY);
        assert_eq!(siege.gateway.client().get("/api/todos").bearer(&token).send().status, 401);
    }
    siege.stands();
    assert!(keys.arrived().is_empty());
}

#[test]
fn no_secret_is_in_an_answer_a_metric_or_a_file_outside_the_keys() {
    let siege = Siege::begin();
    let (ada, client) = (&siege.ada, siege.gateway.client());
    let tag = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let told = [
        ada.get("/api/auth/profile").text(),
        siege.gateway.admin().get("/api/auth/users").text(),
        ada.get("/nowhere").text(),
        siege.gateway.ready().text(),
        client
            .post("/api/auth/login")
            .json(&json!({"email": ada.email, "password": "CANARY-Wrong-1"}))
            .send()
            .text(),
        ada.refresh(&ada.access, false).text(),
        client.get("/api/todos").bearer(&format!("{}x", ada.access)).send().text(),
        client.get(&format!("/api/todos?token={}", ada.access)).send().text(),
    ];
    for text in told {
        for secret in ["CANARY", "argon2", "password_hash", &tag(&ada.access), &tag(&ada.refresh)] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    crate::support::canary(&siege.gateway.metrics());
    for file in files(&siege.gateway.data, "") {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for secret in ["CANARY", &ada.access, &ada.refresh, &tag(&ada.access), &tag(&ada.refresh)] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "a secret is in {}",
                file.display()
            );
        }
    }
}

#[test]
fn a_logout_ends_the_token_and_its_session_at_once_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Setup::new("").data(folder.path()).start();
    let mut gateway = start();
    let ada = gateway.user();
    let elsewhere = gateway.log_in(&ada.email, PASSWORD);
    assert_ne!(claims(&ada.access)["jti"], claims(&elsewhere.access)["jti"]);
    assert_eq!(ada.get("/api/auth/profile").status, 200);
    assert_eq!(ada.log_out().status, 200);
    let refused =
        in_parallel(8, |_| gateway.client().get("/api/auth/profile").bearer(&ada.access).send().code());
    assert_eq!(refused, ["token_revoked"; 8]);
    assert_eq!(ada.refresh(&ada.refresh, false).status, 401);
    assert_eq!(elsewhere.get("/api/auth/profile").status, 200);
    gateway.kill();
    let again = start();
    let ask = |token: &str| again.client().get("/api/auth/profile").bearer(token).send().status;
    assert_eq!((ask(&ada.access), ask(&elsewhere.access)), (401, 200));
}

#[test]
fn a_token_that_is_not_ours_writes_nothing_to_the_blacklist() {
    let siege = Siege::begin();
    for number in 0..50 {
        let forged = sign(&good(&siege), &format!("not the key of this gateway, number {number}"));
        let reply = siege.gateway.client().post("/api/auth/logout").bearer(&forged).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"));
    }
    for kind in ["token", "session", "user"] {
        assert_eq!(siege.gateway.metric(&format!("gateway_revocation_entries{{kind=\"{kind}\"}}")), 0.0);
    }
}

#[test]
fn a_replayed_refresh_token_ends_its_session_and_rotation_does_not_prolong_it() {
    let siege = Siege::with(|setup| setup.env("GATEWAY__REFRESH__GRACE_SECONDS", "0"));
    let ada = &siege.ada;
    let rotated = ada.refresh(&ada.refresh, true).json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&rotated)["exp"], claims(&ada.refresh)["exp"]);
    assert_eq!(ada.refresh(&rotated, false).status, 200);
    assert_eq!(ada.refresh(&ada.refresh, true).status, 401);
    assert_eq!(ada.refresh(&rotated, false).status, 401);
    assert_eq!(ada.get("/api/todos").code(), "token_revoked");
}

#[test]
fn a_change_of_role_or_activity_refuses_the_tokens_already_issued() {
    let siege = Siege::begin();
    let (admin, grace) = (siege.gateway.admin(), siege.gateway.user());
    let change = |id: u64, change: Value| {
        admin.request("PATCH", &format!("/api/auth/users/{id}")).json(&change).send().status
    };
    assert_eq!(change(grace.id, json!({"role": "admin"})), 200);
    assert_eq!(grace.get("/api/todos").code(), "token_revoked");
    let raised = siege.gateway.log_in(&grace.email, PASSWORD);
    assert_eq!(raised.get("/api/admin").status, 200);
    assert_eq!(change(grace.id, json!({"is_active": false})), 200);
    assert_eq!(raised.get("/api/todos").status, 401);
    assert_eq!(raised.refresh(&raised.refresh, false).status, 404);
    let login = |password: &str| {
        siege
            .gateway
            .client()
            .post("/api/auth/login")
            .json(&json!({"email": grace.email, "password": password}))
            .send()
            .status
    };
    assert_eq!((login(PASSWORD), login("Wrong-Password-1")), (403, 401));
}

#[test]
fn an_unknown_user_and_a_wrong_password_are_told_the_same_after_the_same_work() {
    let siege = Siege::begin();
    let done = || siege.gateway.metric("gateway_password_hash_jobs_total{result=\"done\"}");
    // One for each registration and login so far.
    let before = done();
    let login = |email: &str| {
        let wrong = json!({"email": email, "password": "Wrong-Password-1"});
        let reply = siege.gateway.client().post("/api/auth/login").json(&wrong).send();
        let mut body = reply.json();
        body.as_object_mut().unwrap().remove("request_id");
        (reply.status, body)
    };
    let known = login(&siege.ada.email);
    assert_eq!(known.0, 401);
    for (tried, unknown) in ["nobody@example.com", "nobody", "a@b@c", "\u{0}@example.com"].iter().enumerate()
    {
        assert_eq!(login(unknown), known, "{unknown}");
        eventually("a hash was computed", || done() >= before + 2.0 + tried as f64);
    }
}

#[test]
fn a_stranger_who_guesses_locks_nobody_out() {
    let siege = Siege::with(|setup| {
        let trusting = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1/32"]"#);
        trusting.env("GATEWAY__LIMITS__LOGIN_ACCOUNT_ADDRESS", "{requests=3,window_seconds=600}")
    });
    let login = |from: &str, password: &str| {
        let request = siege.gateway.client().post("/api/auth/login").header("x-forwarded-for", from);
        request.json(&json!({"email": siege.ada.email, "password": password})).send().status
    };
    let guesses: Vec<_> = (0..5).map(|_| login("100.64.0.1", "Wrong-Password-1")).collect();
    assert_eq!(guesses, [401, 401, 401, 429, 429]);
    assert_eq!(login("100.64.0.1", PASSWORD), 429);
    assert_eq!(login("100.64.0.2", PASSWORD), 200);
}

#[test]
fn one_address_is_registered_once_however_many_try_and_not_without_limit() {
    let siege = Siege::with(|setup| {
        setup.env("GATEWAY__LIMITS__REGISTER_ADDRESS", "{requests=13,window_seconds=600}")
    });
    let email = fresh_email();
    let spelled = |number: usize| if number.is_multiple_of(2) { email.clone() } else { email.to_uppercase() };
    let register = |email: &str| {
        siege
            .gateway
            .client()
            .post("/api/auth/register")
            .json(&json!({"email": email, "password": PASSWORD}))
            .send()
            .status
    };
    // One of thirteen is Ada's own.
    let mut statuses = in_parallel(12, |number| register(&spelled(number)));
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, [422; 11].as_slice()));
    assert_eq!(register(&fresh_email()), 429);
}

#[test]
fn a_client_cannot_give_itself_a_role_an_id_or_a_state() {
    let siege = Siege::begin();
    let email = fresh_email();
    let wishes = json!({"email": email, "password": PASSWORD, "role": "admin", "roles": ["admin"], "is_admin": true, "id": 1, "user_id": 1, "is_active": false, "password_hash": "x", "gen": 99, "__proto__": {"role": "admin"}});
    assert_eq!(siege.gateway.client().post("/api/auth/register").json(&wishes).send().status, 201);
    let grace = siege.gateway.log_in(&email, PASSWORD);
    assert_eq!(grace.request("PUT", "/api/auth/profile").json(&wishes).send().status, 200);
    let refreshed = grace.refresh(&grace.refresh, false).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        (claims(&refreshed)["role"].clone(), claims(&refreshed)["user_id"].clone()),
        (json!("user"), json!(grace.id))
    );
    assert_eq!(grace.get("/api/auth/profile").json()["user"]["role"], "user");
    for (method, path) in [
        ("GET", "/api/auth/users".to_owned()),
        ("PATCH", format!("/api/auth/users/{}", grace.id)),
        ("GET", format!("/api/auth/users/{}", siege.ada.id)),
    ] {
        assert_eq!(
            grace.request(method, &path).json(&json!({"role": "admin"})).send().code(),
            "admin_required",
            "{method} {path}"
        );
    }
    assert_eq!(grace.get("/api/admin").code(), "insufficient_scope");
}

#[test]
fn an_upstream_that_does_not_answer_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!(
        "[[upstreams]]\nname = \"silent\"\naddress = \"{}\"\nread_timeout_ms = 300\n",
        silent.local_addr().unwrap()
    );
    let gateway = Setup::new(&config).route("silent", "/silent", "silent", "auth = \"public\"").start();
    let begun = gateway_clock::Stopwatch::start();
    let reply = gateway.client().get("/silent").send();
    assert_eq!((reply.status, reply.code().as_str()), (504, "upstream_timeout"));
    assert!(begun.elapsed() < Duration::from_secs(15) && !reply.header("retry-after").is_empty());
}

#[test]
fn every_refusal_is_json_for_nobodys_cache_and_without_a_word_of_the_machinery() {
    let siege = Siege::begin();
    let (ada, client) = (&siege.ada, siege.gateway.client());
    let stranger = "https://evil.example";
    let refusals = [
        (401, client.get("/api/todos").header("origin", stranger).send()),
        (404, ada.request("GET", "/nowhere").header("origin", stranger).send()),
        (405, ada.request("DELETE", "/api/auth/login").header("origin", stranger).send()),
        (
            400,
            client
                .post("/api/auth/login")
                .header("content-type", "application/json")
                .body("{\"email\":")
                .send(),
        ),
        (422, client.post("/api/auth/login").json(&json!({"email": 1, "password": []})).send()),
        (415, client.post("/api/auth/login").body("a=b").send()),
        (403, ada.get("/api/admin")),
        (403, client.get("/api/auth/verify").send()),
        (404, siege.gateway.admin().get("/api/auth/users/99999999999999999999")),
        (400, ada.get("/api//todos")),
        (401, client.get("/api/todos").bearer("x").header("origin", stranger).send()),
        (
            405,
            client
                .request("OPTIONS", "/api/auth/login")
                .header("origin", stranger)
                .header("access-control-request-method", "POST")
                .send(),
        ),
    ];
    for (status, reply) in refusals {
        let text = reply.text();
        assert_eq!(reply.status, status, "{text}");
        assert!(reply.json()["error"].is_string() || reply.json()["errors"].is_array(), "{text}");
        for word in
            ["serde", "sled", "redis", "axum", "pingora", "panicked", "src/", ".rs", "line 1", "column"]
        {
            assert!(!text.to_lowercase().contains(word), "{word} in {text}");
        }
        assert_eq!(
            (reply.header("cache-control"), reply.header("x-content-type-options")),
            ("no-store", "nosniff"),
            "{text}"
        );
        assert!(
            reply.header("server").is_empty() && reply.header("access-control-allow-origin").is_empty(),
            "{:?}",
            reply.headers
        );
        assert_eq!(status == 405, !reply.header("allow").is_empty(), "{:?}", reply.headers);
        let challenge = reply.header("www-authenticate");
        assert_eq!(
            challenge.starts_with("Bearer realm="),
            status == 401 || reply.code() == "insufficient_scope",
            "{challenge}"
        );
        assert_eq!(challenge.contains("invalid_token"), reply.code() == "token_invalid", "{challenge}");
    }
    assert_eq!(ada.get("/api/auth/profile").header("cache-control"), "no-store");
}

#[test]
fn each_decision_is_one_line_of_the_log_and_a_client_cannot_write_another() {
    let siege = Siege::begin();
    let targets = [
        "/api/a%20b?secret=CANARY",
        "/api/%C2%85%E2%80%A8",
        "/api/%22,%22user_id%22:1",
        "/api/$%7Bjndi:ldap%7D",
    ];
    for target in targets {
        let reply = siege.ada.request("GET", target).header("user-agent", "x\",\"user_id\":1").send();
        let id = reply.header("x-request-id").to_owned();
        eventually("the line is written", || siege.gateway.log().contains(&id));
        let log = siege.gateway.log();
        let lines: Vec<Value> = log
            .lines()
            .filter(|line| line.contains(&id))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (lines.len(), lines[0]["user_id"].as_u64(), lines[0]["outcome"].as_str()),
            (1, Some(siege.ada.id), Some("ok")),
            "{lines:?}"
        );
    }
    let refused = siege.gateway.client().get("/api/todos").bearer(&encode("x")).send();
    eventually("the refusal is written", || siege.gateway.log().contains(refused.header("x-request-id")));
    let log = siege.gateway.log();
    let line = log.lines().find(|line| line.contains(refused.header("x-request-id"))).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["outcome"], "token_invalid");
}
