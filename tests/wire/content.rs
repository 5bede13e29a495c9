//! A request with content takes the lane as one without does; and whichever way it takes, what arrives of it, and
//! what comes back, is the same.

use super::ways::{both_ways, lines};
use crate::support::eventually;
use crate::support::farm::Instance;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, RawReply};
use crate::support::scripted::playing;
use crate::support::upstream::Upstream;

/// Both ways to a service, on whose routes content may have 200,000 bytes.
fn before(upstream: std::net::SocketAddr, more: &str) -> [Gateway; 2] {
    both_ways(|| {
        let route = format!("auth = \"public\"\nbody_bytes_max = 200000\n{more}");
        Setup::new("").upstream("app", &upstream.to_string()).route("app", "/app", "app", &route)
    })
}

fn count(gateway: &Gateway, route: &str, way: &str) -> f64 {
    gateway.total("gateway_http_ways_total", &[("route", route), ("way", way)])
}

/// What a client sends behind `Host`: fields, and content as it is coded.
fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let chunk = |size: usize| format!("{size:x};x=\"y\"\r\n{}\r\n", "x".repeat(size));
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        ("Content-Length: 5\r\n", b"hello".to_vec()),
        ("Content-Length: 100000\r\n", vec![b'x'; 100_000]),
        ("Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n", b"hello".to_vec()),
        ("Content-Length: 0\r\n", Vec::new()),
        (chunked, b"0\r\n\r\n".to_vec()),
        ("transfer-encoding: Chunked\r\n", b"5\r\nhello\r\n00\r\n\r\n".to_vec()),
        (chunked, b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-User-Id: 1\r\n\r\n".to_vec()),
        (chunked, [chunk(1), chunk(70_000), chunk(20_000), "0\r\n\r\n".into()].concat().into_bytes()),
    ]
}

/// What came of a request: its line and its fields, its content, and the answer.
fn arrived(
    gateway: &Gateway,
    upstream: &Upstream,
    request: &[u8],
    step: usize,
) -> impl PartialEq + std::fmt::Debug {
    upstream.forget();
    let mut client = Raw::connect(gateway.address);
    for piece in request.chunks(step) {
        client.send(piece);
    }
    let reply = client.reply().unwrap();
    let arrived = upstream.only();
    let fields = arrived.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    (
        arrived.line.clone(),
        lines(&fields.collect::<String>()),
        arrived.body.len(),
        arrived.body,
        reply.status,
        lines(&reply.head),
    )
}

#[test]
fn content_arrives_alike_by_either_way_however_it_comes() {
    let upstream = Upstream::start();
    let [lane, usual] = before(upstream.address, "");
    for method in ["POST", "PUT", "GET"] {
        for (fields, content) in contents() {
            let mut request = format!("{method} /app HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
            request.extend_from_slice(&content);
            for step in [request.len(), if content.len() > 100 { 9_000 } else { 1 }] {
                let [by_lane, as_usual] =
                    [&lane, &usual].map(|gateway| arrived(gateway, &upstream, &request, step));
                assert_eq!(by_lane, as_usual, "{method} {fields:?} in pieces of {step}");
            }
        }
    }
    assert_eq!((count(&lane, "app", "lane"), count(&lane, "app", "closed")), (48.0, 0.0));
    assert_eq!(count(&usual, "app", "closed"), 48.0);
}

#[test]
fn our_own_endpoints_take_content_from_the_lane() {
    let [lane, usual] = both_ways(|| Setup::new(""));
    let account = r#"{"email":"NAME@example.com","password":"Correct-Horse-1"}"#;
    let fields = "POST /api/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for gateway in [&lane, &usual] {
        for (name, coding) in [("length", ""), ("chunks", "chunked"), ("waits", "100-continue")] {
            let json = account.replace("NAME", name);
            let coded = match coding {
                "chunked" => {
                    format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{json}\r\n0\r\n\r\n", json.len())
                }
                "" => format!("Content-Length: {}\r\n\r\n{json}", json.len()),
                _ => format!("Expect: {coding}\r\nContent-Length: {}\r\n\r\n{json}", json.len()),
            };
            let request = format!("{fields}{coded}");
            let (first, second) = request.split_at(request.find('{').unwrap() + 3);
            let mut client = Raw::connect(gateway.address);
            let mut reply = client.send(first).send(second).reply().unwrap();
            if name == "waits" {
                assert_eq!(reply.status, 100);
                reply = client.reply().unwrap();
            }
            assert_eq!(
                (reply.status, reply.field("connection").as_deref()),
                (201, Some("keep-alive")),
                "{name}"
            );
        }
    }
    assert_eq!(count(&lane, "gateway", "lane"), 3.0);
    assert_eq!(count(&usual, "gateway", "closed"), 3.0);
}

