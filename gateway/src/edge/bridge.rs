//! From Pingora's session to a plain request for our endpoints: the body read whole, within a
//! limit and a deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, HOST, HeaderValue};
use pingora::proxy::Session;

use crate::pipeline::CanonicalTarget;
use crate::problem::{Code, Problem};

/// Largest body of a request to `/api/auth`, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// How long such a body may take, in all.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// The request as the endpoints take it.
pub(super) async fn read(
    session: &mut Session,
    target: &CanonicalTarget,
) -> Result<http::Request<Bytes>, Problem> {
    if super::head::declared_length(session).is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(Problem::new(Code::BodyTooLarge));
    }
    let body = tokio::time::timeout(BODY_TIME_MAX, read_body(session)).await;
    let body = body.map_err(|_| Problem::new(Code::BodyTimeout))??;
    let head = session.req_header();
    let uri = http::Uri::try_from(target.as_str()).map_err(|_| Problem::new(Code::AmbiguousPath))?;
    let mut request = http::Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = head.headers.clone();
    // HTTP/2 has it in `:authority`.
    if !head.headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(super::head::authority(head))
    {
        request.headers_mut().insert(HOST, host);
    }
    Ok(request)
}

async fn read_body(session: &mut Session) -> Result<Bytes, Problem> {
    if session.is_body_done() || session.is_body_empty() {
        return Ok(Bytes::new());
    }
    let broken = |_| Problem::new(Code::MalformedRequest).with_message("Request body could not be read");
    if session.req_header().headers.contains_key(EXPECT) {
        // An interim answer before the body is read would make Pingora close the connection
        // afterwards; the body is read whole below, so that it can live on.
        session.set_close_on_response_before_downstream_finish(false);
        let sent = session.write_continue_response().await;
        session.set_close_on_response_before_downstream_finish(true);
        sent.map_err(broken)?;
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = session.read_request_body().await.map_err(broken)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Problem::new(Code::BodyTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
