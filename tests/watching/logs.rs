//! What may be changed of the log while the gateway runs, what it says of people, and its lines about
//! events that matter for who is let in.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use gateway_clock::Stopwatch;
use serde_json::{Value, json};

use crate::issuers::handmade::HandMade;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup, command};
use crate::support::http::Client;
use crate::support::people::fresh_email;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

/// The lines about security events, once this many are there.
fn events(gateway: &Gateway, event: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    eventually(&format!("{count} times {event}"), || {
        let lines = gateway.lines().into_iter();
        found = lines.filter(|line| line["target"] == "security" && line["event"] == event).collect();
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{found:?}");
    found
}

fn counted(gateway: &Gateway, event: &str) -> f64 {
    gateway.metric(&format!("gateway_security_events_total{{event=\"{event}\"}}"))
}

#[test]
fn each_security_event_has_one_line_with_who_and_a_count() {
    let gateway = Setup::before(Upstream::start().address).start();
    let ada = gateway.user();
    let wrong = json!({"email": ada.email, "password": "CANARY-Wrong-1"});
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let failed = ada.client.post("/api/auth/login").header("traceparent", parent).json(&wrong).send();
    assert_eq!(ada.refresh(&ada.refresh, true).status, 200);
    let spare = Setup::before(Upstream::start().address).env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let bob = spare.user();
    assert_eq!(bob.refresh(&bob.refresh, true).status, 200);
    eventually("the old one is a replay", || bob.refresh(&bob.refresh, true).status == 401);
    let admin = gateway.admin();
    let change = admin.request("PATCH", &format!("/api/auth/users/{}", ada.id));
    assert_eq!(change.json(&json!({"role": "admin"})).send().status, 200);
    assert_eq!(admin.log_out().status, 200);

    let line = &events(&gateway, "registered", 1)[0];
    assert_eq!((&line["user_id"], &line["message"]), (&json!(ada.id), &json!("registered")));
    let line = &events(&gateway, "login_failed", 1)[0];
    assert_eq!((&line["reason"], &line["client"]), (&json!("invalid_credentials"), &json!("127.0.0.1")));
    assert_eq!(line["request_id"], failed.header("x-request-id"));
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(line["email"], Value::Null, "not unless asked for");
    assert_eq!(events(&gateway, "login_succeeded", 2)[0]["user_id"], ada.id);
    let line = &events(&gateway, "account_changed", 1)[0];
    assert_eq!((&line["user_id"], &line["by"]), (&json!(ada.id), &json!(admin.id)));
    assert_eq!(line["now"], "admin, active");
    let line = &events(&gateway, "logged_out", 1)[0];
    assert_eq!(line["user_id"], admin.id);
    assert!(line["session"].is_string());
    let line = &events(&spare, "refresh_reused", 1)[0];
    assert_eq!((&line["level"], &line["user_id"]), (&json!("WARN"), &json!(bob.id)));
    for (event, count) in
        [("registered", 1.0), ("login_succeeded", 2.0), ("login_failed", 1.0), ("logged_out", 1.0)]
    {
        assert_eq!(counted(&gateway, event), count, "{event}");
    }
    assert_eq!(counted(&spare, "refresh_reused"), 1.0);
    assert_eq!(spare.metric("gateway_refreshes_total{result=\"reused\"}"), 1.0);
}

#[test]
fn levels_and_rules_are_changed_without_a_restart() {
    let setup = |log: &str| Setup::before("127.0.0.1:9".parse().unwrap()).config(&format!("[log]\n{log}"));
    let gateway = setup("level = \"info\"").start();
    let ask = |gateway: &Gateway| gateway.client().get("/nowhere").send().header("x-request-id").to_owned();
    gateway.says(&ask(&gateway));
    assert!(gateway.reload(&setup("level = \"warn\"")));
    let silent = ask(&gateway);
    assert!(gateway.reload(&setup("level = \"info,gateway::edge=debug\"\naddresses = \"omitted\"")));
    let spoken = ask(&gateway);
    gateway.says(&spoken);
    let log = gateway.log();
    assert!(!log.contains(&silent), "between the two, nothing of a refusal was said");
    let line = log.lines().find(|line| line.contains(&spoken)).unwrap();
    assert!(!line.contains("127.0.0.1"), "{line}");
    assert!(gateway.reload(&setup("access = false")));
    let unsaid = ask(&gateway);
    gateway.client().post("/api/auth/login").json(&json!({"email": "a@example.com", "password": "x"})).send();
    gateway.says("login_failed");
    eventually("and then something else", || gateway.log().contains("login_failed"));
    assert!(!gateway.log().contains(&unsaid));
    // The form stays until a restart, and that is said.
    assert!(!gateway.reload(&setup("format = \"human\"")));
    gateway.says("a change of log.format needs a restart");
}

#[test]
fn a_level_for_requests_alone_silences_their_lines_and_no_others() {
    let setup = |level: &str| {
        Setup::before("127.0.0.1:9".parse().unwrap()).config(&format!("[log]\nlevel = \"{level}\""))
    };
    let gateway = setup("info,access=off").start();
    let ask = |gateway: &Gateway| gateway.client().get("/nowhere").send().header("x-request-id").to_owned();
    let silent = ask(&gateway);
    gateway.client().post("/api/auth/login").json(&json!({"email": "a@example.com", "password": "x"})).send();
    gateway.says("login_failed");
    assert!(gateway.reload(&setup("error,access=info")));
    gateway.says(&ask(&gateway));
    assert!(!gateway.log().contains(&silent));
}

#[test]
fn at_an_ordinary_end_each_request_has_its_line_and_each_line_is_whole() {
    let mut gateway = Setup::before("127.0.0.1:9".parse().unwrap()).start();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let ask = |client: Client| {
            let reply = move |number| client.get(&format!("/nowhere/{number}")).send();
            move || {
                (0..100).map(reply).map(|reply| reply.header("x-request-id").to_owned()).collect::<Vec<_>>()
            }
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask(gateway.client()))).collect();
        asking.into_iter().flat_map(|asking| asking.join().unwrap()).collect()
    });
    assert!(gateway.terminate().success());
    gateway.says("stopped");
    let log = gateway.log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let logged: Vec<_> = lines.filter(|line| line["target"] == "access").collect();
    assert_eq!(logged.len(), ids.len());
    assert!(ids.iter().all(|id| logged.iter().any(|line| line["request_id"] == **id)));
}

