//! The head of a request, once more: what Pingora accepts and RFC 9112 or 9113 does not, or what two
//! servers in a row could read differently, is refused here, before anything is decided on it.

use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::framing::FIELDS_MAX;
use crate::pipeline::is_authority;
use crate::problem::{Code, Problem};

/// Largest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1_024;

/// What is the matter of HTTP/1.1 alone was checked before (`request_line`).
pub(super) fn check(request: &RequestHeader) -> Result<(), Problem> {
    let malformed = |why: &'static str| Err(Problem::new(Code::MalformedRequest).with_message(why));
    if request.headers.len() > FIELDS_MAX {
        return Err(Problem::new(Code::TooManyHeaders));
    }
    // In HTTP/2 `:authority` may stand alone; that the two agree was checked (RFC 9113 §8.3.1).
    let named = request.uri.authority().filter(|_| request.version == http::Version::HTTP_2);
    // RFC 9112 §3.2. HTTP/1.0 may go without: then it is for routes of any host, and of no other.
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host.as_bytes()) => {}
        (None, _) if request.version == http::Version::HTTP_10 && request.uri.authority().is_none() => {}
        (None, _) if named.is_some_and(|named| is_authority(named.as_str().as_bytes())) => {}
        _ => return malformed("Exactly one Host is required"),
    }
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    if lengths.next().is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return malformed("Content-Length must be one number");
    }
    if lengths.next().is_some() {
        return malformed("Content-Length occurs twice");
    }
    Ok(())
}

/// The target as it was sent, in origin form, where it is text.
pub(super) fn target(request: &RequestHeader) -> Option<&str> {
    std::str::from_utf8(request.raw_path()).ok()
}

/// Whom the request is for: `Host`, which was checked, or `:authority` (RFC 9113 §8.3.1); nothing where
/// HTTP/1.0 does not say it.
pub(super) fn authority(request: &pingora::http::RequestHeader) -> &str {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| request.uri.authority().map(|authority| authority.as_str())).unwrap_or("")
}

/// The same as a header has it; of HTTP/1 without a copy.
pub(super) fn authority_value(request: &pingora::http::RequestHeader) -> HeaderValue {
    let sent = request.headers.get(HOST).cloned();
    // An authority was checked before, and is a value.
    sent.or_else(|| HeaderValue::from_str(authority(request)).ok()).unwrap_or(HeaderValue::from_static(""))
}

/// The length that the body is said to have, in bytes.
pub(super) fn declared_length(session: &Session) -> Option<u64> {
    session.req_header().headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
