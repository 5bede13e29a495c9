//! The log: one line a request for programs to read, and nothing in it that a client could forge
//! or that anybody should not see.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::PASSWORD;
use crate::support::raw::{Raw, exchange};
use crate::support::upstream::Upstream;

/// All lines; each of them must be a JSON object.
fn lines(gateway: &Gateway) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    let lines: Vec<Value> = gateway.log().lines().map(parse).collect();
    assert!(lines.iter().all(Value::is_object));
    lines
}

fn access_lines(gateway: &Gateway) -> Vec<Value> {
    lines(gateway).into_iter().filter(|line| line["target"] == "access").collect()
}

/// The access line of one request: it is written after its answer.
fn line_of(gateway: &Gateway, request_id: &str) -> Value {
    let mut found = Vec::new();
    eventually("the request is logged", || {
        if !gateway.log().ends_with('\n') {
            return false;
        }
        found = access_lines(gateway);
        found.retain(|line| line["request_id"] == request_id);
        !found.is_empty()
    });
    assert_eq!(found.len(), 1, "one line a request");
    found.remove(0)
}

#[test]
fn each_request_has_one_line_with_what_became_of_it() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    let reply = ada.request("GET", "/api/todos/7?page=2").send();
    let line = line_of(&gateway, reply.header("x-request-id"));
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/api/todos/7");
    assert_eq!((&line["route"], &line["status"]), (&json!("todos"), &json!(200)));
    assert_eq!((&line["outcome"], &line["user_id"]), (&json!("ok"), &json!(ada.id)));
    assert_eq!((&line["client"], &line["level"]), (&json!("127.0.0.1"), &json!("INFO")));
    assert_eq!(line["response_bytes"], 2);
    assert!(line["duration_micros"].as_u64().unwrap() > 0);
    let exotic = ada.request("FROBNICATE", "/api/todos").send();
    assert_eq!(line_of(&gateway, exotic.header("x-request-id"))["method"], "OTHER");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_reason_is_the_same_in_the_answer_the_log_and_the_metrics() {
    let gateway = Setup::before(Upstream::answering("").address).start();
    let ada = gateway.user();
    let gone = gateway.user();
    gone.log_out();
    let client = gateway.client();
    let login = |body: Value| client.post("/api/auth/login").json(&body);
    let wrong = json!({"email": ada.email, "password": "CANARY-Wrong-1"});
    let cases = [
        ("token_missing", "todos", "deny", client.get("/api/todos")),
        ("token_invalid", "todos", "deny", client.get("/api/todos").bearer("x")),
        ("token_revoked", "todos", "deny", gone.request("GET", "/api/todos")),
        ("upstream_unreachable", "todos", "error", ada.request("GET", "/api/todos")),
        ("ambiguous_path", "none", "deny", client.get("/api//todos")),
        ("not_found", "none", "deny", client.get("/nowhere")),
        ("invalid_credentials", "gateway", "deny", login(wrong)),
        ("credentials_required", "gateway", "deny", login(json!({"email": ada.email}))),
        ("admin_required", "gateway", "deny", ada.request("GET", "/api/auth/users")),
        ("method_not_allowed", "gateway", "deny", client.get("/api/auth/login")),
    ];
    for (code, route, decision, request) in cases {
        let labels = [("decision", decision), ("reason", code), ("route", route)];
        let count = || gateway.total("gateway_auth_decisions_total", &labels);
        let before = count();
        let reply = request.send();
        assert_eq!(reply.code(), code);
        let id = reply.json()["request_id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("x-request-id"), id);
        let line = line_of(&gateway, &id);
        assert_eq!((&line["outcome"], &line["route"]), (&json!(code), &json!(route)));
        assert_eq!(line["status"], reply.status);
        assert_eq!(count() - before, 1.0, "{labels:?}");
    }
}

#[test]
fn no_query_no_token_no_password_and_no_address_is_in_an_access_line() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    let client = gateway.client();
    let mark = "secret-in-the-query";
    let requests = [
        ada.request("GET", &format!("/api/todos?token={mark}")),
        client.get(&format!("/api/todos?access_token={}", ada.access)),
        client.get(&format!("/nowhere?{mark}")),
        client.get(&format!("/api//todos?{mark}")),
        client.get("/api/todos").bearer(&format!("{}x", ada.access)),
        client.get("/api/todos").header("cookie", mark).header("referer", &format!("https://x/?{mark}")),
        client.post("/api/auth/login").json(&json!({"email": ada.email, "password": PASSWORD})),
        client.post(&format!("/api/auth/login?password={mark}")).json(&json!({"email": mark})),
        client.post("/api/auth/refresh").json(&json!({"refresh_token": ada.refresh})),
        ada.request("GET", "/api/auth/profile"),
    ];
    let expected: Vec<_> =
        requests.into_iter().map(|request| request.send().header("x-request-id").to_owned()).collect();
    for id in expected {
        line_of(&gateway, &id);
    }
    let log = gateway.log();
    for secret in [mark, &ada.access, &ada.refresh, PASSWORD, &ada.email] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in {line:?}");
    }
}

