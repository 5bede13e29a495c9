//! A simple request takes a lane of the gateway's own; where the lane is closed, it takes Pingora's way as all
//! others do. What arrives, and what comes back, is the same.

use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, RawReply};
use crate::support::scripted::service;
use crate::support::verbatim::Verbatim;

/// Heads behind their first line and `Host`, which differ in what goes no further, what is ours, and how often.
const FIELDS: [&str; 13] = [
    "",
    "Accept: */*\r\nUser-Agent: test/1\r\n",
    "Connection: close\r\nClose: 1\r\n",
    "connection: KEEP-ALIVE\r\nKeep-Alive: timeout=5\r\n",
    "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: x\r\nHTTP2-Settings: x\r\n",
    "X-User-Id: 1\r\nx_user_id: 2\r\nX-Gateway-Assertion: x\r\nRemote-User: y\r\n",
    "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Request-Id: mine\r\n",
    "X-Twice: a\r\nx-twice:\tb \r\nX-Empty:\r\nX-Latin: \u{e9}\r\n",
    "Cookie: a=1; b=2\r\nCookie: c=3\r\nAuthorization: Basic x\r\nTraceState: a=b\r\n",
    "Content-Length: 0\r\nContent-Type: text/plain\r\n",
    "Content-Length: 3\r\nContent-Type: text/plain\r\n",
    "If-None-Match: \"x\"\r\nRange: bytes=0-1\r\nOrigin: https://other.example\r\nMax-Forwards: 1\r\n",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n",
];

const ANSWERS: [&str; 18] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 2\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\nX-User-Id: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil it ends",
    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil it ends",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX-Folded: a\r\n\t b\r\nX-Spaced : c\r\nContent-Length: 2\r\n\r\nok",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nConnection: X-Own, close\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-User-Id: 1\r\nProxy-Status: x\r\nRateLimit: x\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 099 Odd\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
];

/// The same gateway with its lane open, and closed.
pub(super) fn both_ways(setup: impl Fn() -> Setup) -> [Gateway; 2] {
    ["true", "false"].map(|open| setup().env("GATEWAY__SERVER__FAST_PATH", open).unlimited().start())
}

/// The lines of a head in the order of the alphabet, without what differs from request to request. How names
/// are written has no meaning.
pub(super) fn lines(head: &str) -> Vec<String> {
    let line = |line: &str| match line.split_once(':') {
        Some((name, value)) if !name.contains(' ') => format!("{}:{value}", name.to_ascii_lowercase()),
        _ => line.to_owned(),
    };
    let is_its_own = |line: &String| line.starts_with("x-request-id:") || line.starts_with("date:");
    let mut lines: Vec<_> = head.lines().map(line).filter(|line| !is_its_own(line)).collect();
    lines.sort();
    lines
}

/// What arrives of requests with each of these fields, by a lane that is open or not.
fn arrived(open: &str, method: &str, upstream: &str) -> Vec<Vec<String>> {
    let service = Verbatim::start();
    let setup = Setup::new("").upstream("app", &service.address.to_string()).config(upstream);
    let setup = setup.route("app", "/app", "app", "auth = \"public\"").unlimited();
    let gateway = setup.env("GATEWAY__SERVER__FAST_PATH", open).start();
    let one = |(at, fields): (usize, &&str)| {
        let content = if fields.contains("Length: 3") { "abc" } else { "" };
        let line = format!("{method} /app/{at}%20b?c=d%2F HTTP/1.1");
        let mut client = Raw::connect(gateway.address);
        client.send(format!("{line}\r\nHost: app.example\r\n{fields}\r\n{content}"));
        assert_eq!(client.head().map(|answer| answer.status), Some(200), "{method} {fields:?}");
        let is_its = |came: &String| Some(lines(&came[came.rfind(&line)?..]));
        service.connections().iter().find_map(is_its).expect("it goes on as it was sent")
    };
    FIELDS.iter().enumerate().map(one).collect()
}

#[test]
fn a_request_arrives_alike_by_either_way() {
    for (method, upstream) in [("GET", ""), ("HEAD", ""), ("POST", ""), ("PUT", "host = \"own.example\"")] {
        let [lane, usual] = ["true", "false"].map(|open| arrived(open, method, upstream));
        for (at, fields) in FIELDS.iter().enumerate() {
            assert_eq!(lane[at], usual[at], "{method} {fields:?}");
        }
    }
}

