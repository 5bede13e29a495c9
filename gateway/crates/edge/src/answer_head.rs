//! The head of a service's answer, made right where services get it wrong: what one client overlooks,
//! another one takes for the end of the connection. Where it contradicts itself, it is no answer.

use std::cell::Cell;

use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use pingora::{Error, ErrorType};
use token_source::Outgoing;

use gateway_pipeline::{Headers, Value};

static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that are about the connection, or name others that are.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "upgrade", "proxy-connection", "te"];

/// The headers of an answer, which can be read, too.
pub(super) trait AnswerHeaders: Headers + Outgoing {}

impl<H: Headers + Outgoing> AnswerHeaders for H {}

/// Only what Pingora took: lengths that differ were refused before, and none stands beside a coding.
///
/// # Errors
///
/// Where the content is coded in a way that nobody asked for.
pub(super) fn make_right(status: StatusCode, headers: &mut impl AnswerHeaders) -> pingora::Result<()> {
    let is_interim = status.is_informational();
    let has_content = !is_interim && status != StatusCode::NO_CONTENT;
    // Most of what is looked for is not there: one pass over the names, which takes out nothing, tells.
    let [is_coded, is_measured, speaks_of_connection] = [const { Cell::new(false) }; 3];
    headers.take_out_all(|name| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            14 if is("content-length") => is_measured.set(true),
            17 if is("transfer-encoding") => is_coded.set(true),
            2 | 7 | 10 | 16 if OF_THE_CONNECTION.into_iter().any(is) => speaks_of_connection.set(true),
            _ => {}
        }
        false
    });
    if !has_content && (is_coded.get() || is_measured.get()) {
        // RFC 9110 §8.6, RFC 9112 §6.1: no such answer has either. HTTP/2 takes a length for a promise.
        headers.remove(&CONTENT_LENGTH);
        headers.remove(&TRANSFER_ENCODING);
    }
    if has_content && is_coded.get() {
        code_once(headers)?;
    }
    if has_content && is_measured.get() {
        measure_once(headers);
    }
    if !is_interim && speaks_of_connection.get() {
        take_off_the_connection(status, headers);
    }
    Ok(())
}

/// Chunks, once: twice of it is a slip, since nobody codes twice. What else there is would have to be asked
/// for by `TE` (RFC 9112 §7.4), and a client of HTTP/2 or HTTP/1.0 cannot be told of it.
fn code_once(headers: &mut impl AnswerHeaders) -> pingora::Result<()> {
    let mut values = headers.values(&TRANSFER_ENCODING);
    let Some(first) = values.next() else { return Ok(()) };
    if first.eq_ignore_ascii_case(b"chunked") && values.next().is_none() {
        return Ok(());
    }
    drop(values);
    let codings = || headers.values(&TRANSFER_ENCODING).flat_map(members);
    let is = |name: &'static [u8]| move |coding: &[u8]| coding.eq_ignore_ascii_case(name);
    let is_chunked = codings().any(is(b"chunked"));
    if !codings().all(|coding| is(b"chunked")(coding) || is(b"identity")(coding)) {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, "a transfer coding that was not asked for"));
    }
    headers.remove(&TRANSFER_ENCODING);
    if is_chunked {
        headers.set(&TRANSFER_ENCODING, Value::Static("chunked"));
    }
    Ok(())
}

/// RFC 9110 §8.6: the same number twice is that number.
fn measure_once(headers: &mut impl AnswerHeaders) {
    let mut lengths = headers.values(&CONTENT_LENGTH);
    let Some(first) = lengths.next() else { return };
    if lengths.next().is_none() && !first.contains(&b',') {
        return;
    }
    let number = members(first).next().map(<[u8]>::to_vec);
    drop(lengths);
    if let Some(number) = number {
        headers.set(&CONTENT_LENGTH, Value::Text(&number));
    }
}

/// RFC 9110 §7.6.1, RFC 9113 §8.2.2: what was said of the connection to us goes no further.
fn take_off_the_connection(status: StatusCode, headers: &mut impl AnswerHeaders) {
    let is_usual =
        |value: &[u8]| value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close");
    let unusual = headers.values(&CONNECTION).filter(|value| !is_usual(value));
    let named: Vec<_> =
        unusual.flat_map(members).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    for name in named {
        // By these its end is known, whatever is said of them.
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(&name) {
            headers.remove(&name);
        }
    }
    // What has to be upgraded to is said there (RFC 9110 §15.5.22).
    if status != StatusCode::UPGRADE_REQUIRED {
        headers.remove(&UPGRADE);
    }
    headers.remove(&PROXY_CONNECTION);
    headers.remove(&TE);
}

/// The members of a list.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::super::message::Plain;
    use super::*;

    /// What is left of these fields, or nothing where they are no answer's.
    fn right(status: u16, fields: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        make_right(StatusCode::from_u16(status).unwrap(), &mut Plain(&mut headers)).ok()?;
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        Some(headers.iter().map(field).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn what_has_no_content_has_neither_a_length_nor_a_coding() {
        for status in [103, 204] {
            assert_eq!(right(status, &[("content-length", "34"), ("x", "y")]).unwrap(), "x: y");
            assert_eq!(right(status, &[("transfer-encoding", "chunked")]).unwrap(), "");
        }
        for (name, value) in [("content-length", "34"), ("transfer-encoding", "chunked")] {
            assert_eq!(right(304, &[(name, value)]).unwrap(), format!("{name}: {value}"));
        }
    }

    #[test]
    fn one_length_and_one_coding_are_left_of_equal_ones() {
        let (length, coding) = ("content-length", "transfer-encoding");
        assert_eq!(right(200, &[(length, "5"), (length, "5")]).unwrap(), "content-length: 5");
        assert_eq!(right(200, &[(length, "5, 5")]).unwrap(), "content-length: 5");
        assert_eq!(
            right(200, &[(coding, "chunked"), (coding, "Chunked")]).unwrap(),
            "transfer-encoding: chunked"
        );
        assert_eq!(right(200, &[(coding, "chunked, chunked")]).unwrap(), "transfer-encoding: chunked");
        assert_eq!(right(200, &[(coding, "identity")]).unwrap(), "");
        for odd in ["gzip, chunked", "gzip", "chunked, gzip", "xchunked"] {
            assert_eq!(right(200, &[(coding, odd)]), None, "{odd}");
        }
    }

    #[test]
    fn what_is_about_the_connection_goes_no_further() {
        let fields = [
            ("connection", "Upgrade, X-Own, content-length"),
            ("upgrade", "h2,h2c"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("x-own", "1"),
            ("content-length", "5"),
            ("x-kept", "2"),
        ];
        let left = right(200, &fields).unwrap();
        assert_eq!(left, "connection: Upgrade, X-Own, content-length, content-length: 5, x-kept: 2");
        assert_eq!(right(426, &[("upgrade", "websocket")]).unwrap(), "upgrade: websocket");
        let handshake = [("connection", "Upgrade"), ("upgrade", "websocket")];
        assert_eq!(right(101, &handshake).unwrap(), "connection: Upgrade, upgrade: websocket");
    }
}
