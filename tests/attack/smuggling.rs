//! Requests in which a second one is hidden, over raw sockets: two servers in a row must find the
//! same end of each message, or none at all.

use super::Siege;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

/// What nobody may ever be seen to have asked for.
pub(super) const SMUGGLED: &str =
    "GET /public/smuggled HTTP/1.1\r\nHost: gateway.example\r\nX-User-Role: admin\r\n\r\n";

/// Sends bytes, reads the first answer, lets go, and reads what else is said: its status (0 for a
/// closed connection) and everything after it.
pub(super) fn fire(siege: &Siege, bytes: impl AsRef<[u8]>) -> (u16, String) {
    let mut raw = Raw::connect(siege.gateway.address);
    let mut first = raw.send(bytes).reply();
    while first.as_ref().is_some_and(|reply| reply.status == 100) {
        first = raw.reply();
    }
    raw.stream().shutdown(std::net::Shutdown::Write).ok();
    (first.map_or(0, |reply| reply.status), raw.rest())
}

/// This is refused, the connection is closed, and nothing of it reached the upstream.
pub(super) fn refused(siege: &Siege, what: &str, bytes: impl AsRef<[u8]>) {
    let (status, rest) = fire(siege, bytes);
    assert!([0, 400].contains(&status), "{what:?}: {status}");
    assert_eq!(rest, "", "{what:?} got a second answer");
    let arrived = siege.got_through();
    assert!(arrived.is_empty(), "{what:?} reached the upstream: {arrived:?}");
}

/// This is refused, or understood as one request with one of these bodies; never as two.
pub(super) fn at_most_one(siege: &Siege, what: &str, bytes: impl AsRef<[u8]>, bodies: &[&[u8]]) {
    let (status, rest) = fire(siege, bytes);
    assert!([0, 200, 400, 417].contains(&status), "{what:?}: {status}");
    assert!(!rest.contains("HTTP/1.1 200"), "{what:?} got a second answer: {rest}");
    let arrived = siege.got_through();
    assert!(arrived.len() <= 1, "{what:?} became several requests: {arrived:?}");
    for one in arrived {
        assert!(
            one.target() != "/public/smuggled" && bodies.contains(&one.body.as_slice()),
            "{what:?}: {one:?}"
        );
    }
}

