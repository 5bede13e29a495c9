//! HTTP/2 towards clients: the same decision on each stream.

use http::HeaderMap;

use super::https;
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const H2C: &str = "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true";

/// A gateway before this upstream that speaks HTTP/2 over TLS, and a connection to it.
fn encrypted(upstream: &Upstream) -> (Gateway, H2) {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let gateway = Setup::before(upstream.address).config(&https(&[&certified], "")).unlimited().start();
    let client = H2::encrypted(gateway.further[0], authority.client(&[]));
    (gateway, client)
}

#[test]
fn each_stream_is_decided_on_its_own() {
    let upstream = Upstream::start();
    let (gateway, mut client) = encrypted(&upstream);
    let ada = gateway.user();
    let bearer = format!("Bearer {}", ada.access);
    let none = client.get("/api/todos", &[]).unwrap();
    assert_eq!((none.status, none.header("www-authenticate")), (401, "Bearer realm=\"gateway\""));
    let good = client.get("/api/todos", &[("authorization", &bearer)]).unwrap();
    assert_eq!((good.status, good.text().as_str()), (200, "ok"));
    let bad = client.get("/api/todos", &[("authorization", "Bearer x.y.z")]).unwrap();
    assert_eq!(bad.status, 401);
    let arrived = upstream.only();
    assert_eq!(arrived.one("x-user-id"), ada.id.to_string());
    assert_eq!((arrived.one("host"), arrived.one("x-forwarded-host")), ("localhost", "localhost"));
    assert_eq!(arrived.one("x-forwarded-proto"), "https");
    assert!(!arrived.has("authorization"));
}

#[test]
fn a_cookie_in_pieces_arrives_in_one() {
    let upstream = Upstream::start();
    let (gateway, mut client) = encrypted(&upstream);
    let bearer = format!("Bearer {}", gateway.user().access);
    let pieces = [("authorization", bearer.as_str()), ("cookie", "a=1"), ("cookie", "b=2")];
    assert_eq!(client.get("/api/todos", &pieces).unwrap().status, 200);
    assert_eq!(upstream.only().one("cookie"), "a=1; b=2");
}

#[test]
fn our_own_endpoints_answer_over_it() {
    let upstream = Upstream::start();
    let (_gateway, mut client) = encrypted(&upstream);
    let register = client.request("POST", "/api/auth/register", &[("content-type", "application/json")]);
    let body = br#"{"email":"ada@example.com","password":"Analytical1"}"#;
    let reply = client.send(register, body, None).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.text());
}

#[test]
fn no_spelling_of_an_identity_header_and_no_trailer_arrives() {
    let upstream = Upstream::start();
    let (gateway, mut client) = encrypted(&upstream);
    let ada = gateway.user();
    let bearer = format!("Bearer {}", ada.access);
    let request = client.request(
        "POST",
        "/api/todos",
        &[
            ("authorization", &bearer),
            ("x-user-id", "1"),
            ("x_user_id", "1"),
            ("x-user-role", "admin"),
            ("x-user-role", "admin"),
            ("remote-user", "root"),
            ("x-forwarded-for", "192.0.2.1"),
        ],
    );
    let mut trailers = HeaderMap::new();
    trailers.insert("x-user-id", "1".parse().unwrap());
    assert_eq!(client.send(request, b"body", Some(trailers)).unwrap().status, 200);
    let arrived = upstream.only();
    assert_eq!(arrived.folded("x-user-id"), [ada.id.to_string()]);
    assert_eq!(arrived.folded("x-user-role"), ["user"]);
    assert!(arrived.folded("remote-user").is_empty());
    assert_eq!(arrived.one("x-forwarded-for"), "127.0.0.1");
    assert_eq!(arrived.body, b"body");
}

