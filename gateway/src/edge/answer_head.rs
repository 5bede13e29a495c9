//! The head of a service's answer, made right where services get it wrong: what one client overlooks,
//! another one takes for the end of the connection. Where it contradicts itself, it is no answer.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::{StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Only what Pingora took: lengths that differ were refused before, and none stands beside a coding.
///
/// # Errors
///
/// Where the content is coded in a way that nobody asked for.
pub(super) fn make_right(response: &mut ResponseHeader) -> pingora::Result<()> {
    // A message has the version of who sends it (RFC 9110 §6.2). Behind an older one a coding, and a
    // connection that stays, are read in more ways than one.
    if response.version == Version::HTTP_10 || response.version == Version::HTTP_09 {
        response.set_version(Version::HTTP_11);
    }
    let interim = response.status.is_informational();
    if interim || response.status == StatusCode::NO_CONTENT {
        // RFC 9110 §8.6, RFC 9112 §6.1: no such answer has either. HTTP/2 takes a length for a promise.
        response.remove_header(&CONTENT_LENGTH);
        response.remove_header(&TRANSFER_ENCODING);
    } else {
        code_once(response)?;
        measure_once(response)?;
    }
    if !interim {
        take_off_the_connection(response);
    }
    Ok(())
}

/// Chunks, once: twice of it is a slip, since nobody codes twice. What else there is would have to be asked
/// for by `TE` (RFC 9112 §7.4), and a client of HTTP/2 or HTTP/1.0 cannot be told of it.
fn code_once(response: &mut ResponseHeader) -> pingora::Result<()> {
    let mut values = response.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(first) = values.next() else { return Ok(()) };
    if first.as_bytes().eq_ignore_ascii_case(b"chunked") && values.next().is_none() {
        return Ok(());
    }
    let codings = || response.headers.get_all(TRANSFER_ENCODING).iter().flat_map(members);
    let is = |name: &'static [u8]| move |coding: &[u8]| coding.eq_ignore_ascii_case(name);
    let is_chunked = codings().any(is(b"chunked"));
    if !codings().all(|coding| is(b"chunked")(coding) || is(b"identity")(coding)) {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, "a transfer coding that was not asked for"));
    }
    response.remove_header(&TRANSFER_ENCODING);
    if is_chunked { response.insert_header(TRANSFER_ENCODING, "chunked") } else { Ok(()) }
}

/// RFC 9110 §8.6: the same number twice is that number.
fn measure_once(response: &mut ResponseHeader) -> pingora::Result<()> {
    let mut lengths = response.headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(()) };
    if lengths.next().is_none() && !first.as_bytes().contains(&b',') {
        return Ok(());
    }
    let number = members(first).next().and_then(|number| HeaderValue::from_bytes(number).ok());
    number.map_or(Ok(()), |number| response.insert_header(CONTENT_LENGTH, number))
}

/// RFC 9110 §7.6.1, RFC 9113 §8.2.2: what was said of the connection to us goes no further.
fn take_off_the_connection(response: &mut ResponseHeader) {
    let is_usual = |value: &HeaderValue| {
        let value = value.as_bytes();
        value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close")
    };
    let unusual = response.headers.get_all(CONNECTION).iter().filter(|value| !is_usual(value));
    let named: Vec<_> =
        unusual.flat_map(members).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    for name in named {
        // By these its end is known, whatever is said of them.
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(&name) {
            response.remove_header(&name);
        }
    }
    // What has to be upgraded to is said there (RFC 9110 §15.5.22).
    if response.status != StatusCode::UPGRADE_REQUIRED {
        response.remove_header(&UPGRADE);
    }
    response.remove_header(&PROXY_CONNECTION);
    response.remove_header(&TE);
}

/// The members of a list.
fn members(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let members = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of these fields, or nothing where they are no answer's.
    fn right(status: u16, fields: &[(&'static str, &'static str)]) -> Option<String> {
        let mut response = ResponseHeader::build(status, None).unwrap();
        for (name, value) in fields {
            response.append_header(*name, *value).unwrap();
        }
        make_right(&mut response).ok()?;
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        Some(response.headers.iter().map(field).collect::<Vec<_>>().join(", "))
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
