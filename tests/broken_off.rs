//! What breaks on the way: heads and bodies that do not arrive, upstreams that do not answer. Each
//! gets one clear answer in bounded time, and nobody else notices.

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, RawReply};
use crate::support::upstream::Upstream;

fn code(reply: &RawReply) -> String {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

/// The answer to bytes after which nothing more comes.
fn after(gateway: &Gateway, bytes: &str) -> (u16, String) {
    let mut client = Raw::connect(gateway.address);
    let reply = client.send(bytes).reply().unwrap();
    assert!(client.is_closed(), "the connection is of no use any more");
    (reply.status, code(&reply))
}

#[test]
fn a_head_or_a_body_that_never_ends_is_answered_in_bounded_time_while_others_are_served() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let (half_a_head, half_a_body) =
        (head.to_owned(), format!("{head}Content-Length: 50\r\n\r\n{{\"email\":"));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| after(&gateway, &half_a_head));
        let also_waits = scope.spawn(|| after(&gateway, &half_a_body));
        assert_eq!(ada.get("/api/todos").status, 200);
        assert_eq!(waits.join().unwrap(), (408, "head_timeout".to_owned()));
        assert_eq!(also_waits.join().unwrap(), (408, "body_timeout".to_owned()));
    });
    assert_eq!(gateway.decided("head_timeout"), 1.0);
}

#[test]
fn an_empty_line_before_a_head_is_skipped_once_and_buys_no_time_and_no_room() {
    let gateway = Setup::new("").start();
    let good = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = Raw::connect(gateway.address);
    for request in [format!("\r\n{good}"), good.to_owned(), format!("\r\n{good}")] {
        assert_eq!(client.send(request).reply().unwrap().status, 404);
    }
    for blank in ["\n", "\n\n", "\r\n\r\n", "\r\n\n", "\r\r\n", "\r\n\r"] {
        assert_eq!(
            after(&gateway, &format!("{blank}{good}")),
            (400, "malformed_request".to_owned()),
            "{blank:?}"
        );
    }
    let large = format!("\r\nGET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(40_000));
    assert_eq!(after(&gateway, &large), (431, "headers_too_large".to_owned()));
    assert_eq!(after(&gateway, "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: "), (408, "head_timeout".to_owned()));
}

#[test]
fn a_request_that_two_servers_could_frame_differently_is_malformed_and_ends_its_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let both = "POST /api/todos HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(after(&gateway, both), (400, "malformed_request".to_owned()));
    assert!(upstream.arrived().is_empty());
}

#[test]
fn an_upstream_that_does_not_answer_in_time_is_a_504_and_one_that_hangs_up_a_502() {
    let (silent, _gate) = Upstream::gated();
    let rude = Upstream::answering("");
    let gateway = Setup::new("")
        .config(&format!(
            "[[upstreams]]\nname = \"silent\"\naddress = \"{}\"\nread_timeout_ms = 200",
            silent.address
        ))
        .upstream("rude", &rude.address.to_string())
        .route("silent", "/silent", "silent", "auth = \"public\"")
        .route("rude", "/rude", "rude", "auth = \"public\"")
        .start();
    for (path, status, code) in [("/silent", 504, "upstream_timeout"), ("/rude", 502, "upstream_unreachable")]
    {
        let reply = gateway.client().get(path).send();
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
        assert!(reply.header("proxy-status").starts_with("gateway; error="));
    }
}

#[test]
fn a_client_that_leaves_before_it_has_its_answer_has_done_nothing_wrong() {
    let (upstream, gate) = Upstream::gated();
    let gateway = Setup::before(upstream.address).env("GATEWAY__SERVER__ABORT_ON_CLOSE", "true").start();
    let ada = gateway.user();
    let head = format!("POST /api/todos HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n", ada.access);
    // One that waits for the answer, and one in the middle of its body.
    let mut waits = Raw::connect(gateway.address);
    waits.send(format!("{head}Content-Length: 0\r\n\r\n"));
    eventually("it is at the upstream", || upstream.arrived().len() == 1);
    drop(waits);
    let mut sends = Raw::connect(gateway.address);
    sends.send(format!("{head}Content-Length: 100000\r\n\r\nhalf of it"));
    drop(sends);
    eventually("both are noted", || gateway.decided("abandoned") == 2.0);
    assert_eq!(gateway.decided("malformed_request"), 0.0);
    gate.open();
}
