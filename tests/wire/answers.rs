//! Answers that services get wrong, and that one client takes and another one does not: they are made right
//! on the way, or told for what they are.

use std::process::Command;

use serde_json::json;

use super::listening;
use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, Setup};
use crate::support::project;
use crate::support::raw::{Raw, RawReply};
use crate::support::scripted::service;
use crate::support::tools::node;

/// What is to come of each answer: the status, and the content.
const WRONG: [(&str, u16, &str); 10] = [
    ("HTTP/1.1 204 No Content\r\nContent-Length: 34\r\n\r\n", 204, ""),
    ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, ""),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 34\r\n\r\n", 304, ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 200, "ok"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200,
        "ok",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok", 200, "ok"),
    (
        "HTTP/1.1 200 OK\r\nConnection: Upgrade, X-Hop, close\r\nUpgrade: h2,h2c\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nContent-Length: 2\r\n\r\nok",
        200,
        "ok",
    ),
    ("HTTP/1.1 200 OK\r\nX-Folded: a\r\n  b\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok"),
];

/// No answers: another protocol, or a contradiction.
const NONE: [&str; 11] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: Upgrade\r\n\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
];

/// `/0`, `/1` and so on have these answers.
fn answering(answers: impl Iterator<Item = String>) -> Gateway {
    let setup = answers.enumerate().fold(Setup::new(""), |setup, (at, answer)| {
        let name = format!("number{at}");
        let setup = setup.upstream(&name, &service(answer).to_string());
        setup.route(&name, &format!("/{at}"), &name, "auth = \"public\"")
    });
    listening(setup, &Authority::new())
}

fn over_http1(gateway: &Gateway, at: usize) -> RawReply {
    let request = format!("GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n");
    Raw::connect(gateway.address).send(request).reply().unwrap_or_else(|| panic!("/{at}: no answer"))
}

#[test]
fn each_client_takes_what_was_made_right() {
    let gateway = answering(WRONG.iter().map(|(answer, ..)| (*answer).to_owned()));
    let [http1, http2] = [gateway.address, gateway.further[0]].map(|address| format!("http://{address}"));
    let paths: Vec<_> = (0..WRONG.len()).map(|at| format!("/{at}")).collect();
    let mut command = node();
    command.arg(project().join("tests/services/answers.js"));
    command.env("ASKS", json!({"http1": http1, "http2": http2, "paths": paths}).to_string());
    let output = command.output().unwrap();
    let told: Vec<[String; 2]> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    for (at, (answer, status, content)) in WRONG.iter().enumerate() {
        let expected = format!("{status} {content}");
        assert_eq!(told[at], [expected.clone(), expected.clone()], "{answer:?}");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--http2-prior-knowledge", "-w", "%{http_code} "]).arg(format!("{http2}/{at}"));
        let output = curl.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!((output.status.code(), said), (Some(0), format!("{content}{status} ")), "{answer:?}");
    }
}

#[test]
fn what_was_said_of_the_connection_goes_no_further() {
    let gateway = answering(WRONG.iter().map(|(answer, ..)| (*answer).to_owned()));
    for at in 0..WRONG.len() {
        let mut raw = Raw::connect(gateway.address);
        let head = raw.send(format!("GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")).head().unwrap();
        let head = head.head.to_ascii_lowercase();
        for name in ["upgrade", "x-hop", "keep-alive", "proxy-connection", "te"] {
            assert!(!head.contains(&format!("\n{name}:")), "{name} in {head}");
        }
        for name in ["content-length", "transfer-encoding"] {
            assert!(head.matches(&format!("\n{name}:")).count() <= 1, "{name} in {head}");
        }
    }
}

#[test]
fn what_is_no_answer_is_told_apart_from_a_service_that_is_not_there() {
    let many = "X: y\r\n".repeat(257);
    let many = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{many}\r\nok");
    let gateway = answering(NONE.iter().map(|answer| (*answer).to_owned()).chain([many, String::new()]));
    for at in 0..NONE.len() + 2 {
        let refused = over_http1(&gateway, at);
        let what = NONE.get(at).unwrap_or(&"many fields, or nothing");
        let code = if at == NONE.len() + 1 { "upstream_unreachable" } else { "upstream_malformed" };
        assert!(refused.status == 502 && refused.text().contains(code), "{what}: {}", refused.text());
        let error = refused.field("proxy-status").unwrap();
        assert_eq!(error.contains("http_protocol_error"), code == "upstream_malformed", "{what}: {error}");
    }
    assert_eq!(gateway.decided("upstream_malformed"), 12.0);
}

#[test]
fn an_answer_has_our_version_whatever_that_of_its_service_is() {
    let [chunked, measured] =
        ["Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "Content-Length: 2\r\n\r\nok"];
    let answers = [chunked, measured].map(|rest| format!("HTTP/1.0 200 OK\r\n{rest}"));
    let gateway = answering(answers.into_iter());
    for at in [0, 1] {
        let mut raw = Raw::connect(gateway.address);
        let head = raw.send(format!("GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")).head().unwrap().head;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
}

#[test]
fn what_is_to_be_upgraded_to_is_named_behind_an_interim_answer_too() {
    let last =
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n";
    let gateway = answering([format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{last}")].into_iter());
    let mut raw = Raw::connect(gateway.address);
    let first = raw.send("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n").head().unwrap();
    let second = raw.head().unwrap();
    assert_eq!((first.status, second.status), (103, 426));
    assert!(second.field("connection").unwrap().ends_with("Upgrade"), "{second:?}");
}

#[test]
fn an_interim_answer_goes_on_without_what_is_not_for_clients() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: __Host-gateway_access=x\r\nX-User-Id: 7\r\nServer: y\r\nX-Gateway-Explain: z\r\n\r\n";
    let gateway = answering([format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")].into_iter());
    let mut raw = Raw::connect(gateway.address);
    let first = raw.send("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n").head().unwrap();
    assert_eq!((first.status, first.field("link").as_deref()), (103, Some("</a>")));
    for name in ["set-cookie", "x-user-id", "server", "x-gateway-explain"] {
        assert_eq!(first.field(name), None, "{name}");
    }
    assert_eq!(raw.head().unwrap().status, 200);
}

#[test]
fn a_service_of_another_version_than_was_said_is_told_as_one() {
    let address = service("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let upstream = format!("[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\nprotocol = \"http2\"");
    let gateway = Setup::new(&upstream).config("").route("app", "/", "app", "auth = \"public\"").start();
    let reply = gateway.client().get("/").send();
    assert_eq!((reply.status, reply.code().as_str()), (502, "upstream_malformed"), "{}", gateway.log());
}