/// All heads that come back, the content behind the last of them, and whether the connection goes on.
fn answered(gateway: &Gateway, method: &str, at: usize) -> (Vec<Vec<String>>, String, bool) {
    let mut client = Raw::connect(gateway.address);
    client.send(format!("{method} /{at} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let mut heads = Vec::new();
    loop {
        let is_empty = method == "HEAD" || ANSWERS[at].contains(" 304 ");
        let reply = if is_empty { client.head() } else { client.reply() };
        let reply: RawReply = reply.unwrap_or_else(|| panic!("no answer to {method} /{at}"));
        heads.push(lines(&reply.head));
        if reply.status >= 200 {
            let goes_on = client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").reply().is_some();
            let without_id = reply.text().split("\"request_id\"").next().unwrap().to_owned();
            return (heads, without_id, goes_on);
        }
    }
}

#[test]
fn an_answer_comes_back_alike_by_either_way() {
    let gateways = both_ways(|| {
        ANSWERS.iter().enumerate().fold(Setup::new(""), |setup, (at, answer)| {
            let name = format!("number{at}");
            let setup = setup.upstream(&name, &service(*answer).to_string());
            setup.route(&name, &format!("/{at}"), &name, "auth = \"public\"")
        })
    });
    for (at, answer) in ANSWERS.iter().enumerate() {
        for method in ["GET", "HEAD", "POST"] {
            if method == "HEAD" && answer.ends_with("it ends") {
                continue;
            }
            let [lane, usual] = [&gateways[0], &gateways[1]].map(|gateway| answered(gateway, method, at));
            assert_eq!(lane, usual, "{method} {answer:?}");
        }
    }
}

#[test]
fn each_request_is_counted_by_its_way() {
    let service = Verbatim::start();
    let gateways = both_ways(|| {
        let setup = Setup::new("").upstream("app", &service.address.to_string());
        setup.route("app", "/app", "app", "auth = \"public\"")
    });
    for gateway in &gateways {
        for (fields, body) in [
            ("", ""),
            ("Content-Length: 1\r\n", "x"),
            ("Expect: x\r\n", ""),
            ("TE: trailers\r\n", ""),
            ("Connection: x\r\n", ""),
            ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ] {
            let request = format!("GET /app HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}");
            let reply = Raw::connect(gateway.address).send(request).reply();
            assert_eq!(reply.map(|reply| reply.status), Some(200), "{fields:?}");
        }
    }
    let count = |gateway: &Gateway, way: &str| {
        let series = format!("gateway_http_ways_total{{route=\"app\",way=\"{way}\"}} ");
        gateway.metrics().lines().find_map(|line| line.strip_prefix(&series)?.parse::<u64>().ok())
    };
    let ways = ["lane", "closed", "trailers", "connection"];
    assert_eq!(ways.map(|way| count(&gateways[0], way)), [4, 0, 1, 1].map(Some));
    assert_eq!(ways.map(|way| count(&gateways[1], way)), [0, 4, 1, 1].map(Some));
}

#[test]
fn nothing_is_answered_behind_a_request_that_closes_its_connection() {
    let service = Verbatim::start();
    let gateways = both_ways(|| {
        let setup = Setup::new("").upstream("app", &service.address.to_string());
        setup.route("app", "/app", "app", "auth = \"public\"")
    });
    for gateway in &gateways {
        for fields in [
            "Connection: close",
            "Connection: CLOSE, x-own",
            "Connection: x-own\r\nConnection: close",
            "Connection: keep-alive\r\nConnection: close",
        ] {
            let one = format!("GET /app HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let mut client = Raw::connect(gateway.address);
            let reply = client.send(format!("{one}GET /app HTTP/1.1\r\nHost: a\r\n\r\n")).reply().unwrap();
            let said = reply.field("connection").unwrap_or_default();
            assert_eq!((reply.status, said.as_str()), (200, "close"), "{fields:?}");
            assert!(client.is_closed(), "{fields:?}");
        }
    }
}
