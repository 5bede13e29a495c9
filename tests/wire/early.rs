//! What a client sends before it has its answer waits for its turn (RFC 9112 §9.3.2).

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::streaming::Streaming;
use crate::support::upstream::Upstream;

const POST: &str = "POST /public/first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const GET: &str = "GET /public/second HTTP/1.1\r\nHost: a\r\n\r\n";

fn gateway(upstream: &Upstream) -> Gateway {
    Setup::before(upstream.address)
        .route("public", "/public", "todo", "auth = \"public\"")
        .route("app", "/x", "todo", "")
        .start()
}

#[test]
fn what_comes_while_a_request_runs_is_answered_after_it() {
    for early in [GET, &format!("\r\n{GET}"), "\r\n"] {
        let (upstream, gate) = Upstream::gated();
        let gateway = gateway(&upstream);
        let mut raw = Raw::connect(gateway.address);
        raw.send(POST);
        eventually("the service has the first request", || upstream.arrived().len() == 1);
        raw.send(early);
        gate.open();
        let first = raw.reply().unwrap();
        assert_eq!((first.status, first.text()), (200, "ok".to_owned()), "{early:?}");
        let second = if early == "\r\n" { raw.send(GET).reply() } else { raw.reply() };
        assert_eq!(second.map(|reply| reply.status), Some(200), "{early:?}");
        let lines: Vec<_> = upstream.arrived().into_iter().map(|arrived| arrived.line).collect();
        assert_eq!(lines, ["POST /public/first HTTP/1.1", "GET /public/second HTTP/1.1"]);
    }
}

#[test]
fn requests_in_one_segment_are_answered_in_their_order() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    let all = [
        (200, get("/public/a", "")),
        (401, get("/x", "")),
        (200, POST.to_owned()),
        (404, get("/nowhere", "")),
        (401, get("/api/auth/profile", "")),
        (200, format!("\r\n{}", get("/public/b", "Connection: close\r\n"))),
    ];
    let bytes: String = all.iter().map(|(_, bytes)| bytes.as_str()).collect();
    for step in [bytes.len(), 7] {
        let mut raw = Raw::connect(gateway.address);
        for piece in bytes.as_bytes().chunks(step) {
            raw.send(piece);
        }
        for (at, (status, _)) in all.iter().enumerate() {
            let reply = raw.reply().unwrap_or_else(|| panic!("answer {at} is missing"));
            assert_eq!(reply.status, *status, "answer {at}");
            let last = at + 1 == all.len();
            assert_eq!(reply.field("connection").as_deref() == Some("close"), last, "answer {at}: {reply:?}");
        }
        assert_eq!(raw.rest(), "");
    }
}

#[test]
fn who_sends_ahead_and_then_no_more_gets_all_answers() {
    let (upstream, gate) = Upstream::gated();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.address);
    raw.send(format!("{GET}{GET}"));
    raw.stream().shutdown(std::net::Shutdown::Write).unwrap();
    eventually("the service has the first request", || upstream.arrived().len() == 1);
    gate.open();
    assert_eq!(raw.rest().matches("HTTP/1.1 200").count(), 2);
}

#[test]
fn a_client_that_has_left_is_noticed_whatever_it_sent_behind_its_request() {
    let services = Streaming::start();
    let gateway = Setup::new("")
        .upstream("app", &services.http)
        .route("public", "/", "app", "auth = \"public\"\nread_timeout_ms = 600000")
        .start();
    for behind in ["", "\r\n", "GET /half HTTP/1.1\r\nHo"] {
        let mut raw = Raw::connect(gateway.address);
        raw.send(format!("GET /events HTTP/1.1\r\nHost: a\r\n\r\n{behind}"));
        assert_eq!(raw.head().unwrap().status, 200);
        drop(raw);
        let held = || gateway.total("gateway_upstream_server_connections", &[]);
        eventually("the service's connection is given back", || held() == 0.0);
    }
}

#[test]
fn what_follows_an_upgrade_that_was_not_granted_is_not_read_and_the_answer_says_so() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let asks = "GET /public/first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let mut raw = Raw::connect(gateway.address);
    // More than the gateway takes early: closing with it unread would reset the connection.
    let reply = raw.send(format!("{asks}{GET}{}", "x".repeat(300_000))).reply().unwrap();
    assert_eq!((reply.status, reply.text()), (200, "ok".to_owned()));
    assert_eq!(reply.field("connection").as_deref(), Some("close"));
    assert_eq!(raw.rest(), "");
    assert_eq!(upstream.only().line, "GET /public/first HTTP/1.1");
    // Alone it is a request like any other.
    let mut raw = Raw::connect(gateway.address);
    assert_eq!(raw.send(asks).reply().unwrap().status, 200);
    assert_eq!(raw.send(GET).reply().unwrap().status, 200);
}

#[test]
fn a_stream_of_events_goes_on_when_its_client_asks_ahead() {
    let services = Streaming::start();
    let gateway = Setup::new("")
        .upstream("app", &services.http)
        .route("public", "/", "app", "auth = \"public\"")
        .start();
    let mut raw = Raw::connect(gateway.address);
    raw.send("GET /ticking/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    assert_eq!(raw.head().unwrap().status, 200);
    let (mut events, mut blank) = (0, 0);
    while events < 20 {
        let line = raw.line();
        events += usize::from(line.starts_with("data:"));
        if events == 1 && line.starts_with("data:") {
            raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        assert_ne!(line, "HTTP/1.1 400 Bad Request");
        // Lines of chunks come in between, and empty ones; at the end nothing would come at all.
        blank = if line.is_empty() { blank + 1 } else { 0 };
        assert!(blank < 10, "the stream was cut after {events} events");
    }
}
