//! What one client may hold: the time of a head, over each protocol the same, and never what operators
//! need.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use gateway::clock::Stopwatch;

use super::Siege;
use crate::support::http::Client;
use crate::support::raw::Raw;
use crate::support::{eventually, in_parallel};

const H2C: &str = "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true";
/// How a client begins that speaks HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `:method POST`, `:scheme http`, `:path /public`, `:authority a`, as HPACK has them.
const HEAD: &[u8] = b"\x83\x86\x04\x07/public\x01\x01a";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// One frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
}

/// How long this connection lives on which something begins that never ends; `None` where it outlives
/// what is allowed. `more` is sent now and then.
fn lives(address: SocketAddr, begun: &[u8], more: &[u8]) -> Option<Duration> {
    let mut raw = Raw::connect(address);
    raw.send(begun);
    raw.stream().set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let since = Stopwatch::start();
    while since.elapsed() < Duration::from_secs(14) {
        match raw.stream().read(&mut [0; 4_096]) {
            Ok(0) => return Some(since.elapsed()),
            Ok(_) => {}
            Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {
                raw.send(more);
            }
            Err(_) => return Some(since.elapsed()),
        }
    }
    None
}

#[test]
fn a_head_over_http2_has_the_time_that_one_over_http1_has() {
    let siege = Siege::with(|setup| setup.config(H2C));
    let address = siege.gateway.further[0];
    let running = [greeting(), frame(HEADERS, END_HEADERS, 1, HEAD)].concat();
    let continued = frame(CONTINUATION, END_HEADERS, 1, &[b'x'; 1_000])[..10].to_vec();
    let silent = |begun: Vec<u8>| (begun, Vec::new());
    let endless = [
        silent(PREFACE[..9].to_vec()),
        silent([PREFACE, &frame(SETTINGS, 0, 0, b"")[..5]].concat()),
        silent([greeting(), vec![0, 0]].concat()),
        silent([greeting(), frame(HEADERS, 0, 1, HEAD)].concat()),
        silent([greeting(), frame(HEADERS, END_HEADERS, 1, HEAD)[..12].to_vec()].concat()),
        // A byte of it now and then prolongs nothing,
        ([greeting(), frame(HEADERS, 0, 1, HEAD), continued].concat(), b"x".to_vec()),
        // nor does another stream that runs.
        silent([running.clone(), frame(HEADERS, 0, 3, HEAD)].concat()),
        (b"GET /public HTTP/1.1\r\nHost: a.example\r\n".to_vec(), b"a: b\r\n".to_vec()),
    ];
    // Something of a body may be slow: it has time limits of its own.
    let body = [running, frame(DATA, 0, 1, &[b'x'; 1_000])[..10].to_vec()].concat();
    let lived = in_parallel(endless.len() + 1, |number| match endless.get(number) {
        Some((begun, more)) => lives(address, begun, more),
        None => lives(address, &body, b""),
    });
    for (number, lived) in lived[..endless.len()].iter().enumerate() {
        let seconds = lived.map(|lived| lived.as_secs());
        assert!(seconds.is_some_and(|seconds| (9..13).contains(&seconds)), "{number}: {lived:?}");
    }
    assert_eq!(lived.last(), Some(&None), "a body is no head");
    // The one over HTTP/1.1 had an answer.
    let refused = "gateway_downstream_connections_refused_total{reason=\"head_timeout\"}";
    assert_eq!(siege.gateway.metric(refused), (endless.len() - 1) as f64);
    siege.stands();
}

#[test]
fn an_operators_connection_on_which_nothing_goes_on_is_closed() {
    // So many that the metrics of all are more than fits into the buffers of a connection.
    let siege = Siege::with(|setup| {
        (0..300).fold(setup, |setup, number| {
            setup.route(&format!("r{number}"), &format!("/r{number}"), "service", "")
        })
    });
    let mut unread = Raw::connect(siege.gateway.operations);
    unread.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    let begun: [(&[u8], &[u8]); 4] = [
        (b"", b""),
        (b"GET /healthz HT", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"a: b\r\n"),
        (b"\r\n", b"\r\n"),
    ];
    let lived = in_parallel(begun.len(), |number| {
        let (begun, more) = begun[number];
        lives(siege.gateway.operations, begun, more)
    });
    for (number, lived) in lived.iter().enumerate() {
        let seconds = lived.map(|lived| lived.as_secs());
        assert!(seconds.is_some_and(|seconds| (9..13).contains(&seconds)), "{number}: {lived:?}");
    }
    let closed = "gateway_downstream_connections_refused_total{reason=\"operations_timeout\"}";
    eventually("the one that reads nothing is closed, too", || siege.gateway.metric(closed) == 5.0);
    let reply = unread.rest();
    assert!(reply.starts_with("HTTP/1.1 200") && !reply.ends_with("\n"), "{} bytes came", reply.len());
    siege.stands();
}

#[test]
fn operators_have_a_bound_of_their_own() {
    let siege = Siege::begin();
    let silent: Vec<_> = (0..100).map(|_| Raw::connect(siege.gateway.operations)).collect();
    let mut closed = 0;
    for raw in &silent {
        raw.stream().set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    }
    eventually("those over the bound are closed", || {
        closed = silent.iter().filter(|raw| matches!(raw.stream().read(&mut [0]), Ok(0))).count();
        closed >= 36
    });
    assert!((36..40).contains(&closed), "{closed}");
    assert_eq!(siege.ada.get("/api/todos").status, 200);
    drop(silent);
    eventually("operators are served again", || {
        Client::new(siege.gateway.operations)
            .get("/healthz")
            .try_send()
            .is_ok_and(|reply| reply.status == 200)
    });
    let refused = "gateway_downstream_connections_refused_total{reason=\"operations_too_many\"}";
    assert!(siege.gateway.metric(refused) >= 36.0);
}
