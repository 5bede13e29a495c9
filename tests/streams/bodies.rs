//! Large bodies, in memory that does not grow with them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::gateway::{Gateway, Setup};
use crate::support::in_parallel;
use crate::support::raw::Raw;
use crate::support::scripted::playing;
use crate::support::upstream::{Gate, Upstream};

const GIGABYTE: u64 = 1 << 30;
/// What a gateway may need beside what it needs at rest.
const GROWTH_MAX: u64 = 48 << 20;

/// Reads a request's body of this length and answers with one of the same length.
fn mirror(length: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut client = Raw::over(stream);
        client.request_head();
        discard(client.stream(), length);
        client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        fill(client.stream(), length);
    });
    address
}

fn discard(mut stream: &TcpStream, length: u64) {
    let copied = std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink()).unwrap();
    assert_eq!(copied, length);
}

fn fill(mut stream: &TcpStream, length: u64) {
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..length / (1 << 20) {
        stream.write_all(&chunk).unwrap();
    }
}

/// The most memory that it ever held, in bytes.
fn peak(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

#[test]
fn a_gigabyte_up_and_a_gigabyte_down_pass_in_bounded_memory() {
    let gateway =
        Setup::before(mirror(GIGABYTE)).route("large", "/large", "todo", "auth = \"public\"").start();
    assert_eq!(gateway.client().get("/nowhere").send().status, 404);
    let before = peak(&gateway);
    let mut client = Raw::connect(gateway.address);
    client.send(format!("PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: {GIGABYTE}\r\n\r\n"));
    fill(client.stream(), GIGABYTE);
    let head = client.head().unwrap();
    assert_eq!(head.status, 200);
    discard(client.stream(), GIGABYTE);
    let grown = peak(&gateway).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "it grew by {} MiB", grown >> 20);
    let more = format!("PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", GIGABYTE + 1);
    assert_eq!(Raw::connect(gateway.address).send(more).reply().unwrap().status, 413);
}

#[test]
fn who_waits_for_100_continue_gets_the_upstreams_or_a_refusal_and_sends_no_body_for_it() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let head = |token: &str| {
        format!(
            "POST /api/todos HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
    };
    let refused = Raw::connect(gateway.address).send(head("x.y.z")).reply().unwrap();
    assert_eq!(refused.status, 401);
    assert!(upstream.arrived().is_empty());

    // An upstream that agrees, and then answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let mut client = Raw::over(listener.accept().unwrap().0);
        let head = client.request_head();
        client.send("HTTP/1.1 100 Continue\r\n\r\n");
        let mut body = [0; 4];
        client.stream().read_exact(&mut body).unwrap();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        (head, body)
    });
    let gateway = Setup::before(address).start();
    let mut client = Raw::connect(gateway.address);
    let interim = client.send(head(&gateway.user().access)).head().unwrap();
    assert_eq!(interim.status, 100, "{}", interim.head);
    assert_eq!(client.send("body").reply().unwrap().status, 200);
    let (head, body) = served.join().unwrap();
    assert!(head.to_ascii_lowercase().contains("expect: 100-continue"), "{head}");
    assert_eq!(&body, b"body");
}

/// For 16 connections on which somebody takes nothing. Pingora's way holds a megabyte for some of them.
const HELD_MAX: u64 = 32 << 20;

/// What goes through a connection of which the other end takes nothing, up to 64 MiB.
fn taken(mut stream: &TcpStream) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let (chunk, mut taken) = (vec![b'x'; 1 << 20], 0);
    while taken < 64 << 20 {
        match stream.write(&chunk) {
            Ok(written) => taken += written,
            Err(_) => break,
        }
    }
    taken
}

/// How much the memory of a gateway grows while 16 clients ask so and do this, and the service behind it plays
/// this; and what went into each connection.
fn grown(
    request: &str,
    of_client: impl Fn(&TcpStream) -> usize + Sync,
    service: impl Fn(Raw) + Clone + Send + 'static,
) -> (u64, Vec<usize>) {
    let setup = Setup::before(playing(service)).route("large", "/large", "todo", "auth = \"public\"");
    let gateway = setup.unlimited().start();
    assert_eq!(gateway.client().get("/nowhere").send().status, 404);
    let before = peak(&gateway);
    let taken = in_parallel(16, |_| of_client(Raw::connect(gateway.address).send(request).stream()));
    // The kernel counts by thread, and adds up now and then.
    (peak(&gateway).saturating_sub(before), taken)
}

#[test]
fn what_a_service_does_not_take_stays_with_the_client() {
    let gate = Gate::default();
    let closed = gate.clone();
    let request = format!("PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 64 << 20);
    let (grown, taken) = grown(&request, taken, move |mut raw| {
        raw.request_head();
        closed.pass();
    });
    gate.open();
    assert!(taken.iter().all(|taken| *taken < 64 << 20), "{taken:?}");
    assert!(grown < HELD_MAX, "it grew by {} KiB for {taken:?}", grown >> 10);
}

#[test]
fn what_a_client_does_not_take_stays_with_the_service() {
    let (tell, told) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    // Each stays until one of them is through.
    let stays = |_: &TcpStream| told.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
    let (grown, taken) = grown("GET /large HTTP/1.1\r\nHost: x\r\n\r\n", stays, move |mut raw| {
        raw.request_head();
        raw.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000000\r\n");
        tell.send(taken(raw.stream())).ok();
    });
    assert!(taken.iter().all(|taken| *taken < 64 << 20), "{taken:?}");
    assert!(grown < HELD_MAX, "it grew by {} KiB for {taken:?}", grown >> 10);
}
