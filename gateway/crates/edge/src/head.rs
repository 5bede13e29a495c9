//! The head of a request, once more: what Pingora accepts and RFC 9112 or 9113 does not, or what two
//! servers in a row could read differently, is refused here, before anything is decided on it.

use http::Version;
use http::header::{CONTENT_LENGTH, HOST};

use super::view::RequestView;
use gateway_framing::FIELDS_MAX;
use gateway_pipeline::is_authority;
use gateway_problem::{Code, Problem};

/// Largest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1_024;

/// What is the matter of HTTP/1.1 alone was checked before (`request_line`).
pub(super) fn check(request: RequestView<'_>) -> Result<(), Problem> {
    let malformed = |why: &'static str| Err(Problem::new(Code::MalformedRequest).with_message(why));
    if request.headers.count() > FIELDS_MAX {
        return Err(Problem::new(Code::TooManyHeaders));
    }
    // In HTTP/2 `:authority` may stand alone; that the two agree was checked (RFC 9113 §8.3.1).
    let named = request.authority.filter(|_| request.is_http2());
    // RFC 9112 §3.2. HTTP/1.0 may go without: then it is for routes of any host, and of no other.
    let mut hosts = request.headers.get_all(&HOST);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host) => {}
        (None, _) if request.version == Version::HTTP_10 && request.authority.is_none() => {}
        (None, _) if named.is_some_and(|named| is_authority(named.as_bytes())) => {}
        _ => return malformed("Exactly one Host is required"),
    }
    let mut lengths = request.headers.get_all(&CONTENT_LENGTH);
    if lengths.next().is_some_and(|length| !length.iter().all(u8::is_ascii_digit)) {
        return malformed("Content-Length must be one number");
    }
    if lengths.next().is_some() {
        return malformed("Content-Length occurs twice");
    }
    Ok(())
}
