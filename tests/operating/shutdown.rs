//! The way down: what runs may finish, nothing new begins, and it ends in bounded time.

use std::net::TcpStream;
use std::time::Duration;

use gateway_clock::Stopwatch;

use rustix::process::Signal;

use crate::support::gateway::{Gateway, Setup};
use crate::support::people::Person;
use crate::support::raw::Raw;
use crate::support::upstream::{Gate, Upstream};
use crate::support::{eventually, in_parallel};

/// A gateway with a request that its upstream has not answered yet.
struct InFlight {
    gateway: Gateway,
    gate: Gate,
    request: Raw,
    ada: Person,
}

fn in_flight(setup: impl FnOnce(Setup) -> Setup) -> InFlight {
    let (upstream, gate) = Upstream::gated();
    let gateway = setup(Setup::before(upstream.address)).start();
    let ada = gateway.user();
    let mut request = Raw::connect(gateway.address);
    request
        .send(format!("GET /api/todos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.access));
    eventually("the request is at the upstream", || upstream.arrived().len() == 1);
    InFlight { gateway, gate, request, ada }
}

fn is_refused(gateway: &Gateway) -> bool {
    TcpStream::connect(gateway.address).is_err()
}

/// Waits for the end by itself; the exit code.
fn ended(gateway: &mut Gateway) -> Option<i32> {
    let mut status = None;
    eventually("the process has ended", || {
        status = gateway.try_wait();
        status.is_some()
    });
    status.and_then(|status| status.code())
}

#[test]
fn a_request_in_flight_finishes_while_nothing_new_begins() {
    for signal in [Signal::TERM, Signal::INT] {
        let InFlight { mut gateway, gate, mut request, .. } = in_flight(|setup| setup);
        gateway.signal(signal);
        eventually("new connections are refused", || is_refused(&gateway));
        let probe = gateway.operator().get("/readyz").try_send();
        assert!(probe.map_or(true, |reply| reply.status == 503), "it is not ready any more");
        assert!(gateway.try_wait().is_none(), "it waits for the request");
        gate.open();
        let reply = request.reply().expect("the request is answered");
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
        assert_eq!(ended(&mut gateway), Some(0));
        assert!(gateway.last_words().contains("stopped"));
    }
}

#[test]
fn whoever_read_the_ready_line_may_end_it_at_once() {
    // Many at a time: the signal then often comes before the process has run on.
    let codes = in_parallel(24, |_| Setup::new("").start().terminate().code());
    assert_eq!(codes, [Some(0); 24]);
}

#[test]
fn readiness_says_draining_to_who_is_connected_already() {
    let InFlight { mut gateway, gate, request: _request, .. } = in_flight(|setup| setup);
    let mut probe = Raw::connect(gateway.operations);
    let ask = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(probe.send(ask).reply().unwrap().status, 200);
    gateway.signal(Signal::TERM);
    eventually("new connections are refused", || is_refused(&gateway));
    // The idle connection may be gone already, which tells the same.
    if let Some(reply) = probe.send(ask).reply() {
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.text().contains("draining"), "{}", reply.text());
    }
    gate.open();
    assert_eq!(ended(&mut gateway), Some(0));
}

#[test]
fn idle_connections_are_closed_and_do_not_delay_the_end() {
    for setup in [Setup::demo(), Setup::new("")] {
        let mut gateway = setup.env("GATEWAY__SERVER__SHUTDOWN_SECONDS", "3600").start();
        let mut used = Raw::connect(gateway.address);
        let reply = used.send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").reply().unwrap();
        assert_eq!(reply.status, 404);
        let mut silent = Raw::connect(gateway.address);
        let mut operator = Raw::connect(gateway.operations);
        operator.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").reply().unwrap();
        gateway.signal(Signal::TERM);
        assert_eq!(ended(&mut gateway), Some(0));
        assert!(used.is_closed() && silent.is_closed() && operator.is_closed());
    }
}

#[test]
fn a_connection_does_not_outlive_its_request_while_draining() {
    let InFlight { mut gateway, gate, mut request, .. } = in_flight(|setup| setup);
    gateway.signal(Signal::TERM);
    eventually("new connections are refused", || is_refused(&gateway));
    gate.open();
    let reply = request.reply().unwrap();
    assert_eq!(reply.status, 200);
    assert!(request.is_closed(), "{}", reply.head);
    assert_eq!(ended(&mut gateway), Some(0));
}

#[test]
fn what_never_ends_is_cut_off_after_the_configured_time() {
    let InFlight { mut gateway, gate, mut request, .. } =
        in_flight(|setup| setup.env("GATEWAY__SERVER__SHUTDOWN_SECONDS", "1"));
    let begun = Stopwatch::start();
    gateway.signal(Signal::TERM);
    assert_eq!(ended(&mut gateway), Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(1), "it had its time");
    assert!(gateway.last_words().contains("cut off at the end of server.shutdown_seconds"));
    assert!(request.reply().is_none_or(|reply| reply.status >= 500));
    drop(gate);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let InFlight { mut gateway, gate, request: _request, .. } =
            in_flight(|setup| setup.env("GATEWAY__SERVER__SHUTDOWN_SECONDS", "3600"));
        gateway.signal(Signal::TERM);
        eventually("it drains", || gateway.log().contains("draining"));
        assert!(gateway.try_wait().is_none(), "it ended early: {}", gateway.last_words());
        gateway.signal(second);
        ended(&mut gateway);
        assert!(gateway.last_words().contains("told twice to stop"));
        drop(gate);
    }
}

#[test]
fn the_demo_ends_with_its_todo_service() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut gateway = Setup::demo().start();
        let ada = gateway.user();
        assert_eq!(ada.get("/api/todos").status, 200);
        gateway.signal(signal);
        assert_eq!(ended(&mut gateway), Some(0));
        assert!(!gateway.data.join("todo.sock").exists(), "the socket is removed");
    }
}

#[test]
fn what_was_answered_before_the_end_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let InFlight { mut gateway, gate, ada, .. } = in_flight(|setup| setup.data(folder.path()));
    gate.open();
    assert_eq!(ada.log_out().status, 200);
    assert_eq!(gateway.terminate().code(), Some(0));
    let upstream = Upstream::start();
    let again = Setup::before(upstream.address).data(folder.path()).start();
    let refused = again.client().get("/api/todos").bearer(&ada.access).send();
    assert_eq!((refused.status, refused.code().as_str()), (401, "token_revoked"));
    assert_eq!(again.log_in(&ada.email, crate::support::people::PASSWORD).id, ada.id);
}
