//! A client that closes its half of the connection behind its request, and waits for the answer.

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::upstream::{Gate, Upstream};

fn before(more: &str) -> (Upstream, Gate, Gateway) {
    let (upstream, gate) = Upstream::gated();
    let setup = Setup::new(more).upstream("app", &upstream.address.to_string());
    (upstream, gate, setup.route("public", "/public", "app", "auth = \"public\"").start())
}

fn post(version: &str) -> String {
    format!("POST /public HTTP/{version}\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
}

#[test]
fn gets_its_answer_and_then_the_connection_ends() {
    for version in ["1.1", "1.0"] {
        let (upstream, gate, gateway) = before("");
        let mut raw = Raw::connect(gateway.address);
        raw.send(post(version)).says_no_more();
        eventually("it is at the service", || upstream.arrived().len() == 1);
        // Whoever comes later is served meanwhile: that nothing more comes was seen by then.
        assert_eq!(gateway.client().get("/api/auth/profile").send().status, 401);
        gate.open();
        let reply = raw.reply().unwrap_or_else(|| panic!("HTTP/{version}: no answer"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
        assert_eq!(reply.field("connection").as_deref(), Some("close"), "HTTP/{version}");
        assert!(raw.is_closed());
        assert_eq!(gateway.decided("abandoned"), 0.0);
    }
}

#[test]
fn has_left_where_the_operator_says_so() {
    let (upstream, gate, gateway) = before("[server]\nabort_on_close = true\n");
    let mut raw = Raw::connect(gateway.address);
    raw.send(post("1.1"));
    eventually("it is at the service", || upstream.arrived().len() == 1);
    raw.says_no_more();
    eventually("it is given up", || gateway.decided("abandoned") == 1.0);
    gate.open();
    assert_eq!(raw.rest(), "");
}

#[test]
fn gets_no_answer_where_the_request_is_not_whole() {
    let (upstream, _gate, gateway) = before("");
    let mut raw = Raw::connect(gateway.address);
    raw.send("POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    raw.says_no_more();
    eventually("it is given up", || gateway.decided("abandoned") == 1.0);
    assert!(upstream.arrived().is_empty());
}
