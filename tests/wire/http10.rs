//! Clients of HTTP/1.0: they know neither chunks nor interim answers (RFC 9112 §6.1, RFC 9110 §15.2), and
//! need not say for whom they ask.

use crate::support::gateway::{Gateway, Setup};
use crate::support::nginx::Nginx;
use crate::support::raw::Raw;
use crate::support::scripted::service;
use crate::support::streaming::Streaming;
use crate::support::upstream::Upstream;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
const EARLY: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";

/// `/name/…` of everybody goes to each of these addresses; `more` are lines of its upstream.
fn before(services: &[(&str, &str, &str)]) -> Gateway {
    let all = services.iter().fold(Setup::new(""), |setup, (name, address, more)| {
        let upstream = format!("[[upstreams]]\nname = \"{name}\"\naddress = \"{address}\"\n{more}");
        setup.config(&upstream).route(name, &format!("/{name}"), name, "auth = \"public\"")
    });
    all.start()
}

/// What comes back until the connection ends.
fn ask(gateway: &Gateway, target: &str, fields: &str) -> (String, String) {
    let request = format!("GET {target} HTTP/1.0\r\nHost: a\r\n{fields}\r\n");
    let seen = Raw::connect(gateway.address).send(request).rest();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{target}: {seen}"));
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn an_answer_of_no_known_length_ends_with_its_connection_and_has_no_chunks() {
    let open = "HTTP/1.1 200 OK\r\n\r\nhello";
    let (chunked, open) = (service(CHUNKED).to_string(), service(open).to_string());
    let chunks = format!("location / {{ proxy_pass http://{chunked}; proxy_http_version 1.1; }}");
    let http2 = Nginx::start(&format!("listen $listen http2; {chunks}"));
    let gateway = before(&[
        ("chunked", &chunked, ""),
        ("open", &open, ""),
        ("http2", &http2.address.to_string(), "protocol = \"http2\""),
    ]);
    for path in ["/chunked", "/open", "/http2"] {
        for fields in ["", "Connection: keep-alive\r\n"] {
            let (head, body) = ask(&gateway, path, fields);
            assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{path}: {head}");
            assert!(!head.contains("transfer-encoding"), "{path}: {head}");
            assert_eq!(body, "hello", "{path}, {fields:?}");
        }
    }
}

#[test]
fn events_go_out_as_they_come_and_without_chunks() {
    let services = Streaming::start();
    let gateway = before(&[("app", &services.http, "")]);
    let mut raw = Raw::connect(gateway.address);
    raw.send("GET /app/ticking/events HTTP/1.0\r\nHost: a\r\n\r\n");
    let head = raw.head().unwrap();
    assert_eq!((head.field("transfer-encoding"), head.field("connection").as_deref()), (None, Some("close")));
    let lines: Vec<_> = (0..6).map(|_| raw.line()).collect();
    assert_eq!(lines, ["data: first", "", "data: more", "", "data: more", ""]);
}

#[test]
fn an_answer_to_head_says_nothing_of_chunks_and_leaves_the_connection() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let gateway = before(&[("app", &service(head).to_string(), "")]);
    let mut raw = Raw::connect(gateway.address);
    for _ in 0..2 {
        raw.send("HEAD /app HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        let head = raw.head().unwrap();
        assert_eq!((head.status, head.field("transfer-encoding")), (200, None), "{}", head.head);
    }
}

#[test]
fn an_answer_of_a_known_length_leaves_the_connection_where_it_was_asked_to() {
    let upstream = Upstream::start();
    let gateway = before(&[("app", &upstream.address.to_string(), "")]);
    let mut raw = Raw::connect(gateway.address);
    for _ in 0..2 {
        raw.send("GET /app HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        let reply = raw.reply().unwrap();
        let kept = reply.field("connection");
        assert_eq!((reply.text().as_str(), kept.as_deref()), ("ok", Some("keep-alive")));
    }
    assert!(ask(&gateway, "/app", "").0.contains("connection: close"));
}

#[test]
fn answers_of_our_own_that_are_made_while_they_are_read_have_no_chunks_either() {
    let gateway = Setup::new("").start();
    let bearer = format!("Authorization: Bearer {}\r\n", gateway.user().access);
    let (head, body) = ask(&gateway, "/api/auth/profile/export", &bearer);
    assert!(head.contains("connection: close") && !head.contains("transfer-encoding"), "{head}");
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
    let request = "POST /api/auth/login HTTP/1.0\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    let seen = Raw::connect(gateway.address).send(request).rest();
    assert!(seen.starts_with("HTTP/1.1 422"), "{seen}");
}

#[test]
fn interim_answers_are_left_out() {
    let address = service(format!("{EARLY}{CHUNKED}")).to_string();
    let gateway = before(&[("app", &address, "")]);
    let (head, body) = ask(&gateway, "/app", "Expect: 100-continue\r\n");
    assert!(head.starts_with("http/1.1 200") && body == "hello", "{head} {body}");
    let mut raw = Raw::connect(gateway.address);
    let first = raw.send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n").head().unwrap();
    assert_eq!((first.status, first.field("link").as_deref()), (103, Some("</a>")));
}

#[test]
fn nginx_that_asks_by_its_default_hands_on_what_the_service_said() {
    let early = service(format!("{EARLY}{CHUNKED}")).to_string();
    let gateway = before(&[("early", &early, ""), ("chunked", &service(CHUNKED).to_string(), "")]);
    let front =
        Nginx::start(&format!("listen $listen; location / {{ proxy_pass http://{}; }}", gateway.address));
    for path in ["/early", "/chunked"] {
        let reply = Raw::connect(front.address)
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            .reply()
            .unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello"), "{path}: {reply:?}");
    }
}

#[test]
fn a_request_without_a_host_goes_by_the_routes_of_any_host_and_by_no_other() {
    let upstream = Upstream::start();
    let http2 = Nginx::start("listen $listen http2; location / { return 200 $host; }");
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .config(&format!(
            "[[upstreams]]\nname = \"two\"\naddress = \"{}\"\nprotocol = \"http2\"",
            http2.address
        ))
        .route("named", "/", "app", "hosts = [\"a.example\"]\nauth = \"public\"")
        .route("any", "/any", "app", "auth = \"public\"")
        .route("two", "/two", "two", "auth = \"public\"")
        .start();
    let status = |line: &str| {
        let seen = Raw::connect(gateway.address).send(format!("{line}\r\n\r\n")).rest();
        seen.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status("OPTIONS /any HTTP/1.0"), "200");
    assert_eq!(status("GET /two HTTP/1.0"), "200");
    assert_eq!(status("GET / HTTP/1.0"), "404");
    assert_eq!(status("GET /api/auth/profile HTTP/1.0"), "401");
    assert_eq!(status("GET /any HTTP/1.0\r\nHost:"), "400");
    assert_eq!(status("GET /any HTTP/1.1"), "400");
    let arrived = upstream.only();
    // A service is spoken to by HTTP/1.1, and gets the one host that is known.
    assert_eq!(arrived.one("host"), upstream.address.to_string());
    assert!(!arrived.has("x-forwarded-host"), "{arrived:?}");
}