/// Everything that a client chooses, with line breaks in it that could begin a line of its own.
const FORGERIES: [&str; 8] = [
    "GET /x%0d%0a%7B%22forged%22:1%7D HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /x\n{\"forged\":1} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /x?\r\n{\"forged\":1} HTTP/1.1\r\nHost: x\r\n\r\n",
    "G\u{1b}ET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /\u{1b}[2Jforged HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /\u{85}forged\u{2028}forged HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\n{\"forged\":1}\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nUser-Agent: \u{1b}{\"forged\":1}\r\n\r\n",
];

#[test]
fn a_client_cannot_forge_a_line() {
    for format in ["json", "human"] {
        let gateway = Setup::new("").env("GATEWAY__LOG__FORMAT", format).start();
        for forgery in FORGERIES {
            exchange(gateway.address, forgery);
        }
        let email = "a@example.com\r\n{\"forged\":1}";
        let body = json!({"email": email, "password": "CANARY\n{\"forged\":1}"});
        let reply = gateway.client().post("/api/auth/login").json(&body).send();
        assert_eq!(reply.status, 401);
        let id = reply.header("x-request-id").to_owned();
        eventually("all is logged", || gateway.log().matches(&id).count() == 2);
        let log = gateway.log();
        assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log:?}");
        assert!(!log.contains('\u{85}') && !log.contains('\u{2028}'), "{log:?}");
        for line in log.lines() {
            assert!(!line.contains("\"forged\""), "{line}");
            assert!(line.contains("INFO") || line.contains("WARN"), "no line of ours: {line}");
        }
    }
}

#[test]
fn the_log_is_json_when_nobody_watches_a_terminal_and_human_when_asked_for() {
    let gateway = Setup::new("").start();
    let says = |line: &Value| line["message"] == "listening";
    eventually("it says so", || gateway.log().ends_with("\n") && lines(&gateway).iter().any(says));
    let human = Setup::new("[log]\nformat = \"human\"").start();
    eventually("it says that it listens", || human.log().contains("listening"));
    let log = human.log();
    assert!(serde_json::from_str::<Value>(log.lines().next().unwrap()).is_err(), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours into a file: {log}");
}

#[test]
fn the_access_log_can_be_switched_off_and_the_level_chosen() {
    let quiet = Setup::new("[log]\naccess = false").start();
    let reply = quiet.client().get("/nowhere").send();
    let wrong = json!({"email": "a@example.com", "password": "wrong"});
    quiet.client().post("/api/auth/login").json(&wrong).send();
    eventually("the failed login is logged", || quiet.log().contains("login failed"));
    assert!(!quiet.log().contains(reply.header("x-request-id")));
    assert!(access_lines(&quiet).is_empty());
    let mut silent = Setup::new("[log]\nlevel = \"off\"").start();
    assert_eq!(silent.client().get("/nowhere").send().status, 404);
    silent.terminate();
    assert_eq!(silent.last_words(), "");
}

#[test]
fn a_client_that_leaves_early_gets_its_line_too() {
    let (upstream, gate) = Upstream::gated();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    let mut request = Raw::connect(gateway.address);
    request
        .send(format!("GET /api/todos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.access));
    eventually("it is at the upstream", || upstream.arrived().len() == 1);
    drop(request);
    gate.open();
    let leave = |line: &Value| line["route"] == "todos" && line["user_id"] == ada.id;
    eventually("it is logged", || gateway.log().ends_with('\n') && access_lines(&gateway).iter().any(leave));
}

#[test]
fn what_the_warnings_of_a_configuration_say_is_in_the_log() {
    let gateway = Setup::before(Upstream::start().address)
        .upstream("far", "192.0.2.1:80")
        .env("GATEWAY__REFRESH__ROTATION", "always")
        .env("GATEWAY__LIMITS__USER", "unlimited")
        .start();
    gateway.says("\"listening\"");
    let warned: Vec<_> = lines(&gateway)
        .into_iter()
        .filter(|line| line["level"] == "WARN")
        .map(|line| line["message"].to_string())
        .collect();
    for expected in ["limits.user = ", "upstreams: `far` (192.0.2.1:80) is reached over TCP"] {
        assert!(warned.iter().any(|warning| warning.contains(expected)), "{expected}: {warned:?}");
    }
    // What each machine has is no alarm.
    assert!(!warned.iter().any(|warning| warning.contains("`todo`")), "{warned:?}");
}