/// What a client sees that sends this, and that once a service is asked: the last head, the text behind it, and
/// whether the connection lives on.
fn seen(gateway: &Gateway, first: &str, second: &str) -> (u16, Vec<String>, String, bool) {
    let mut client = Raw::connect(gateway.address);
    client.send(first);
    eventually("the service is asked", || held(gateway) == 1.0);
    let reply: RawReply = client.send(second).reply().unwrap();
    let goes_on = client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").reply().is_some();
    let text = reply.text().split("\"request_id\"").next().unwrap().to_owned();
    (reply.status, lines(&reply.head), text, goes_on)
}

#[test]
fn an_answer_that_comes_before_the_content_has_is_the_same_by_either_way() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
    ] {
        // It takes the rest, and does not close.
        let address = playing(move |mut raw| {
            raw.request_head();
            raw.send(answer).rest();
        });
        let gateways = before(address, "");
        for (fields, content) in [
            ("Content-Length: 100", "x"),
            ("Transfer-Encoding: chunked", "1\r\nx\r\n"),
            ("Content-Length: 100\r\nExpect: 100-continue", ""),
        ] {
            let head = format!("POST /app HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let [lane, usual] = gateways.each_ref().map(|gateway| {
                let mut client = Raw::connect(gateway.address);
                let reply = client.send(&head).send(content).reply().unwrap();
                (lines(&reply.head), reply.text())
            });
            assert_eq!(lane, usual, "{fields} {answer:?}");
            assert!(lane.0.iter().any(|line| line == "connection: close"), "{lane:?}");
        }
    }
}

#[test]
fn content_that_is_too_large_or_none_is_refused_alike_in_its_middle() {
    let too_large =
        format!("30000\r\n{}\r\n10000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x30000), "x".repeat(0x10000));
    for (status, code, content) in [
        (413, "body_too_large", too_large.as_str()),
        (400, "malformed_request", "5\r\nhello\r\nzz\r\n"),
        (400, "malformed_request", "5\r\nhello0\r\n"),
        (400, "malformed_request", "0\r\nContent-Length: 1\r\n\r\n"),
    ] {
        let upstream = Upstream::start();
        let head = "PUT /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
        let [lane, usual] = before(upstream.address, "").map(|gateway| {
            let seen = seen(&gateway, head, content);
            (seen, gateway.decided(code), gateway.total("gateway_upstream_server_failures_total", &[]))
        });
        assert_eq!(lane, usual, "{content:.40}");
        assert!(lane.0.0 == status && lane.0.2.contains(code) && !lane.0.3, "{lane:?}");
        assert!(upstream.arrived().is_empty(), "nobody has it whole");
    }
}

#[test]
fn who_leaves_in_the_middle_of_the_content_has_left_by_either_way() {
    let (upstream, _gate) = Upstream::gated();
    for gateway in before(upstream.address, "") {
        for fields in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
            let mut client = Raw::connect(gateway.address);
            client.send(format!("PUT /app HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n5\r\nhe"));
            eventually("the service is asked", || held(&gateway) == 1.0);
            let before = gateway.decided("abandoned");
            drop(client);
            eventually("it is given up", || gateway.decided("abandoned") == before + 1.0);
            eventually("the connection is given back", || held(&gateway) == 0.0);
        }
        assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
    }
    assert!(upstream.arrived().is_empty());
}

fn held(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_connections", &[])
}

#[test]
fn content_is_sent_once_more_where_that_is_safe_and_all_of_it_is_at_hand() {
    let two = |method: &str, bytes: usize, gateway: &Gateway| {
        let mut statuses = [0, 1].map(|_| {
            let mut client = Raw::connect(gateway.address);
            client.send(format!("{method} /app HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\nx"));
            client.send(vec![b'x'; bytes - 1]).reply().unwrap().status
        });
        statuses.sort_unstable();
        statuses
    };
    for (method, bytes, expected) in [
        ("PUT", 5, [200, 200]),
        ("PUT", 65_536, [200, 200]),
        ("PUT", 65_537, [200, 502]),
        ("POST", 5, [200, 502]),
    ] {
        let servers = ["a", "b"].map(Instance::start);
        servers[0].hang_up(true);
        let listed =
            servers.each_ref().map(|server| format!("{{ address = \"{}\" }}", server.address)).join(", ");
        let upstream = format!("[[upstreams]]\nname = \"app\"\nservers = [{listed}]\neject_after = 0\n");
        for gateway in
            both_ways(|| Setup::new("").config(&upstream).route("app", "/app", "app", "auth = \"public\""))
        {
            assert_eq!(two(method, bytes, &gateway), expected, "{method} {bytes}");
        }
        let lengths: Vec<_> = servers[1].arrived().iter().map(|arrived| arrived.body.len()).collect();
        assert_eq!(lengths, vec![bytes; lengths.len()], "{method} {bytes}");
    }
}
