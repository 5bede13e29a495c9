//! A body has a pace over HTTP/1.1 and HTTP/2 alike, as long as the service waits for it; and no
//! client holds what others need.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

fn gateway(upstream: SocketAddr, route: &str) -> Gateway {
    Setup::new("")
        .upstream("app", &upstream.to_string())
        .route("public", "/", "app", &format!("auth = \"public\"\n{route}"))
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n")
        .start()
}

fn connections(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_connections", &[])
}

#[test]
fn a_silent_body_is_given_up_over_either_protocol_and_no_server_is_to_blame() {
    let upstream = Upstream::start();
    let gateway = gateway(upstream.address, "body_idle_timeout_ms = 2000");
    let mut raw = Raw::connect(gateway.address);
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let mut open = client.open(client.request("POST", "/", &[]));
    open.send.send_data(Bytes::from_static(b"hello"), false).unwrap();
    eventually("the service is asked for both", || connections(&gateway) == 2.0);
    let reply = raw.reply().unwrap();
    assert_eq!((reply.status, reply.field("connection").as_deref()), (408, Some("close")));
    assert!(reply.text().contains("body_timeout"), "{}", reply.text());
    let text = client.next(&mut open).unwrap().unwrap();
    assert!(String::from_utf8_lossy(&text).contains("body_timeout"), "{text:?}");
    eventually("both connections are given back", || connections(&gateway) == 0.0);
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
    assert_eq!(gateway.decided("body_timeout"), 2.0);
}

#[test]
fn a_trickle_is_given_up_over_either_protocol() {
    let upstream = Upstream::start();
    let gateway = gateway(upstream.address, "");
    let ended = crate::support::in_parallel(2, |which| {
        let begun = gateway_clock::Stopwatch::start();
        let text = if which == 0 { trickle_http1(&gateway) } else { trickle_http2(&gateway) };
        (text, begun.elapsed())
    });
    for (text, took) in ended {
        assert!(text.contains("body_timeout"), "{text}");
        assert!(took < Duration::from_secs(90), "{took:?}");
    }
    assert!(upstream.arrived().is_empty());
}

/// A byte each few seconds, until an answer comes.
fn trickle_http1(gateway: &Gateway) -> String {
    let mut raw = Raw::connect(gateway.address);
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    raw.stream().set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    for _ in 0..25 {
        raw.send("x");
        // Waiting for the answer is what lets the time go by.
        if let Some(reply) = raw.reply() {
            return reply.text();
        }
    }
    String::new()
}

fn trickle_http2(gateway: &Gateway) -> String {
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let mut open = client.open(client.request("POST", "/", &[]));
    for _ in 0..25 {
        // It fails once the stream is over: then the answer is there.
        open.send.send_data(Bytes::from_static(b"x"), false).ok();
        if let Some(piece) = client.within(&mut open, Duration::from_secs(4)) {
            return String::from_utf8_lossy(&piece.unwrap().unwrap_or_default()).into_owned();
        }
    }
    String::new()
}

/// Answers each head at once with these bytes, and never closes.
fn hasty(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut seen = [0; 4_096];
                stream.read(&mut seen).map(drop).ok();
                stream.write_all(answer.as_bytes()).ok();
                while matches!(stream.read(&mut seen), Ok(read) if read > 0) {}
            });
        }
    });
    address
}

#[test]
fn an_upload_that_goes_on_after_its_whole_answer_is_ended_soon() {
    let gateway = gateway(hasty("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), "");
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let mut uploads: Vec<_> = (0..20).map(|_| client.open(client.request("POST", "/", &[]))).collect();
    for open in &mut uploads {
        assert_eq!(client.next(open).unwrap().as_deref(), Some(&b"ok"[..]));
    }
    eventually("no connection is held for them", || connections(&gateway) == 0.0);
    assert_eq!(gateway.client().get("/").send().text(), "ok");
}

#[test]
fn so_is_one_whose_answer_has_no_content() {
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
    ] {
        let gateway = gateway(hasty(answer), "");
        let mut raw = Raw::connect(gateway.address);
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx");
        assert!(raw.head().is_some(), "{answer}");
        let mut client = H2::plain(gateway.further[0]).unwrap();
        let mut open = client.open(client.request("POST", "/", &[]));
        open.send.send_data(Bytes::from_static(b"x"), false).unwrap();
        assert!(client.next(&mut open).is_ok(), "{answer}");
        eventually("no connection is held for them", || connections(&gateway) == 0.0);
    }
}

/// A server of HTTP/2 that takes next to nothing of a body for so long, and then all of it.
fn reluctant(span: Duration) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut server = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((request, mut respond))) = server.accept().await {
                        tokio::spawn(async move {
                            tokio::time::sleep(span).await;
                            let mut body = request.into_body();
                            while let Some(Ok(piece)) = body.data().await {
                                body.flow_control().release_capacity(piece.len()).ok();
                            }
                            respond.send_response(http::Response::new(()), true).ok();
                        });
                    }
                });
            }
        });
    });
    told.recv().unwrap()
}

#[test]
fn a_service_that_takes_nothing_for_a_while_is_not_its_clients_fault() {
    let address = reluctant(Duration::from_secs(5));
    let gateway = Setup::new("")
        .config(&format!("[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\nprotocol = \"http2\""))
        .route("public", "/", "app", "auth = \"public\"\nbody_idle_timeout_ms = 1000")
        .start();
    assert_eq!(gateway.client().post("/").body(vec![b'x'; 4 << 20]).send().status, 200);
}

#[test]
fn a_server_has_so_many_connections_and_who_needs_another_is_told_at_once() {
    let (upstream, gate) = Upstream::gated();
    let gateway = Setup::new("")
        .config(&format!(
            "[[upstreams]]\nname = \"app\"\naddress = \"{}\"\nconnections_max = 2",
            upstream.address
        ))
        .route("public", "/", "app", "auth = \"public\"")
        .start();
    let mut running = [Raw::connect(gateway.address), Raw::connect(gateway.address)];
    for raw in &mut running {
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    eventually("both run", || upstream.arrived().len() == 2);
    let refused = gateway.client().get("/").send();
    assert_eq!((refused.status, refused.code()), (503, "upstream_full".to_owned()));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(connections(&gateway), 2.0);
    gate.open();
    for raw in &mut running {
        assert_eq!(raw.reply().unwrap().status, 200);
    }
    assert_eq!(gateway.client().get("/").send().status, 200);
    assert_eq!(connections(&gateway), 2.0, "those that are kept are used again");
    assert_eq!(gateway.total("gateway_upstream_server_failures_total", &[]), 0.0);
}