#[test]
fn the_body_of_a_request_that_is_refused_early_is_no_request() {
    let siege = Siege::begin();
    let large = SMUGGLED.repeat(3_000);
    for (path, status) in [
        ("/api/todos", 401),
        ("/nowhere", 404),
        ("/public//x", 400),
        ("/api/auth/nowhere", 404),
        ("/api/auth/profile", 401),
    ] {
        for body in [SMUGGLED, large.as_str()] {
            for method in ["GET", "POST", "DELETE", "OPTIONS"] {
                let start = format!("{method} {path} HTTP/1.1\r\nHost: gateway.example\r\n");
                let (of_length, again) =
                    fire(&siege, format!("{start}Content-Length: {}\r\n\r\n{body}", body.len()));
                let (of_chunks, more) = fire(
                    &siege,
                    format!(
                        "{start}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                        body.len()
                    ),
                );
                for (found, rest) in [(of_length, again), (of_chunks, more)] {
                    // Too large for an endpoint, or its method is another; with so much unread the answer itself may be lost.
                    let fits =
                        found == status || found == 405 || (body.len() > 65_536 && [0, 413].contains(&found));
                    assert!(fits, "{method} {path}: {found}");
                    assert_eq!(rest, "", "{method} {path} got a second answer");
                }
            }
        }
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

#[test]
fn a_body_is_a_body_on_every_method_and_route() {
    let siege = Siege::begin();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for path in ["/api/todos", "/public/x", "/optional"] {
            let start = format!("{method} {path} HTTP/1.1");
            let with_length = siege
                .head(&start, &format!("Connection: close\r\nContent-Length: {}\r\n", SMUGGLED.len()))
                + SMUGGLED;
            let with_chunks = siege.head(&start, "Connection: close\r\nTransfer-Encoding: chunked\r\n")
                + &format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
            for bytes in [with_length, with_chunks] {
                let answered = Raw::connect(siege.gateway.address).send(bytes).rest();
                assert_eq!(answered.matches("HTTP/1.1").count(), 1, "{start}: {answered}");
                let arrived = siege.got_through();
                assert!(arrived.len() == 1 && arrived[0].body == SMUGGLED.as_bytes(), "{start}: {arrived:?}");
            }
        }
    }
    siege.stands();
}

#[test]
fn what_follows_a_request_is_another_one_or_nothing_and_never_the_same_users() {
    let siege = Siege::begin();
    let first = siege.head("GET /api/todos HTTP/1.1", "");
    let posted = siege.head("POST /api/todos HTTP/1.1", "Content-Length: 2\r\n") + "hi";
    let stranger = "GET /api/todos/of-ada HTTP/1.1\r\nHost: gateway.example\r\n\r\n";
    for start in [&first, &posted] {
        for (what, second) in [
            ("a stranger's", stranger),
            ("garbage", "\0\0\0\0\r\n\r\n"),
            ("half a head", "GET /api/todos HT"),
            ("line ends", "\r\n\r\n\r\n"),
        ] {
            let (status, rest) = fire(&siege, format!("{start}{second}"));
            assert_eq!(status, 200, "{what}");
            assert!(
                rest.is_empty() || rest.starts_with("HTTP/1.1 401") || rest.starts_with("HTTP/1.1 400"),
                "{what}: {rest}"
            );
            let arrived = siege.got_through();
            assert_eq!(arrived.len(), 1, "{what}: {arrived:?}");
            assert!(arrived[0].body.is_empty() || arrived[0].body == b"hi");
        }
    }
    let mut one_after_the_other = Raw::connect(siege.gateway.address);
    assert_eq!(one_after_the_other.send(&first).reply().unwrap().status, 200);
    assert_eq!(one_after_the_other.send(stranger).reply().unwrap().status, 401);
    assert_eq!(one_after_the_other.send(&posted).reply().unwrap().status, 200);
    siege.stands();
}

#[test]
fn expectations_change_nothing_about_where_a_request_ends() {
    let siege = Siege::begin();
    for expect in [
        "100-continue",
        "100-Continue",
        "100-continue, x",
        "x",
        "",
        "100-continue\r\nExpect: 100-continue",
        "y 100-continue",
    ] {
        let lines = format!("Expect: {expect}\r\nContent-Length: {}\r\n", SMUGGLED.len());
        at_most_one(
            &siege,
            expect,
            siege.head("POST /api/todos HTTP/1.1", &lines) + SMUGGLED,
            &[SMUGGLED.as_bytes()],
        );
        at_most_one(
            &siege,
            expect,
            siege.head("GET /api/todos HTTP/1.1", &format!("Expect: {expect}\r\nContent-Length: 0\r\n")),
            &[b""],
        );
        at_most_one(
            &siege,
            expect,
            siege.head("GET /api/todos HTTP/1.1", &format!("Expect: {expect}\r\n")),
            &[b""],
        );
        let (status, rest) = fire(
            &siege,
            format!("POST /api/todos HTTP/1.1\r\nHost: gateway.example\r\n{lines}\r\n{SMUGGLED}"),
        );
        assert_eq!((status, rest.as_str()), (401, ""), "{expect:?}");
        assert!(siege.got_through().is_empty());
    }
    siege.stands();
}

#[test]
fn nothing_turns_a_connection_into_a_tunnel() {
    let siege = Siege::begin();
    for lines in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: upgrade\r\nUpgrade: x\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: TLS/1.0\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
    ] {
        for path in ["/api/todos", "/public"] {
            let bytes = siege.head(&format!("GET {path} HTTP/1.1"), lines) + SMUGGLED;
            // Who names no other protocol made two requests; who does may have meant it for that.
            let seconds = usize::from(!lines.contains("Upgrade:"));
            if seconds == 1 {
                let mut raw = Raw::connect(siege.gateway.address);
                raw.send(bytes);
                assert!([raw.reply(), raw.reply()].into_iter().all(|reply| reply.is_some()), "{lines}");
            } else {
                let (status, rest) = fire(&siege, bytes);
                assert!([0, 200, 400, 403].contains(&status) && rest.is_empty(), "{lines}: {status} {rest}");
            }
            let arrived = siege.got_through();
            let own = arrived.iter().filter(|one| one.target() == path).count();
            assert!(own <= 1 && arrived.len() <= 1 + seconds, "{lines}: {arrived:?}");
            assert!(
                arrived.iter().all(|one| !one.has("upgrade")
                    && !one.has("http2-settings")
                    && (one.target() == path || !one.has("x-user-role"))
                    && one.body.is_empty()),
                "{lines}: {arrived:?}"
            );
        }
    }
    refused(&siege, "the preface of HTTP/2", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SMUGGLED}"));
    siege.stands();
}

#[test]
fn an_upstream_that_switches_protocols_unasked_is_not_believed() {
    let siege = Siege::against(
        Upstream::answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
        |setup| setup,
    );
    let (status, rest) = fire(
        &siege,
        siege.head("GET /api/todos HTTP/1.1", "Connection: Upgrade\r\nUpgrade: x\r\n") + SMUGGLED,
    );
    assert_eq!((status, rest.as_str()), (502, ""));
    assert!(siege.got_through().iter().all(|one| one.target() == "/api/todos"));
}
