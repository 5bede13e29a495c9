//! The head of a request of HTTP/1.1 before Pingora parses it: refused where it is none, and else in the
//! form in which Pingora takes what browsers and proxies send. What Pingora refuses it answers by itself,
//! bare, and nobody is told.

use std::ops::Range;

use bytes::{BufMut as _, BytesMut};

use super::head::HEAD_BYTES_MAX;
use gateway_framing::{Connection, FieldLine, Flaw, Length, Malformed, RequestHead, read_request};
use gateway_http1::{Unusual, unusual};
use gateway_pipeline::{METHODS, is_authority, is_same_authority};
use gateway_problem::{Code, Problem};

/// What a head says, once it is known to be one.
pub(super) struct Settled {
    /// The head as it goes on, where it does not go on as it is, as nearly all do.
    pub(super) head: Option<BytesMut>,
    /// Where it ends, in the bytes that were read.
    pub(super) end: usize,
    /// Where its target is, as it was sent.
    pub(super) target: Range<usize>,
    /// As they were sent.
    pub(super) lines: Vec<FieldLine>,
    pub(super) length: Result<Length, Malformed>,
    pub(super) asks_for_upgrade: bool,
    /// Whether its client means to go on with the connection.
    pub(super) keeps_connection: bool,
    pub(super) speaks_of_connection: bool,
    /// Why it is not simple, if it is not.
    pub(super) unusual: Option<Unusual>,
}

/// What may lie behind the head is not looked at.
pub(super) fn settled(bytes: &[u8]) -> Result<Settled, Problem> {
    let read = read_request(bytes);
    if read.as_ref().map_or(bytes.len(), |request| request.bytes) > HEAD_BYTES_MAX {
        return Err(Problem::new(Code::HeadersTooLarge));
    }
    let request = read.map_err(|flaw| match flaw {
        Flaw::TooManyFields => Problem::new(Code::TooManyHeaders),
        flaw => malformed(flaw.message()),
    })?;
    if request.hosts > 1 || request.host.contains(&b'@') {
        return Err(malformed("Exactly one Host is required"));
    }
    if request.method == b"CONNECT" {
        return Err(Problem::new(Code::MethodNotAllowed).allow(METHODS));
    }
    let goes_on = request.target.starts_with(b"/") && !request.target.iter().any(|byte| is_odd(*byte));
    let head = if goes_on { None } else { Some(rewritten(bytes, &request)?) };
    Ok(Settled {
        unusual: if head.is_some() { Some(Unusual::Target) } else { unusual(&request) },
        head,
        end: request.bytes,
        target: request.target_range(),
        length: request.length,
        asks_for_upgrade: request.asks_for_upgrade,
        speaks_of_connection: request.speaks_of_connection,
        keeps_connection: request.connection != Connection::Close,
        lines: request.lines,
    })
}

/// In origin form, and with escapes for what Pingora takes in no target. An escape is what is meant.
fn rewritten(bytes: &[u8], request: &RequestHead<'_>) -> Result<BytesMut, Problem> {
    // A target has no fragment (RFC 9112 §3.2); Pingora would cut it off, others would not.
    if request.target.contains(&b'#') {
        return Err(Problem::new(Code::AmbiguousPath));
    }
    let target = origin_form(request)?;
    let mut out = BytesMut::with_capacity(request.bytes + HEAD_ROOM);
    out.put_slice(request.method);
    out.put_u8(b' ');
    if !matches!(target, [b'/' | b'*', ..]) {
        out.put_u8(b'/');
    }
    for byte in target {
        if is_left_raw(*byte) {
            out.put_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.put_u8(*byte);
        }
    }
    let behind = bytes.get(request.target_range().end..request.bytes);
    out.put_slice(behind.ok_or_else(|| malformed(Flaw::RequestLine.message()))?);
    Ok(out)
}

/// Room for a few escapes.
const HEAD_ROOM: usize = 128;

/// RFC 9112 §3.2. Of the absolute form (§3.2.2) what is behind its authority, where that is the one in
/// `Host`: which of two that differ is routed and which is served must not be the client's choice.
fn origin_form<'a>(request: &RequestHead<'a>) -> Result<&'a [u8], Problem> {
    let target = request.target;
    if target.starts_with(b"/") || target == b"*" {
        return Ok(target);
    }
    let behind = |scheme: &str| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    };
    let (rest, usual_port) = match (behind("http://"), behind("https://")) {
        (Some(rest), _) => (rest, 80),
        (_, Some(rest)) => (rest, 443),
        _ => return Err(malformed("The request target must begin with a slash, or be an absolute URL")),
    };
    // A slash in the query begins no path.
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    // RFC 9112 §3.2: HTTP/1.1 has a Host beside it, too.
    if is_authority(authority) && is_same_authority(authority, request.host, usual_port) {
        Ok(rest)
    } else {
        Err(malformed("Host is not the host of the request target"))
    }
}

/// What does not go on as it was sent.
fn is_odd(byte: u8) -> bool {
    byte == b'#' || is_left_raw(byte)
}

/// What browsers and tools leave raw, and Pingora takes in no path or no query.
fn is_left_raw(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`')
}

fn malformed(why: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest).with_message(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str, host: &str) -> Result<Option<String>, &'static str> {
        let settled = settled(format!("{line}\r\nHost: {host}\r\n\r\n").as_bytes());
        let first = |head: BytesMut| String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
        settled.map(|settled| settled.head.map(first)).map_err(|problem| problem.code().as_str())
    }

    #[test]
    fn a_head_goes_on_as_it_is_unless_something_is_to_be_escaped() {
        assert_eq!(line("GET /a[1]|^{}?b=[]|é HTTP/1.1", "a"), Ok(None));
        let escaped = line("GET /<a>`?q=\"x\" HTTP/1.1", "a").unwrap();
        assert_eq!(escaped.as_deref(), Some("GET /%3Ca%3E%60?q=%22x%22 HTTP/1.1"));
        assert_eq!(line("GET /a#b HTTP/1.1", "a"), Err("ambiguous_path"));
        assert_eq!(line("CONNECT a:80 HTTP/1.1", "a"), Err("method_not_allowed"));
    }

    #[test]
    fn of_an_absolute_target_what_lies_behind_the_host_goes_on() {
        for (target, host) in [
            ("http://a.example/x", "a.example"),
            ("http://a.example:80/x", "a.example"),
            ("HTTP://A.example/x", "a.example"),
            ("http://a.example/x", "a.example:80"),
            ("https://a.example:443/x", "a.example"),
            ("http://a.example:8080/x", "a.EXAMPLE:8080"),
            ("http://a.example./x", "a.example"),
            ("http://[::1]:80/x", "[0::1]"),
        ] {
            let settled = line(&format!("GET {target} HTTP/1.1"), host);
            assert_eq!(settled, Ok(Some("GET /x HTTP/1.1".to_owned())), "{target} at {host}");
        }
        for target in ["http://a", "http://a?x=/y"] {
            assert!(line(&format!("GET {target} HTTP/1.1"), "a").unwrap().unwrap().starts_with("GET /"));
        }
        for (target, host) in [
            ("http://b.example/x", "a.example"),
            ("http://a.example:81/x", "a.example"),
            ("https://a.example:80/x", "a.example"),
            ("http://u@a.example/x", "a.example"),
            ("http://a.example/x", "u@a.example"),
            ("http:///x", ""),
            ("ftp://a.example/x", "a.example"),
            ("a.example:80", "a.example"),
            ("x", "a.example"),
        ] {
            assert_eq!(line(&format!("GET {target} HTTP/1.1"), host), Err("malformed_request"), "{target}");
        }
    }
}
