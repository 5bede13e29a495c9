//! A hundred thousand requests with paths, methods, hosts, names and users that nobody has seen before:
//! nothing of it becomes a series.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::support::forge::{about, access, access_claims, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::Person;
use crate::support::upstream::Upstream;
use crate::support::{eventually, exposition, in_parallel};

const REQUESTS: usize = 100_000;
const CONNECTIONS: usize = 8;

/// All series, by name and labels.
fn series(gateway: &Gateway) -> BTreeSet<String> {
    let families = exposition::read(&gateway.metrics());
    let samples = families.into_values().flat_map(|family| family.samples);
    samples.map(|sample| format!("{} {:?}", sample.name, sample.labels)).collect()
}

/// Each number makes another request; each is one that HTTP allows.
fn request(number: usize, ada: &Person) -> String {
    let odd = format!("{:x}-%C3%A4~{number}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let (method, target, host, more) = match number % 5 {
        0 => (format!("M{number}"), format!("/{odd}"), format!("h{number}.example"), String::new()),
        1 => ("GET".into(), format!("/api/todos/{odd}?{odd}"), "x".into(), String::new()),
        2 => (
            "GET".into(),
            format!("/open/{odd}"),
            format!("{odd}.example").replace(['%', '~'], "a"),
            format!(
                "User-Agent: {odd}\r\nX-Request-Id: r{number}\r\ntraceparent: 00-{:032x}-{number:016x}-01\r\n",
                number + 1
            ),
        ),
        3 => (
            "GET".into(),
            "/api/todos".into(),
            "x".into(),
            format!("Authorization: Bearer {odd}.{odd}.{odd}\r\n"),
        ),
        // Somebody whom no other request was from, with a good token.
        _ => (
            "GET".into(),
            "/api/todos".into(),
            "x".into(),
            format!("Authorization: Bearer {}\r\n", access(&somebody(number, ada))),
        ),
    };
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")
}

fn somebody(number: usize, ada: &Person) -> Value {
    let claims = about(access_claims(ada), 1_000_000 + number as u64);
    with(claims, "email", json!(format!("nobody{number}@example.com")))
}

/// Sends requests one after the other on one connection, and counts the answers.
fn rage(address: SocketAddr, ada: &Person, numbers: impl Iterator<Item = usize>) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut answered, mut chunk) = (0, [0; 16_384]);
    for number in numbers {
        stream.write_all(request(number, ada).as_bytes()).unwrap();
        let mut seen = Vec::new();
        while !is_whole(&seen) {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..read]);
        }
        answered += 1;
    }
    answered
}

/// Whether an answer is there up to the end that its head names.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&answer[..end]).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    answer.len() >= end + 4 + length.expect("each answer says how long it is")
}

#[test]
fn a_hundred_thousand_odd_requests_make_no_series() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address)
        .route("open", "/open", "todo", "auth = \"public\"")
        .unlimited()
        .env("GATEWAY__LIMITS__USER", "{requests=1,window_seconds=60}")
        .env("GATEWAY__LOG__ACCESS", "false")
        .start();
    // Each kind of request once: some of them have series that begin with their first event.
    let ada = gateway.user();
    assert_eq!(rage(gateway.address, &ada, 0..10), 10);
    for number in 0..5 {
        log_in_as_nobody(&gateway, number);
    }
    let before = series(&gateway);
    let decided = || gateway.total("gateway_auth_decisions_total", &[]);
    let begun_with = decided();
    let answered = in_parallel(CONNECTIONS, |thread| {
        rage(gateway.address, &ada, (0..REQUESTS).filter(|number| number % CONNECTIONS == thread))
    });
    for number in 5..25 {
        log_in_as_nobody(&gateway, number);
    }
    assert_eq!(answered.iter().sum::<usize>(), REQUESTS);
    eventually("all are counted", || decided() - begun_with >= (REQUESTS + 20) as f64);
    let after = series(&gateway);
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(
        gateway.metric(
            "gateway_token_verifications_total{algorithm=\"HS256\",issuer=\"gateway\",result=\"ok\"}"
        ) >= 19_000.0
    );
}

fn log_in_as_nobody(gateway: &Gateway, number: usize) {
    let who =
        json!({"email": format!("odd{number}@{number}.example"), "password": format!("CANARY-{number}")});
    assert_eq!(gateway.client().post("/api/auth/login").json(&who).send().status, 401);
}
