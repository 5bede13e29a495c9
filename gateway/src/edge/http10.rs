//! Clients of HTTP/1.0: what they are not told, since they do not know it, and whom they ask for where they
//! do not say it.

use http::Version;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::downstream;
use super::outgoing::WITHOUT_CHUNKS;
use crate::pipeline::{Target, Upstream};

/// A request begins. Its client gets no interim answers (RFC 9110 §15.2), and no chunks (RFC 9112 §6.1).
pub(super) fn begin(session: &mut Session) {
    if session.req_header().version == Version::HTTP_10 {
        session.set_ignore_info_resp(true);
        if let Some(downstream) = downstream::of(session) {
            downstream.write(WITHOUT_CHUNKS);
        }
    }
}

/// An answer that does not say how long it is ends with the connection, and says so.
pub(super) fn answers(session: &mut Session, response: &ResponseHeader, has_no_content: bool) {
    let is_measured = has_no_content || response.headers.contains_key(CONTENT_LENGTH);
    if !is_measured && session.req_header().version == Version::HTTP_10 {
        session.set_keepalive(None);
    }
}

/// A service is spoken to by HTTP/1.1 or 2, which want a host (RFC 9112 §3.2). Where the client names
/// none, it is the service's own address, as nginx has it.
pub(super) fn name_host(upstream: &Upstream, request: &mut RequestHeader) -> pingora::Result<()> {
    if request.headers.contains_key(HOST) || request.uri.authority().is_some() {
        return Ok(());
    }
    let host = match upstream.servers.first().map(|server| &server.target) {
        Some(target @ (Target::Tcp(_) | Target::Name { .. })) => HeaderValue::try_from(target.to_string()),
        Some(Target::Unix(_)) | None => Ok(HeaderValue::from_static("localhost")),
    };
    // An address and the name of a server are a value.
    host.map_or(Ok(()), |host| request.insert_header(HOST, host))
}
