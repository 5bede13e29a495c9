//! While content goes up an answer may come down; and each side has its own time, whatever the other does.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::ways::both_ways;
use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::scripted::playing;
use crate::support::{eventually, free_port};

fn before(upstream: SocketAddr, route: &str) -> [Gateway; 2] {
    both_ways(|| {
        let route = format!("auth = \"public\"\n{route}");
        Setup::new("").upstream("app", &upstream.to_string()).route("app", "/app", "app", &route)
    })
}

/// Says in chunks what comes in chunks, as it comes.
fn echo() -> SocketAddr {
    playing(|mut raw| {
        raw.request_head();
        raw.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut seen = [0; 4_096];
        while let Ok(read) = raw.stream().read(&mut seen)
            && read > 0
        {
            raw.send(&seen[..read]);
        }
    })
}

#[test]
fn an_answer_that_begins_before_its_request_ends_goes_on_with_it() {
    for gateway in before(echo(), "") {
        let mut client = Raw::connect(gateway.address);
        client.send("POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let head = client.head().unwrap();
        assert_eq!((head.status, head.field("connection").as_deref()), (200, Some("close")));
        for piece in ["5\r\nhello\r\n", "6\r\n again\r\n", "0\r\n\r\n"] {
            client.send(piece);
            let came = client.body(piece.len());
            assert_eq!(String::from_utf8(came).unwrap(), piece);
        }
        assert!(client.is_closed());
    }
}

#[test]
fn what_comes_behind_a_whole_answer_goes_on_to_a_service_that_takes_it() {
    let (tell, told) = std::sync::mpsc::channel();
    let address = playing(move |mut raw| {
        raw.request_head();
        raw.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        tell.send(raw.body(6)).unwrap();
    });
    for gateway in before(address, "") {
        let mut client = Raw::connect(gateway.address);
        client.send("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        assert_eq!(client.reply().unwrap().status, 202);
        client.send("def");
        assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap(), b"abcdef");
        assert!(client.is_closed());
    }
}

#[test]
fn a_service_that_takes_nothing_is_given_up_after_its_time() {
    let address = playing(|mut raw| {
        raw.request_head();
        std::thread::park_timeout(Duration::from_secs(60));
    });
    for gateway in
        before(address, "write_timeout_ms = 500\nread_timeout_ms = 500\nbody_idle_timeout_ms = 60000")
    {
        let mut client = Raw::connect(gateway.address);
        client.send(format!("PUT /app HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 64 << 20));
        let upload = client.stream().try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut std::io::repeat(b'x').take(64 << 20), &mut &upload));
        let reply = client.reply().unwrap();
        assert!(reply.status == 504 && reply.text().contains("upstream_timeout"), "{reply:?}");
        assert_eq!(gateway.decided("body_timeout"), 0.0);
    }
}

#[test]
fn a_service_answers_for_its_own_silence_and_not_for_that_of_a_client() {
    let address = playing(|mut raw| {
        raw.request_head();
        raw.body(6);
        raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").rest();
    });
    let [lane, _] = before(address, "read_timeout_ms = 500\nbody_idle_timeout_ms = 60000");
    let mut client = Raw::connect(lane.address);
    client.send("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    client.stream().set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // Waiting for an answer is what lets the time go by.
    assert!(client.reply().is_none());
    assert_eq!(client.send("def").reply().map(|reply| reply.status), Some(200));
}

#[test]
fn why_a_service_takes_no_more_is_told_where_it_said_so() {
    let address = playing(|mut raw| {
        raw.request_head();
        raw.send("HTTP/1.1 422 No\r\nContent-Length: 5\r\n\r\nno, I");
    });
    for gateway in before(address, "") {
        let mut client = Raw::connect(gateway.address);
        client.send(format!("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 8 << 20));
        let reply = client.send(vec![b'x'; 8 << 20]).reply().unwrap();
        assert_eq!((reply.status, reply.text()), (422, "no, I".to_owned()));
    }
}

/// A service over TLS that takes what its output takes, and says what is written to its input.
fn over_tls(authority: &Authority) -> (SocketAddr, Child) {
    let (certified, port) = (authority.certify("app", &["127.0.0.1"]), free_port());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-accept", &port.to_string(), "-cert"]);
    command.arg(&certified.certificate_file).arg("-key").arg(&certified.key_file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let child = command.spawn().unwrap();
    eventually("it listens", || std::net::TcpStream::connect(address).is_ok());
    (address, child)
}

#[test]
fn what_a_service_over_tls_does_not_take_is_not_held_against_its_client() {
    const CONTENT: usize = 24 << 20;
    let authority = Authority::new();
    let (address, mut service) = over_tls(&authority);
    let tls = format!("tls = {{ ca_file = \"{}\" }}", authority.file().display());
    let upstream = format!("[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\n{tls}");
    let route = format!("auth = \"public\"\nbody_bytes_max = {CONTENT}\nbody_idle_timeout_ms = 1000");
    let gateway = Setup::new("").config(&upstream).route("app", "/app", "app", &route).start();
    let mut client = Raw::connect(gateway.address);
    let mut sending = Raw::over(client.stream().try_clone().unwrap());
    let sent = std::thread::spawn(move || {
        sending.send(format!("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: {CONTENT}\r\n\r\n"));
        sending.send(vec![b'x'; CONTENT]);
    });
    // Three times what a client has.
    client.stream().set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let said = client.stream().read(&mut [0]);
    assert!(said.is_err(), "nobody was to say anything, and somebody did: {said:?}");
    let mut content = service.stdout.take().unwrap();
    let mut taken = 0;
    while taken < CONTENT {
        taken += content.read(&mut [0; 65_536]).unwrap();
    }
    sent.join().unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    service.stdin.as_mut().unwrap().write_all(answer).unwrap();
    client.stream().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    service.kill().unwrap();
    service.wait().unwrap();
}