#[test]
fn two_names_of_the_host_that_differ_are_refused_and_the_connection_lives_on() {
    let upstream = Upstream::start();
    let (_gateway, mut client) = encrypted(&upstream);
    let refused = client.get("/api/todos", &[("host", "elsewhere.example")]);
    assert!(refused.is_err() || refused.unwrap().status == 400);
    for wrong in ["/a//b", "/a/../b", "/a%2fb"] {
        assert_eq!(client.get(wrong, &[]).unwrap().status, 400, "{wrong}");
    }
    assert_eq!(client.get("/api/todos", &[]).unwrap().status, 401);
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_head_that_is_too_large_costs_its_stream_only() {
    let upstream = Upstream::start();
    let (_gateway, mut client) = encrypted(&upstream);
    let large = "x".repeat(40_000);
    let refused = client.get("/api/todos", &[("x-large", &large)]);
    assert!(refused.is_err() || refused.unwrap().status == 431);
    assert_eq!(client.get("/api/todos", &[]).unwrap().status, 401);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let upstream = Upstream::start();
    let (_gateway, mut client) = encrypted(&upstream);
    for path in ["/api/todos", "/nowhere", "/api/auth/profile"] {
        let request = client.request("HEAD", path, &[]);
        let reply = client.send(request, b"", None).unwrap();
        assert!(reply.status >= 400 && reply.body.is_empty(), "{path}: {reply:?}");
        assert_ne!(reply.header("content-length"), "0");
    }
}

#[test]
fn many_streams_share_a_connection() {
    let upstream = Upstream::start();
    let (gateway, mut client) = encrypted(&upstream);
    let bearer = format!("Bearer {}", gateway.user().access);
    let mut open: Vec<_> = (0..50)
        .map(|_| {
            let request = client.request("POST", "/api/todos", &[("authorization", &bearer)]);
            client.open(request)
        })
        .collect();
    for one in &mut open {
        one.send.send_data("x".into(), true).unwrap();
    }
    for one in &mut open {
        assert_eq!(client.next(one).unwrap().unwrap(), "ok");
    }
    assert_eq!(upstream.arrived().len(), 50);
}

#[test]
fn it_is_spoken_without_tls_only_where_a_listener_asks_for_it_by_name() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).config(H2C).start();
    gateway.says("h2c = true");
    let bearer = format!("Bearer {}", gateway.user().access);
    let mut client = H2::plain(gateway.further[0]).unwrap();
    assert_eq!(client.get("/api/todos", &[("authorization", &bearer)]).unwrap().status, 200);
    assert_eq!(client.get("/api/todos", &[]).unwrap().status, 401);
    // And HTTP/1.1 beside it, down to the shortest request there is.
    let short = Raw::connect(gateway.further[0]).send("GET / HTTP/1.1\r\nHost:x\r\n\r\n").reply().unwrap();
    assert_eq!(short.status, 404);
    // Elsewhere it is refused.
    let elsewhere = H2::plain(gateway.address).and_then(|mut client| client.get("/api/todos", &[]));
    assert!(elsewhere.is_err());
}

#[test]
fn an_upgrade_to_it_is_not_taken() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).config(H2C).start();
    let request = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    for address in [gateway.address, gateway.further[0]] {
        assert_eq!(Raw::connect(address).send(request).reply().unwrap().status, 404);
    }
}

#[test]
fn a_refusal_of_grpc_is_200_with_a_status_of_its_own() {
    let upstream = Upstream::start();
    let (gateway, mut client) = encrypted(&upstream);
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let request = client.request("POST", "/api/todos", &grpc);
    let refused = client.send(request, b"\0\0\0\0\0", None).unwrap();
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("content-type"), "application/grpc");
    assert_eq!(refused.header("grpc-status"), "16");
    assert_eq!(refused.header("grpc-message"), "Missing authorization token");
    assert!(upstream.arrived().is_empty());
    drop(gateway);
}

#[test]
fn streams_that_run_finish_while_the_gateway_stops() {
    let (upstream, gate) = Upstream::gated();
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let mut gateway = Setup::before(upstream.address).config(&https(&[&certified], "")).start();
    let bearer = format!("Bearer {}", gateway.user().access);
    let mut client = H2::encrypted(gateway.further[0], authority.client(&[]));
    let request = client.request("POST", "/api/todos", &[("authorization", &bearer)]);
    let mut open = client.open(request);
    open.send.send_data("x".into(), true).unwrap();
    eventually("it is at the upstream", || upstream.arrived().len() == 1);
    gateway.signal(rustix::process::Signal::TERM);
    gateway.says("draining");
    assert!(gateway.try_wait().is_none());
    gate.open();
    assert_eq!(client.next(&mut open).unwrap().unwrap(), "ok");
    drop(client);
    let mut status = None;
    eventually("it has ended", || {
        status = gateway.try_wait();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
}
