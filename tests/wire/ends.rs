//! A connection lives on only where the end of the request's content was seen (RFC 9112 §6.3, §7.1).

use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const SECOND: &str = "GET /public/second HTTP/1.1\r\nHost: a\r\n\r\n";

fn gateway(upstream: &Upstream) -> Gateway {
    Setup::before(upstream.address)
        .route("public", "/public", "todo", "auth = \"public\"")
        .route("app", "/x", "todo", "body_bytes_max = 1000")
        .route("admin", "/admin", "todo", "roles = [\"admin\"]")
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n")
        .start()
}

/// Requests that are refused, each for a reason of its own, with the beginning of a chunked body.
fn refusals(gateway: &Gateway) -> Vec<(u16, String)> {
    let token = gateway.user().access;
    let post = |path: &str, more: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{more}Transfer-Encoding: chunked\r\n\r\n")
    };
    let bearer = format!("Authorization: Bearer {token}\r\n");
    vec![
        (401, post("/x", "")),
        (401, post("/x", "Authorization: Bearer nonsense\r\n")),
        (403, post("/admin", &bearer)),
        (404, post("/nowhere", "")),
        (400, post("/x//y", "")),
        (404, post("/api/auth/nowhere", "")),
        (415, post("/api/auth/login", "Content-Type: text/plain\r\n")),
    ]
}

#[test]
fn an_error_of_reading_is_not_the_end_of_a_body() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    for (status, head) in refusals(&gateway) {
        for broken in [
            "zz\r\n",
            "\r\n",
            "5\r\nhelloX0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "0\r\nX\r\n\r\n",
            "0\r\n\0\r\n\r\n",
        ] {
            let mut raw = Raw::connect(gateway.address);
            raw.send(&head).send(broken).send(SECOND);
            let first = raw.reply().unwrap_or_else(|| panic!("{head}{broken:?} got no answer"));
            // What came along with its head is malformed before anything is decided.
            assert!([status, 400].contains(&first.status), "{head}{broken:?}: {first:?}");
            assert_eq!(first.field("connection").as_deref(), Some("close"), "{head}{broken:?}: {first:?}");
            assert_eq!(raw.rest(), "", "{head}{broken:?} was followed by another request");
        }
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_body_that_is_whole_leaves_the_connection_open_whatever_was_refused() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    for (status, head) in refusals(&gateway) {
        let mut raw = Raw::connect(gateway.address);
        raw.send(&head).send("5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n").send(SECOND);
        assert_eq!(raw.reply().map(|reply| reply.status), Some(status), "{head}");
        assert_eq!(raw.reply().map(|reply| reply.status), Some(200), "{head}");
    }
}

#[test]
fn a_body_of_which_more_is_to_come_closes_the_connection_and_the_answer_says_so() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    for (path, status) in [("/x", 401), ("/x//y", 400), ("/nowhere", 404)] {
        let mut raw = Raw::connect(gateway.address);
        raw.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello"));
        let first = raw.reply().unwrap();
        assert_eq!((first.status, first.field("connection").as_deref()), (status, Some("close")), "{path}");
        assert_eq!(raw.send(SECOND).rest(), "", "{path}");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn nothing_of_a_malformed_body_reaches_the_service_and_no_part_of_it_becomes_a_request() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let head = "POST /public/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut raw = Raw::connect(gateway.address);
    let reply = raw.send(format!("{head}5;x\0\r\nhello\r\n0\r\n\r\n{SECOND}")).reply().unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("malformed_request"), "{}", reply.text());
    assert_eq!(raw.rest(), "");
    assert!(upstream.arrived().is_empty());
    // What is malformed later breaks a request off that has begun: the service never sees it whole.
    let mut raw = Raw::connect(gateway.address);
    raw.send(head);
    raw.send("5\r\nhello\r\n").send("zz\r\n").send(SECOND);
    let reply = raw.reply().unwrap();
    assert!(reply.status == 400 && reply.text().contains("malformed_request"), "{reply:?}");
    assert_eq!(raw.rest(), "");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_a_service_sent_before_it_broke_off_arrives_and_does_not_look_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let service = std::thread::spawn(move || {
            let mut raw = Raw::over(listener.accept().unwrap().0);
            raw.request_head();
            raw.send(answer);
            // Apart from the end, which comes once the client has the beginning, or does not.
            told.recv_timeout(std::time::Duration::from_millis(300)).ok();
        });
        let gateway = Setup::before(address).route("public", "/public", "todo", "auth = \"public\"").start();
        let seen = Raw::connect(gateway.address).send("GET /public HTTP/1.1\r\nHost: a\r\n\r\n").rest();
        drop(tell);
        service.join().unwrap();
        assert!(seen.starts_with("HTTP/1.1 200") && seen.contains("half"), "{answer:?}: {seen}");
        assert!(!seen.ends_with("0\r\n\r\n"), "{answer:?}: {seen}");
    }
}

#[test]
fn a_connection_lives_on_after_a_body_that_waited_for_the_services_word() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut raw = Raw::over(stream);
                while let Some(head) = raw.try_request_head() {
                    if head.contains("100-continue") {
                        raw.send("HTTP/1.1 100 Continue\r\n\r\n");
                        raw.body(5);
                    }
                    raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            });
        }
    });
    let gateway = Setup::before(address).route("public", "/public", "todo", "auth = \"public\"").start();
    let mut raw = Raw::connect(gateway.address);
    raw.send("POST /public/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(raw.reply().unwrap().status, 100);
    let reply = raw.send("hello").reply().unwrap();
    assert!(reply.status == 200 && reply.field("connection").as_deref() != Some("close"), "{reply:?}");
    assert_eq!(raw.send(SECOND).reply().unwrap().status, 200);
}

#[test]
fn a_service_sees_one_end_of_a_body_that_ends_with_an_empty_frame() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let mut client = H2::plain(gateway.further[0]).unwrap();
    for pieces in [&["hello", ""][..], &[""], &["he", "", "llo", ""]] {
        let mut open = client.open(client.request("POST", "/public/upload", &[]));
        for (at, piece) in pieces.iter().enumerate() {
            open.send.send_data(bytes::Bytes::from_static(piece.as_bytes()), at + 1 == pieces.len()).unwrap();
        }
        assert_eq!(client.next(&mut open).unwrap().as_deref(), Some(&b"ok"[..]));
        // A second end would be the beginning of the next request on that connection.
        assert_eq!(gateway.client().get("/public/next").send().text(), "ok");
        let [upload, next] = &upstream.arrived()[..] else { panic!("{:?}", upstream.arrived()) };
        assert_eq!(upload.body, pieces.concat().as_bytes());
        assert_eq!(next.line, "GET /public/next HTTP/1.1");
        upstream.forget();
    }
    assert_eq!(gateway.total("gateway_upstream_unclean_connections_total", &[]), 0.0);
}
