//! A head that is refused: answered in the contract's form whatever is wrong with it, counted and logged.
//! And one that is only unusual: taken.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::{Raw, RawReply};
use crate::support::upstream::Upstream;

fn gateway() -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let setup = setup.route("app", "/app", "app", "auth = \"public\"");
    (setup.config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n").unlimited().start(), upstream)
}

/// What a client is told, after which its connection is closed.
fn refused(gateway: &Gateway, head: impl AsRef<[u8]>) -> (u16, String) {
    let head = head.as_ref();
    let shown = head.escape_ascii().to_string();
    let mut client = Raw::connect(gateway.address);
    let reply = client.send(head).reply().unwrap_or_else(|| panic!("no answer to {shown}"));
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{shown}: {reply:?}"));
    let id = body["request_id"].as_str().unwrap_or_default().to_owned();
    assert!(!id.is_empty() && reply.field("x-request-id") == Some(id), "{shown}: {reply:?}");
    assert!(body["error"].is_string() && reply.field("content-type").is_some(), "{shown}: {reply:?}");
    assert_eq!(reply.field("proxy-status").map(|said| said.starts_with("gateway;")), Some(true), "{shown}");
    assert!(client.is_closed(), "{shown}: the connection is of no use any more");
    (reply.status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn with(lines: &str) -> String {
    format!("GET /app HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn each_head_that_is_none_is_answered_in_our_form_and_counted() {
    let (gateway, upstream) = gateway();
    let malformed = [
        "GET /app\r\n\r\n".to_owned(),
        "GET /app HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(),
        "GET  /app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "G(T /app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /app\u{1} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET http://b/app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET http://u:p@a/app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET ftp://a/app HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /app HTTP/1.1\r\nHost: u@a\r\n\r\n".to_owned(),
        "GET /app HTTP/1.1\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\r\n\r\n".to_owned(),
        with("Host: a\r\n"),
        with("A\r\n"),
        with(": b\r\n"),
        with("A : b\r\n"),
        with("A: b\r\n c\r\n"),
        with("A: \0\r\n"),
        with("A: b\n"),
        with("Content-Length: 1, 2\r\n"),
        with("Content-Length: -1\r\n"),
        with("Transfer-Encoding: gzip\r\n"),
        with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        with("Transfer-Encoding: chunked\r\n").replace("1.1", "1.0"),
    ];
    for head in &malformed {
        assert_eq!(refused(&gateway, head), (400, "malformed_request".to_owned()), "{head:?}");
    }
    assert_eq!(refused(&gateway, b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n").1, "malformed_request");
    assert_eq!(gateway.decided("malformed_request"), malformed.len() as f64 + 1.0);
    assert!(upstream.arrived().is_empty());
}

#[test]
fn connect_and_too_many_or_too_large_headers_are_said_to_be_that() {
    let (gateway, upstream) = gateway();
    let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    assert_eq!(refused(&gateway, connect), (405, "method_not_allowed".to_owned()));
    let fields = |count: usize| with(&"A: b\r\n".repeat(count));
    assert_eq!(refused(&gateway, fields(256)), (431, "too_many_headers".to_owned()));
    assert_eq!(refused(&gateway, with(&format!("A: {}\r\n", "b".repeat(33_000)))).1, "headers_too_large");
    assert_eq!(Raw::connect(gateway.address).send(fields(255)).reply().unwrap().status, 200);
    let mut h2 = H2::plain(gateway.further[0]).unwrap();
    let many: Vec<_> = std::iter::repeat_n(("a", "b"), 257).collect();
    let reply = h2.get("/app", &many).unwrap();
    assert_eq!((reply.status, reply.text().contains("\"too_many_headers\"")), (431, true));
    assert_eq!(h2.get("/app", &many[1..]).unwrap().status, 200);
    let tunnel = h2.request("CONNECT", "", &[]);
    let reply = h2.send(tunnel, b"", None).unwrap();
    assert_eq!((reply.status, reply.text().contains("\"method_not_allowed\"")), (405, true));
    assert!(upstream.arrived().iter().all(|one| one.target() == "/app"));
}

#[test]
fn a_refused_head_has_one_line_with_whose_it_was_and_no_secret() {
    let (gateway, _upstream) = gateway();
    let heads = [
        ("GET /app/x HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", "GET", "/app/x"),
        ("POST /a//b;s=SECRET?q=SECRET HTTP/1.1\r\nHost: a\r\n\r\n", "POST", "/a//b;"),
        ("GET http://u:SECRET@a/x?SECRET HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/x"),
        ("GET /\u{85}[\"x HTTP/1.1\r\nHost: a, b\r\n\r\n", "GET", "/%C2%85%5B%22x"),
        ("Bearer SECRET\r\n\r\n", "OTHER", ""),
    ];
    for (head, method, path) in heads {
        let reply = Raw::connect(gateway.address).send(head).reply().unwrap();
        let id = reply.field("x-request-id").unwrap();
        let line = || gateway.lines().into_iter().find(|line| line["request_id"] == id.as_str());
        eventually("it is logged", || line().is_some());
        let line = line().unwrap();
        assert_eq!((&line["method"], &line["path"]), (&method.into(), &path.into()), "{head:?}");
        assert_eq!((&line["client"], &line["status"]), (&"127.0.0.1".into(), &400.into()), "{head:?}");
        assert_eq!((&line["route"], &line["target"]), (&"none".into(), &"access".into()), "{head:?}");
    }
    assert!(!gateway.log().contains("SECRET"));
}

/// RFC 9112 §2.2. Its first byte was read along with the request before it.
#[test]
fn an_empty_line_in_pieces_is_no_request() {
    let (gateway, _upstream) = gateway();
    let mut client = Raw::connect(gateway.address);
    client.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n\r");
    assert_eq!(client.reply().unwrap().status, 404);
    client.send("\n").says_no_more();
    assert_eq!(client.rest(), "", "nothing was asked");
}

/// RFC 9112 §3.2.2: the absolute form is what counts; it is taken where Host names the same.
#[test]
fn an_absolute_target_is_taken_whatever_the_spelling_of_its_host() {
    let (gateway, upstream) = gateway();
    for (target, host) in [
        ("http://a.example:80/app/x", "a.example"),
        ("HTTP://A.example/app/x", "a.example"),
        ("https://a.example/app/x", "a.example:443"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(Raw::connect(gateway.address).send(head).reply().unwrap().status, 200, "{target}");
        assert_eq!((upstream.only().target(), upstream.only().one("host")), ("/app/x", host), "{target}");
        upstream.forget();
    }
}

/// Pieces of heads, good ones and others, in any order.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "GET",
        "HEAD",
        "CONNECT",
        "PRI",
        "/app",
        "/app/[x]",
        "/é",
        "*",
        "http://a/app",
        "a:80",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/3",
        "",
        "\t",
        "\0",
        "\"",
        "<",
        "%",
        "Host: a",
        "Host:",
        "A : b",
        " c",
        "A",
        "Content-Length: 1",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: x",
        "Connection: close",
        "\u{7f}",
    ]);
    let end = prop::sample::select(vec![" ", " ", "\r\n", "\r\n", "\n", "\r", "  "]);
    prop::collection::vec((word, end), 1..12).prop_map(|pieces| {
        let text: String = pieces.into_iter().flat_map(|(word, end)| [word, end]).collect();
        let text = format!("{}\r\n\r\n", text.trim_start_matches(['\r', '\n']));
        text.into_bytes()
    })
}

#[test]
fn no_head_however_damaged_gets_an_answer_without_a_code() {
    let (gateway, _upstream) = gateway();
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let is_ours = |reply: &RawReply| {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        body["code"].is_string() && body["request_id"].is_string() && reply.field("x-request-id").is_some()
    };
    let run = runner.run(&damaged(), |head| {
        let mut client = Raw::connect(gateway.address);
        client.send(&head);
        client.stream().shutdown(std::net::Shutdown::Write).ok();
        let is_bodiless = head.starts_with(b"HEAD ");
        let reply = if is_bodiless { client.head() } else { client.reply() };
        if let Some(reply) = reply {
            let fine = is_bodiless || reply.status == 200 || is_ours(&reply);
            prop_assert!(fine && reply.field("x-request-id").is_some(), "{:?}", reply);
        }
        Ok(())
    });
    run.unwrap();
    assert_eq!(gateway.client().get("/app").send().status, 200);
}
