//! What one client may hold: the time of a head, running requests, and file descriptors. Over each
//! protocol the same, counted where it costs, and never what operators need.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use gateway_clock::Stopwatch;

use super::Siege;
use crate::support::gateway::Setup;
use crate::support::h2::{H2, Open};
use crate::support::http::Client;
use crate::support::raw::Raw;
use crate::support::upstream::{Gate, Upstream};
use crate::support::{eventually, in_parallel};

const H2C: &str = "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true";
const ASK: &str = "GET /public HTTP/1.1\r\nHost: a.example\r\n\r\n";
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

/// So many connections with as many streams as one may have, the bodies of which never come.
fn silent_streams(address: SocketAddr, connections: usize) -> Vec<(H2, Vec<Open>)> {
    let connect = |_| {
        let mut client = H2::plain(address).unwrap();
        let open = (0..100).map(|_| client.open(client.request("POST", "/public", &[]))).collect();
        (client, open)
    };
    (0..connections).map(connect).collect()
}

#[test]
fn silent_streams_of_one_address_leave_room_for_others() {
    let siege = Siege::with(|setup| setup.config(H2C).descriptors(1_500));
    let held = silent_streams(siege.gateway.further[0], 16);
    let refused = || siege.gateway.total("gateway_downstream_streams_refused_total", &[("bound", "address")]);
    let running = || siege.gateway.metric("gateway_downstream_streams");
    eventually("each of them runs or is refused", || running() + refused() >= 1_600.0);
    let max = siege.gateway.metric("gateway_downstream_streams_max");
    assert!((100.0..750.0).contains(&max), "two descriptors each, of 1,500: {max}");
    assert!(running() <= max / 2.0, "{} of {max}", running());
    let mut other = Raw::from([127, 0, 0, 2], siege.gateway.address);
    assert_eq!(other.send(ASK).reply().unwrap().status, 200);
    // Their own address is told why, and when to come again.
    let reply = siege.raw(ASK).unwrap();
    assert_eq!((reply.status, reply.field("retry-after").as_deref()), (503, Some("1")));
    // And logs in and out all the same.
    assert_eq!(siege.ada.get("/api/auth/profile").status, 200);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(siege.gateway.operator().get(path).send().status, 200, "{path}");
    }
    drop(held);
    eventually("all of them are over", || running() == 0.0);
    assert_eq!(siege.status(ASK), 200);
}

/// A gateway before an upstream that holds all answers back, with requests that run.
struct Held {
    siege: Siege,
    gate: Gate,
    running: Vec<Raw>,
}

impl Held {
    fn begin(running: usize, more: impl FnOnce(Setup) -> Setup) -> Self {
        let (upstream, gate) = Upstream::gated();
        let siege = Siege::against(upstream, |setup| more(setup.config(H2C)));
        // The last request of whoever was made before gives its place back after its answer.
        eventually("none runs", || siege.gateway.metric("gateway_downstream_streams") == 0.0);
        let start = |_| {
            let mut raw = Raw::connect(siege.gateway.address);
            raw.send(ASK);
            raw
        };
        let held: Vec<_> = (0..running).map(start).collect();
        eventually("all of them run", || siege.upstream.arrived().len() == running);
        Self { siege, gate, running: held }
    }

    /// What is held back is answered, and there is room again.
    fn ends(mut self) {
        self.gate.open();
        assert!(self.running.iter_mut().all(|raw| raw.reply().unwrap().status == 200));
        eventually("there is room again", || self.siege.status(ASK) == 200);
        eventually("none runs", || self.siege.gateway.metric("gateway_downstream_streams") == 0.0);
    }
}

