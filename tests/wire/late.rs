//! A client that is slow to read gets all that it was sent.

use std::net::TcpStream;
use std::time::Duration;

use gateway_clock::Stopwatch;

use super::listening;
use crate::support::authority::{Authority, Encrypted};
use crate::support::belongings::processor_ticks;
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::scripted::playing;

/// What of an answer fits into the kernel, about, and steps around it: of the last bytes of some of them a
/// stream that encrypts has taken all, and passed on not all.
const BYTES: usize = 4_060_000;
const STEP: usize = 4_000;
const CLIENTS: usize = 24;

/// It does nothing any more, since nobody takes anything.
fn comes_to_rest(gateway: &Gateway) {
    let (mut before, mut since) = (0, Stopwatch::start());
    eventually("nothing is done any more", || {
        let now = processor_ticks(gateway.pid());
        if std::mem::replace(&mut before, now) != now {
            since = Stopwatch::start();
        }
        since.elapsed() > Duration::from_millis(300)
    });
}

#[test]
fn a_client_over_tls_that_reads_late_gets_the_end_of_its_answer() {
    let service = playing(|mut raw| {
        while let Some(head) = raw.try_request_head() {
            let bytes = head.split(['/', ' ']).nth(3).and_then(|bytes| bytes.parse::<usize>().ok()).unwrap();
            raw.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n")).send(vec![b'x'; bytes]);
        }
    });
    let authority = Authority::new();
    let setup = Setup::before(service).route("open", "/open", "todo", "auth = \"public\"");
    let gateway = listening(setup, &authority);
    let clients = (0..CLIENTS).map(|place| {
        let tcp = TcpStream::connect(gateway.further[1]).unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&tcp, 64 << 10).unwrap();
        let mut client = Encrypted::over(tcp, "localhost", authority.client(&["http/1.1"])).unwrap();
        let bytes = BYTES + place * STEP;
        assert_eq!(client.begin(&format!("/open/{bytes}")), Some(200));
        (client, bytes)
    });
    let clients: Vec<_> = clients.collect();
    comes_to_rest(&gateway);
    for (mut client, bytes) in clients {
        let content = client.content(bytes);
        assert!(content.is_ok_and(|content| content.iter().all(|byte| *byte == b'x')), "of {bytes}");
    }
}
