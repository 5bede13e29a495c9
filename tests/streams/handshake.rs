//! What is the handshake of a WebSocket (RFC 6455 §4.2.1), and what only looks like one.

use std::net::TcpListener;

use super::before;
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, RawReply, exchange};
use crate::support::streaming::Streaming;
use crate::support::upstream::{Arrived, Upstream};
use crate::support::verbatim::Verbatim;

const FIELDS: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Before this service: `/open` has WebSockets for everybody.
fn public(upstream: &str) -> Gateway {
    let open = "auth = \"public\"\nwebsocket = true";
    Setup::new("").upstream("app", upstream).route("open", "/open", "app", open).start()
}

fn asks(gateway: &Gateway, line: &str, fields: &str) -> RawReply {
    exchange(gateway.address, format!("{line} /open HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).unwrap()
}

#[test]
fn what_is_no_handshake_is_refused_and_says_why() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string());
    let without = |line: &str| FIELDS.replace(&format!("{line}\r\n"), "");
    let key = |key: &str| FIELDS.replace("dGhlIHNhbXBsZSBub25jZQ==", key);
    for (method, fields, why) in [
        ("POST", FIELDS.to_owned(), "GET"),
        ("HEAD", FIELDS.to_owned(), "GET"),
        ("OPTIONS", FIELDS.to_owned(), "GET"),
        ("GET", format!("{FIELDS}Content-Length: 5\r\n"), "body"),
        ("GET", format!("{FIELDS}Transfer-Encoding: chunked\r\n"), "body"),
        ("GET", without("Connection: Upgrade"), "Connection"),
        ("GET", FIELDS.replace("Connection: Upgrade", "Connection: keep-alive"), "Connection"),
        ("GET", without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "Sec-WebSocket-Key"),
        ("GET", key("short"), "Sec-WebSocket-Key"),
        ("GET", key("dGhlIHNhbXBsZSBub25jZSBpcyB0b28gbG9uZw=="), "Sec-WebSocket-Key"),
        ("GET", key("dGhlIHNhbXBsZS!ub25jZQ=="), "Sec-WebSocket-Key"),
        ("GET", format!("{FIELDS}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), "Sec-WebSocket-Key"),
        ("GET", without("Sec-WebSocket-Version: 13"), "Sec-WebSocket-Version"),
    ] {
        let mut client = Raw::connect(gateway.address);
        client.send(format!("{method} /open HTTP/1.1\r\nHost: x\r\n{fields}\r\n5\r\nhello\r\n0\r\n\r\n"));
        let refused = if method == "HEAD" { client.head() } else { client.reply() }.unwrap();
        assert_eq!(refused.status, 400, "{method} {fields}: {}", refused.text());
        if method != "HEAD" {
            let text = refused.text();
            assert!(text.contains("invalid_websocket_handshake") && text.contains(why), "{fields}: {text}");
        }
    }
    assert!(upstream.arrived().is_empty(), "{:?}", upstream.arrived());
}

#[test]
fn another_version_is_told_which_one_there_is() {
    let upstream = Upstream::start();
    let gateway = public(&upstream.address.to_string());
    for version in ["8", "14", "0", "777", "013"] {
        let refused = asks(&gateway, "GET", &FIELDS.replace(": 13", &format!(": {version}")));
        assert_eq!(refused.status, 426, "{version}");
        assert!(refused.text().contains("websocket_version_unsupported"), "{}", refused.text());
        assert_eq!(refused.field("sec-websocket-version").as_deref(), Some("13"), "{version}");
        assert_eq!(refused.field("upgrade").as_deref(), Some("websocket"), "{version}");
    }
    assert!(upstream.arrived().is_empty(), "{:?}", upstream.arrived());
}

#[test]
fn one_among_several_protocols_is_a_handshake_and_the_service_sees_that_one() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let ada = gateway.user();
    let token = format!("Authorization: Bearer {}\r\n", ada.access);
    for (upgrade, connection) in [
        ("Upgrade: websocket, h2c", "Connection: Upgrade"),
        ("Upgrade: h2c ,WebSocket", "Connection: keep-alive, upgrade"),
        ("Upgrade: h2c\r\nUpgrade: websocket", "Connection: keep-alive\r\nConnection: UPGRADE"),
        ("Upgrade: websocket", "Connection: Upgrade\r\nContent-Length: 0"),
        ("Upgrade: websocket", "Connection: Upgrade, Sec-WebSocket-Key, Sec-WebSocket-Version"),
    ] {
        let fields = FIELDS.replace("Upgrade: websocket", upgrade).replace("Connection: Upgrade", connection);
        let ask = format!("GET /live/chat HTTP/1.1\r\nHost: x\r\n{token}{fields}\r\n");
        let granted = Raw::connect(gateway.address).send(ask).head().unwrap();
        assert_eq!(granted.status, 101, "{upgrade}: {}", granted.head);
    }
    let seen = ada.get("/still/seen").json();
    let handshakes = seen.as_array().unwrap().iter().filter(|one| one["url"] == "/live/chat");
    let upgrades: Vec<_> = handshakes.map(|one| one["headers"]["upgrade"].as_str().unwrap()).collect();
    assert_eq!(upgrades, ["websocket"; 5]);
}

#[test]
fn who_may_not_come_in_is_told_so_first_and_who_asks_for_no_websocket_is_served() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("shut", "/shut", "app", "websocket = true")
        .route("open", "/open", "app", "auth = \"public\"\nwebsocket = true")
        .start();
    let ask = |path: &str, fields: &str| {
        exchange(gateway.address, format!("POST {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).unwrap().status
    };
    assert_eq!(ask("/shut", FIELDS), 401);
    assert_eq!(ask("/open", "Content-Length: 0\r\n"), 200);
    assert_eq!(ask("/open", "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n"), 200);
    let old = exchange(gateway.address, format!("GET /open HTTP/1.0\r\nHost: x\r\n{FIELDS}\r\n")).unwrap();
    assert_eq!(old.status, 200, "HTTP/1.0 knows no upgrade");
    assert!(upstream.arrived().iter().all(|arrived| !arrived.has("upgrade")));
}

#[test]
fn where_the_route_has_none_a_websocket_is_refused_and_the_setting_is_named() {
    let upstream = Upstream::start();
    let gateway = Setup::new("[server]\nexplain_to = [\"127.0.0.1/32\"]\n")
        .upstream("app", &upstream.address.to_string())
        .route("shut", "/shut", "app", "")
        .route("open", "/open", "app", "auth = \"public\"")
        .route("shadow", "/shadow", "app", "shadow = true")
        .start();
    let ask = |path: &str, fields: &str| {
        exchange(gateway.address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).unwrap()
    };
    let token = format!("Authorization: Bearer {}\r\n", gateway.user().access);
    let among = FIELDS.replace("websocket", "h2c, WebSocket");
    let alone = FIELDS.replace("Connection: Upgrade\r\n", "");
    for path in ["/open", "/shut", "/shadow"] {
        for fields in [FIELDS, &among, &alone] {
            let refused = ask(path, &format!("{token}{fields}X-Gateway-Explain: 1\r\n"));
            assert_eq!(refused.status, 403, "{path} {fields}: {}", refused.text());
            let text = refused.text();
            assert!(text.contains("websocket_not_enabled") && text.contains("websocket = true"), "{text}");
            let why = refused.field("x-gateway-explain").unwrap();
            assert!(why.ends_with("verdict: refuse, websocket_not_enabled"), "{why}");
        }
    }
    assert_eq!(ask("/shut", FIELDS).status, 401, "who may not come in is told that first");
    assert!(upstream.arrived().is_empty(), "{:?}", upstream.arrived());
}

#[test]
fn what_else_is_offered_is_passed_over_and_the_request_is_served() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("open", "/open", "app", "auth = \"public\"")
        .route("live", "/live", "app", "auth = \"public\"\nwebsocket = true")
        .start();
    // As Java's client does with each request, curl with --http2, and RFC 2817.
    let java = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n";
    let tls = "Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n";
    for (path, fields) in [("/open", java), ("/live", java), ("/open", tls), ("/live", tls)] {
        let mut raw = Raw::connect(gateway.address);
        for _ in 0..2 {
            raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
            assert_eq!(raw.reply().unwrap().status, 200, "{path} {fields}");
        }
    }
    let old = exchange(gateway.address, format!("GET /open HTTP/1.0\r\nHost: x\r\n{FIELDS}\r\n")).unwrap();
    assert_eq!(old.status, 200, "HTTP/1.0 knows no upgrade");
    let offers = |arrived: &Arrived| arrived.has("upgrade") || arrived.has("http2-settings");
    assert!(!upstream.arrived().iter().any(offers), "{:?}", upstream.arrived());
}

#[test]
fn a_connection_on_which_a_websocket_was_not_granted_carries_nothing_else() {
    let service = Verbatim::start();
    let gateway = public(&service.address.to_string());
    let plain = |gateway: &Gateway| assert_eq!(asks(gateway, "GET", "").status, 200);
    plain(&gateway);
    assert_eq!(asks(&gateway, "GET", FIELDS).status, 200, "an answer, and no upgrade");
    (0..3).for_each(|_| plain(&gateway));
    let shared: Vec<_> = service
        .connections()
        .into_iter()
        .filter(|bytes| {
            bytes
                .to_ascii_lowercase()
                .split_once("upgrade: websocket")
                .is_some_and(|(_, after)| after.contains("GET ") || after.contains("get "))
        })
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn nothing_reaches_a_service_that_never_agrees_but_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = public(&listener.local_addr().unwrap().to_string());
    let served = std::thread::spawn(move || {
        let mut service = Raw::over(listener.accept().unwrap().0);
        service.request_head();
        service.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
        service.rest()
    });
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut client = Raw::connect(gateway.address);
    client.send(format!("GET /open HTTP/1.1\r\nHost: x\r\n{FIELDS}\r\n{hidden}"));
    assert_eq!(client.reply().unwrap().status, 426);
    eventually("the connection to the service is closed", || served.is_finished());
    assert_eq!(served.join().unwrap(), "");
}