#[test]
fn addresses_and_e_mail_addresses_are_shown_as_far_as_the_operator_wants() {
    let email = fresh_email();
    let whole = format!("\"email\":\"{email}\"");
    let shown = [
        ("full", "\"client\":\"127.0.0.1\"", whole.as_str()),
        ("partial", "\"client\":\"127.0.0.0/24\"", "\"email\":\"*@example.com\""),
    ];
    for (rule, address, mail) in shown {
        let log = log_of(rule, &email).0;
        for line in log.lines().filter(|line| line.contains("\"event\":\"login_failed\"")) {
            assert!(line.contains(address) && line.contains(mail), "{rule}: {line}");
        }
    }
    let (_, gateway) = log_of("omitted", &email);
    // A proxy that nobody trusts is warned of.
    gateway.client().get("/nowhere").header("x-forwarded-for", "192.0.2.7").send();
    gateway.says("sends X-Forwarded-For and is not trusted");
    let log = gateway.log();
    let of_clients = log.lines().filter(|line| !line.contains("\"listening\""));
    for line in of_clients {
        assert!(
            !line.contains(&email) && !line.contains("127.0.0.1") && !line.contains("192.0.2.7"),
            "{line}"
        );
    }
}

#[test]
fn a_hash_is_the_same_after_a_restart_and_another_one_elsewhere() {
    let email = fresh_email();
    let (log, mut gateway) = log_of("hashed", &email);
    let of = |log: &str, field: &str| {
        let line = log.lines().find(|line| line.contains("\"event\":\"login_failed\"")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        line[field].as_str().unwrap().to_owned()
    };
    assert!(!log.contains(&email) && !log.contains("127.0.0.1\",\"method"), "{log}");
    let hash = of(&log, "client");
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_ne!(hash, of(&log, "email"));
    gateway.terminate();
    let again = log_with(hashed("hashed").data(&gateway.data), &email).0;
    assert_eq!((of(&again, "client"), of(&again, "email")), (hash.clone(), of(&log, "email")));
    assert_ne!(of(&log_of("hashed", &email).0, "client"), hash, "another gateway has another key");
}

fn hashed(rule: &str) -> Setup {
    Setup::new("").env("GATEWAY__LOG__ADDRESSES", rule).env("GATEWAY__LOG__EMAILS", rule)
}

fn log_of(rule: &str, email: &str) -> (String, Gateway) {
    log_with(hashed(rule), email)
}

/// What is said of a failed login, and of a request.
fn log_with(setup: Setup, email: &str) -> (String, Gateway) {
    let gateway = setup.start();
    let reply =
        gateway.client().post("/api/auth/login").json(&json!({"email": email, "password": "x"})).send();
    assert_eq!(reply.status, 401);
    let id = reply.header("x-request-id").to_owned();
    eventually("both lines are there", || {
        let log = gateway.log();
        log.matches(&id).count() == 2 && log.ends_with('\n')
    });
    (gateway.log(), gateway)
}

#[test]
fn the_log_of_requests_says_where_the_time_went() {
    let upstream = Upstream::that_takes(std::time::Duration::from_millis(60));
    let gateway = Setup::before(upstream.address).start();
    let reply = gateway.user().request("GET", "/api/todos").send();
    let id = reply.header("x-request-id").to_owned();
    gateway.says(&id);
    let log = gateway.log();
    let line: Value = serde_json::from_str(log.lines().find(|line| line.contains(&id)).unwrap()).unwrap();
    let micros = |field: &str| line[field].as_u64().unwrap();
    assert!(micros("first_byte_micros") >= 60_000, "{line}");
    assert!(micros("decision_micros") < micros("first_byte_micros"), "{line}");
    assert!(micros("duration_micros") >= micros("first_byte_micros") + micros("decision_micros"), "{line}");
}

#[test]
fn a_line_of_a_library_says_nothing_of_the_machine_that_built_the_gateway() {
    for format in ["human", "json"] {
        let gateway = Setup::before(Upstream::start().address)
            .config(&HandMade::start().entry("elsewhere", ""))
            .env("GATEWAY__LOG__LEVEL", "trace")
            .env("GATEWAY__LOG__FORMAT", format)
            .start();
        gateway.says("add_parsable_certificates");
        if format == "json" {
            assert_eq!(gateway.line("add_parsable_certificates")["target"], "rustls::webpki::anchors");
        }
        let log = gateway.log();
        for trace in ["log.file", "log.module_path", "log.line", ".cargo", "registry/src"] {
            let line = log.lines().find(|line| line.contains(trace));
            assert!(line.is_none(), "{format}: {trace} is in {line:?}");
        }
    }
}

#[test]
fn what_happened_durably_is_told_also_while_redis_is_away() {
    let mut redis = Redis::start();
    let setup = Setup::before(Upstream::start().address).redis(&redis.url());
    let gateway = setup.env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let (ada, bob) = (gateway.user(), gateway.user());
    assert_eq!(ada.refresh(&ada.refresh, true).status, 200);
    std::thread::park_timeout(std::time::Duration::from_millis(20));
    redis.kill();
    assert_eq!(ada.refresh(&ada.refresh, true).code(), "revocation_unavailable");
    assert_eq!(bob.log_out().code(), "revocation_unavailable");
    assert_eq!(events(&gateway, "refresh_reused", 1)[0]["user_id"], ada.id);
    assert_eq!(events(&gateway, "logged_out", 1)[0]["user_id"], bob.id);
    assert_eq!(gateway.metric("gateway_refreshes_total{result=\"reused\"}"), 1.0);
}

#[test]
fn a_log_that_is_stuck_holds_up_neither_requests_nor_the_end() {
    // Nobody reads the pipe, and whoever read the ready line has gone.
    let mut child = stuck();
    let pid = rustix::process::Pid::from_child(&child.process);
    for number in 0..3_000 {
        assert_eq!(child.client.get(&format!("/nowhere/{number}")).send().status, 404);
    }
    let since = Stopwatch::start();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.process.wait().unwrap().success());
    assert!(since.elapsed() < std::time::Duration::from_secs(15), "{:?}", since.elapsed());
}

/// A gateway whose log goes into a pipe that is full, and whose standard output is closed.
struct Stuck {
    process: Child,
    client: Client,
    _folder: tempfile::TempDir,
}

fn stuck() -> Stuck {
    let folder = tempfile::tempdir().unwrap();
    let mut process = command()
        .args(["demo", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut lines = BufReader::new(process.stdout.take().unwrap());
    while !ready.contains("listening on http://") {
        ready.clear();
        assert!(lines.read_line(&mut ready).unwrap() > 0);
    }
    let address = ready.split("http://").nth(1).unwrap().split([' ', '\n']).next().unwrap().parse().unwrap();
    Stuck { process, client: Client::new(address), _folder: folder }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
