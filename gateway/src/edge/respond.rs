//! Writes answers of our own, and keeps the connection where that is safe.

use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::exchange::Exchange;
use crate::pipeline::X_REQUEST_ID;
use crate::problem::{Audience, Problem};

/// A refused request's body is read up to here, so that its connection can live on.
const DRAIN_BYTES_MAX: usize = 64 * 1_024;
/// And no longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);
/// After the answer, this much more of the body is read before the connection is closed.
const LINGER_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// And no longer than this.
const LINGER_TIME_MAX: Duration = Duration::from_secs(5);

/// Answers with a problem.
pub(super) async fn refuse(
    session: &mut Session,
    exchange: &Exchange,
    problem: &Problem,
) -> pingora::Result<()> {
    let head = session.req_header();
    // The raw path: what was refused may have no other.
    let audience = if head.raw_path().starts_with(b"/api/auth") {
        Audience::of_own(&head.headers)
    } else {
        Audience::of(&head.headers)
    };
    let response = problem.render(audience, exchange.request_id.as_str());
    settle_body(session).await;
    write(session, exchange, response).await?;
    linger(session).await;
    Ok(())
}

/// Writes a whole response. It must carry its own `Content-Length`.
pub(super) async fn write(
    session: &mut Session,
    exchange: &Exchange,
    response: http::Response<Bytes>,
) -> pingora::Result<()> {
    exchange.settle().await;
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

/// Before a refusal is written: a small body is read and thrown away, since one that is left
/// unread closes the connection. A client that waits for `100 Continue` gets our answer instead,
/// and sends no body.
async fn settle_body(session: &mut Session) {
    if session.is_body_done() || session.req_header().headers.contains_key(EXPECT) {
        return;
    }
    // Late or large: the connection is closed after the answer, as Pingora does by itself.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, discard(session, DRAIN_BYTES_MAX)).await;
}

/// After a refusal was written: closing a connection with bytes unread resets it, and the reset
/// may overtake our answer (RFC 9112 §9.6). So the rest of a large body is read, too, within bounds.
async fn linger(session: &mut Session) {
    if !session.is_body_done() && !session.req_header().headers.contains_key(EXPECT) {
        let _ = tokio::time::timeout(LINGER_TIME_MAX, discard(session, LINGER_BYTES_MAX)).await;
    }
}

/// Reads the body and throws it away, until its end or a little more than `bytes_max`.
async fn discard(session: &mut Session, bytes_max: usize) {
    let mut seen = 0;
    while let Ok(Some(chunk)) = session.read_request_body().await {
        seen += chunk.len();
        if seen > bytes_max {
            return;
        }
    }
}
