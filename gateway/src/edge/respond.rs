//! Writes answers of our own, and keeps the connection where that is safe.

use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::downstream::{self, Downstream};
use super::exchange::Exchange;
use crate::pipeline::X_REQUEST_ID;
use crate::problem::{Audience, Problem};

/// A refused request's body is read up to here, so that its connection can live on.
const DRAIN_BYTES_MAX: usize = 64 * 1_024;
/// And no longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);

/// Answers with a problem.
pub(super) async fn refuse(
    session: &mut Session,
    exchange: &Exchange,
    problem: &Problem,
) -> pingora::Result<()> {
    let headers = &session.req_header().headers;
    let audience = if exchange.is_own { Audience::of_own(headers) } else { Audience::of(headers) };
    let response = problem.render(audience, exchange.request_id.as_str());
    write(session, exchange, response).await
}

/// Writes a whole response. It must carry its own `Content-Length`.
pub(super) async fn write(
    session: &mut Session,
    exchange: &Exchange,
    response: http::Response<Bytes>,
) -> pingora::Result<()> {
    exchange.settle().await;
    settle_body(session).await;
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(X_REQUEST_ID, exchange.request_id.to_value());
    exchange.dress(session.req_header(), &mut parts.headers);
    parts.extensions.clear();
    let bodiless = body.is_empty();
    session.write_response_header(Box::new(ResponseHeader::from(parts)), bodiless).await?;
    let http2 = session.as_http2().is_some();
    // Over HTTP/2 Pingora ends no stream with its header, and one that is not ended is reset. Nor
    // does it leave out what no answer to HEAD may have.
    let body = if http2 && session.req_header().method == http::Method::HEAD { Bytes::new() } else { body };
    if !bodiless || http2 {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// Before an answer of ours is written: a small body is read and thrown away, since one that is left
/// unread ends the connection, and the answer says so. A client that waits for `100 Continue` gets our
/// answer instead, and sends no body.
async fn settle_body(session: &mut Session) {
    if is_settled(session) {
        return;
    }
    if !session.req_header().headers.contains_key(EXPECT) {
        // Late or large: the connection is closed after the answer.
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, discard(session)).await;
    }
    if !is_settled(session) {
        session.set_keepalive(None);
    }
}

/// Pingora takes an error of reading for the end of a body; an end is what was seen as one. And it
/// closes where it has not read what lies ready.
fn is_settled(session: &mut Session) -> bool {
    session.is_body_done() && downstream::of(session).is_none_or(Downstream::may_go_on)
}

/// Reads the body and throws it away, until its end or a little more than a small body has.
async fn discard(session: &mut Session) {
    let mut seen = 0;
    while let Ok(Some(chunk)) = session.read_request_body().await {
        seen += chunk.len();
        if seen > DRAIN_BYTES_MAX {
            return;
        }
    }
}

/// Closes a connection of HTTP/1.1 that Pingora would just let go: what was written goes out, and what is
/// to come of the body is read within bounds, so that it arrives.
pub(super) async fn close(session: &mut Session) {
    if downstream::of(session).is_some() {
        session.shutdown().await;
    }
}
