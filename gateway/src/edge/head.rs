//! The head of a request, once more: what Pingora accepts and RFC 9112 does not, or what two
//! servers in a row could read differently, is refused here, before anything is decided on it.

use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};

use pingora::proxy::Session;

use crate::pipeline::{CanonicalTarget, canonical, is_authority};
use crate::problem::{Code, Problem};

/// Largest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1_024;

/// `raw` is the head as it was received; `request` is how it was understood.
pub(super) fn check(raw: &[u8], request: &pingora::http::RequestHeader) -> Result<(), Problem> {
    if raw.len() > HEAD_BYTES_MAX {
        return Err(Problem::new(Code::HeadersTooLarge));
    }
    let malformed = |why: &'static str| Err(Problem::new(Code::MalformedRequest).with_message(why));
    // RFC 9112 §2.2 lets a recipient take a bare LF; one that does not would see another message.
    let bare_line_feed = memchr::memchr_iter(b'\n', raw).any(|index| index == 0 || raw[index - 1] != b'\r');
    if bare_line_feed {
        return malformed("Line ends must be CRLF");
    }
    // A target has no fragment (RFC 9112 §3.2); Pingora would cut it off, others would not.
    let line = memchr::memchr(b'\r', raw).map_or(raw, |end| &raw[..end]);
    if line.contains(&b'#') {
        return Err(Problem::new(Code::AmbiguousPath));
    }
    // In HTTP/2 `:authority` may stand alone; that the two agree was checked (RFC 9113 §8.3.1).
    let named = request.uri.authority().filter(|_| request.version == http::Version::HTTP_2);
    // RFC 9112 §3.2; and of HTTP/1.0 too, which may go without: what is routed and logged has a host.
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host.as_bytes()) => {}
        (None, _) if named.is_some_and(|named| is_authority(named.as_str().as_bytes())) => {}
        _ => return malformed("Exactly one Host is required"),
    }
    // RFC 9112 §6.1: Pingora drops Content-Length where both came; the raw head still has it.
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    if lengths.next().is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return malformed("Content-Length must be one number");
    }
    if lengths.next().is_some() {
        return malformed("Content-Length occurs twice");
    }
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
            return malformed("Transfer-Encoding must be chunked");
        }
        if names_field(raw, b"content-length") {
            return malformed("Content-Length and Transfer-Encoding exclude each other");
        }
    }
    match request.method.as_str() {
        "TRACE" | "TRACK" | "CONNECT" => {
            Err(Problem::new(Code::MethodNotAllowed).allow("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
        }
        _ => Ok(()),
    }
}

/// Whether a line of the raw head is a field of this (lower-case) name.
fn names_field(raw: &[u8], name: &[u8]) -> bool {
    raw.split(|byte| *byte == b'\n').any(|line| {
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && line.get(name.len()) == Some(&b':')
    })
}

/// The target in its one canonical form. Absolute form (RFC 9112 §3.2.2) is taken too: Pingora has
/// checked its authority against Host.
pub(super) fn target(session: &Session) -> Result<CanonicalTarget, Problem> {
    let raw = std::str::from_utf8(session.req_header().raw_path());
    let raw = raw.map_err(|_| Problem::new(Code::AmbiguousPath))?;
    Ok(canonical(without_authority(raw))?)
}

fn without_authority(target: &str) -> &str {
    let after = |scheme: &str| {
        let start = target.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
    };
    match after("http://").or_else(|| after("https://")) {
        // A slash in the query begins no path.
        Some(rest) => rest.find(['/', '?']).map_or("/", |end| &rest[end..]),
        None => target,
    }
}

/// Whom the request is for: `Host`, which was checked, or `:authority` (RFC 9113 §8.3.1).
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
