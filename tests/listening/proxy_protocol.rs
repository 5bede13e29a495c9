//! A balancer that says, before the first byte, for whom it speaks.

use crate::support::authority::{Authority, Encrypted};
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const GET: &str = "GET /open HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n";

/// A listener that takes the protocol from these networks.
fn before(upstream: &Upstream, from: &str, more: &str) -> Gateway {
    Setup::before(upstream.address)
        .route("open", "/open", "todo", "auth = \"public\"")
        .config(&format!(
            "[[listeners]]\naddress = \"127.0.0.1:0\"\nproxy_protocol_from = [\"{from}\"]\n{more}"
        ))
        .start()
}

fn version_2(client: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([10, 0, 0, 1, 0x12, 0x67, 1, 187]);
    header
}

#[test]
fn the_client_is_who_the_balancer_says() {
    let upstream = Upstream::start();
    let gateway = before(&upstream, "127.0.0.0/8", "");
    let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec();
    for header in [line, version_2([192, 0, 2, 7])] {
        let mut client = Raw::connect(gateway.further[0]);
        client.send([header, GET.as_bytes().to_vec()].concat());
        assert_eq!(client.reply().unwrap().status, 200);
        // The client is no trusted proxy: what it says of itself does not count.
        assert_eq!(upstream.only().one("x-forwarded-for"), "192.0.2.7");
        assert_eq!(upstream.only().one("x-real-ip"), "192.0.2.7");
        // The header is of the connection, and not of each request.
        assert_eq!(client.send(GET).reply().unwrap().status, 200);
        upstream.forget();
    }
}

#[test]
fn it_may_come_in_pieces() {
    let upstream = Upstream::start();
    let gateway = before(&upstream, "127.0.0.0/8", "");
    let mut client = Raw::connect(gateway.further[0]);
    for piece in version_2([192, 0, 2, 7]).chunks(5) {
        client.send(piece);
    }
    assert_eq!(client.send(GET).reply().unwrap().status, 200);
    assert_eq!(upstream.only().one("x-real-ip"), "192.0.2.7");
}

#[test]
fn it_comes_before_tls() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let upstream = Upstream::start();
    let tls = format!("[listeners.tls]\ncertificates = [{}]", certified.entry());
    let gateway = before(&upstream, "127.0.0.0/8", &tls);
    let mut tcp = std::net::TcpStream::connect(gateway.further[0]).unwrap();
    std::io::Write::write_all(&mut tcp, &version_2([192, 0, 2, 7])).unwrap();
    let mut client = Encrypted::over(tcp, "localhost", authority.client(&["http/1.1"])).unwrap();
    assert_eq!(client.exchange(GET).unwrap().status, 200);
    assert_eq!(upstream.only().one("x-real-ip"), "192.0.2.7");
}

#[test]
fn the_limits_by_address_count_the_client() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address)
        .route(
            "open",
            "/open",
            "todo",
            "auth = \"public\"\naddress_limit = { requests = 1, window_seconds = 600 }",
        )
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nproxy_protocol_from = [\"127.0.0.1\"]")
        .start();
    let status = |client: [u8; 4]| {
        let bytes = [version_2(client), GET.as_bytes().to_vec()].concat();
        Raw::connect(gateway.further[0]).send(bytes).reply().unwrap().status
    };
    assert_eq!((status([192, 0, 2, 7]), status([192, 0, 2, 7]), status([192, 0, 2, 8])), (200, 429, 200));
}

#[test]
fn without_a_header_or_from_a_stranger_nothing_is_answered() {
    let upstream = Upstream::start();
    let open = before(&upstream, "127.0.0.0/8", "");
    let closed = before(&upstream, "192.0.2.0/24", "");
    let garbage = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 99999\r\n".to_vec();
    let tries = [
        (&open, GET.as_bytes().to_vec()),
        (&open, [garbage, GET.as_bytes().to_vec()].concat()),
        (&closed, [version_2([192, 0, 2, 7]), GET.as_bytes().to_vec()].concat()),
    ];
    for (gateway, bytes) in tries {
        let mut client = Raw::connect(gateway.further[0]);
        assert_eq!(client.send(bytes).rest(), "");
    }
    assert!(upstream.arrived().is_empty());
    let refused = "gateway_downstream_connections_refused_total{reason=\"proxy_protocol\"}";
    eventually("they are counted", || open.metric(refused) == 2.0 && closed.metric(refused) == 1.0);
}

#[test]
fn elsewhere_it_is_a_head_that_cannot_be_read() {
    let upstream = Upstream::start();
    let gateway = before(&upstream, "127.0.0.0/8", "");
    let bytes = [b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(), GET.as_bytes().to_vec()].concat();
    let reply = Raw::connect(gateway.address).send(bytes).rest();
    assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    assert!(upstream.arrived().is_empty());
}