#[test]
fn a_request_too_many_is_told_why_and_when_to_come_again_over_each_protocol() {
    let held = Held::begin(3, |setup| setup.env("GATEWAY__SERVER__STREAMS_PER_ADDRESS_MAX", "3"));
    let siege = &held.siege;
    assert_eq!(siege.gateway.metric("gateway_downstream_streams"), 3.0);
    let refused = siege.gateway.client().get("/public").send();
    assert_eq!((refused.status, refused.code().as_str()), (503, "too_many_streams"));
    assert_eq!(refused.header("retry-after"), "1");
    let mut http2 = H2::plain(siege.gateway.further[0]).unwrap();
    let refused = http2.get("/public", &[]).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert!(refused.text().contains("too_many_streams"), "{}", refused.text());
    // A body that never comes holds no place.
    let mut open = http2.open(http2.request("POST", "/public", &[]));
    assert!(http2.next(&mut open).unwrap().is_some());
    let counted = "gateway_downstream_streams_refused_total{bound=\"address\"}";
    assert_eq!(siege.gateway.metric(counted), 3.0);
    eventually("each is told of like others", || siege.gateway.decided("too_many_streams") == 3.0);
    assert_eq!(siege.upstream.arrived().len(), 3);
    let mut other = Raw::from([127, 0, 0, 2], siege.gateway.address);
    other.send(ASK);
    eventually("another address has places of its own", || siege.upstream.arrived().len() == 4);
    held.ends();
}

#[test]
fn all_together_run_no_more_streams_than_there_may_be_and_the_last_are_for_our_own_endpoints() {
    let held = Held::begin(15, |setup| {
        let trusting = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
        // A trusted proxy speaks for many: only the total bounds it.
        trusting
            .env("GATEWAY__SERVER__STREAMS_MAX", "16")
            .env("GATEWAY__SERVER__STREAMS_PER_ADDRESS_MAX", "2")
    });
    let siege = &held.siege;
    assert_eq!(siege.gateway.metric("gateway_downstream_streams_max"), 16.0);
    assert_eq!(siege.raw(ASK).unwrap().status, 503);
    assert_eq!(siege.gateway.metric("gateway_downstream_streams_refused_total{bound=\"all\"}"), 1.0);
    // Whoever waits for a service keeps nobody from logging out.
    assert_eq!(siege.ada.get("/api/auth/profile").status, 200);
    assert_eq!(siege.ada.log_out().status, 200);
    held.ends();
}

#[test]
fn operators_are_served_when_clients_hold_all_descriptors() {
    let siege = Siege::with(|setup| {
        let trusting = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
        trusting.descriptors(512)
    });
    let mut held: Vec<_> = (0..700).map(|_| Raw::connect(siege.gateway.address)).collect();
    for path in ["/healthz", "/readyz", "/metrics"] {
        let reply = Client::new(siege.gateway.operations).get(path).send();
        assert_eq!(reply.status, 200, "{path}");
    }
    let refused = "gateway_downstream_connections_refused_total{reason=\"descriptors\"}";
    let open = || siege.gateway.metric("gateway_downstream_connections");
    eventually("each of them is held or closed", || siege.gateway.metric(refused) + open() >= 700.0);
    let files = siege.gateway.metric("process_open_fds");
    assert!((300.0..420.0).contains(&files), "of 512 files {files} are open");
    let taken = siege.gateway.metric("gateway_connection_descriptors");
    assert_eq!(taken, siege.gateway.metric("gateway_connection_descriptors_max"));
    // Who is connected is served by our own endpoints, store and hashing included.
    assert_eq!(siege.ada.get("/api/auth/profile").status, 200);
    assert_eq!(siege.ada.refresh(&siege.ada.refresh, true).status, 200);
    // A request that needs another descriptor for its service is told so.
    let reply = held[0].send(ASK).reply().unwrap();
    assert_eq!((reply.status, reply.field("retry-after").as_deref()), (503, Some("1")));
    assert!(reply.text().contains("too_many_streams"), "{}", reply.text());
    assert!(!siege.gateway.log().contains("os error 24"), "{}", siege.gateway.log());
    drop(held);
    eventually("what is given back is taken again", || siege.status(ASK) == 200);
    siege.gateway.ready();
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
