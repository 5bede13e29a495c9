//! Writes answers of our own, and keeps the connection where that is safe.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::header::{EXPECT, HeaderValue, TRANSFER_ENCODING};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::downstream::{self, Downstream};
use super::exchange::Exchange;
use super::upgrade;
use crate::pipeline::X_REQUEST_ID;
use crate::problem::{Audience, Problem};

/// A refused request's body is read up to here, so that its connection can live on.
const DRAIN_BYTES_MAX: usize = 64 * 1_024;
/// And no longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);
/// How long an answer may take to be read, in all. Each piece of it has 30 seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(300);

/// Answers with a problem.
pub(super) async fn refuse(
    session: &mut Session,
    exchange: &Exchange,
    problem: &Problem,
) -> pingora::Result<()> {
    let headers = &session.req_header().headers;
    let audience = if exchange.is_own() { Audience::of_own(headers) } else { Audience::of(headers) };
    let response = problem.render(audience, exchange.request_id.as_str());
    write(session, exchange, response).await
}

/// Writes a whole response. It must carry its own `Content-Length`.
pub(super) async fn write(
    session: &mut Session,
    exchange: &Exchange,
    response: http::Response<Bytes>,
) -> pingora::Result<()> {
    serve(session, exchange, response.map(Full::new)).await
}

/// Writes a response, one of unknown length as it is made: no more of it is held than its client has yet
/// to take of one piece. Where it breaks off, the client sees that it is not whole.
pub(super) async fn serve<B>(
    session: &mut Session,
    exchange: &Exchange,
    response: http::Response<B>,
) -> pingora::Result<()>
where
    B: Body<Data = Bytes, Error: Display> + Send + Unpin,
{
    exchange.settle(session).await;
    settle_body(session, exchange).await;
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(X_REQUEST_ID, exchange.request_id.to_value());
    exchange.dress(session.req_header(), &mut parts.headers);
    parts.extensions.clear();
    if body.size_hint().exact().is_none() && session.as_http2().is_none() {
        frame_unknown_length(session, &mut parts.headers);
    }
    upgrade::name(session, parts.status, &parts.headers);
    let (bodiless, head) = (body.is_end_stream(), Box::new(ResponseHeader::from(parts)));
    let ends = bodiless || session.req_header().method == http::Method::HEAD;
    // What ends with its head says so in it: a refused call of gRPC is none for its clients where an
    // empty frame comes behind (Trailers-Only). Pingora's own session, of both versions, does not say it.
    if ends && let ServerSession::H2(http2) = session.as_mut() {
        return http2.write_response_header(head, true);
    }
    session.write_response_header(head, bodiless).await?;
    if bodiless {
        return Ok(());
    }
    let written = tokio::time::timeout(ANSWER_TIME_MAX, write_body(session, body)).await;
    written.unwrap_or_else(|_| Err(broken("its client took too long to read it")))
}

async fn write_body<B>(session: &mut Session, mut body: B) -> pingora::Result<()>
where
    B: Body<Data = Bytes, Error: Display> + Send + Unpin,
{
    loop {
        let frame = body.frame().await.transpose().map_err(|fault| broken(&fault.to_string()))?;
        let is_end = frame.is_none() || body.is_end_stream();
        let piece = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        // A chunk of nothing would be the end.
        if is_end || !piece.is_empty() {
            session.write_response_body(Some(piece), is_end).await?;
        }
        if is_end {
            return Ok(());
        }
    }
}

/// RFC 9112 §6.3: in chunks, or until the connection ends for who does not know those.
fn frame_unknown_length(session: &mut Session, headers: &mut http::HeaderMap) {
    if session.req_header().version == http::Version::HTTP_11 {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else {
        session.set_keepalive(None);
    }
}

/// No fault of a service: nobody is to be told of one.
fn broken(why: &str) -> Box<Error> {
    Error::explain(ErrorType::WriteError, format!("an answer of ours broke off: {why}")).into_down()
}

/// Before an answer of ours is written: a small body is read and thrown away, since one that is left
/// unread ends the connection, and the answer says so. A client that waits for `100 Continue` gets our
/// answer instead, and sends no body.
async fn settle_body(session: &mut Session, exchange: &Exchange) {
    if is_settled(session) {
        return;
    }
    if !awaits_continue(session) {
        // What came along is taken in any case. Late or large: the connection is closed after the answer.
        let patience = if exchange.leaves_body { Duration::ZERO } else { DRAIN_TIME_MAX };
        let _ = tokio::time::timeout(patience, discard(session)).await;
    }
    if !is_settled(session) {
        session.set_keepalive(None);
    }
}

/// RFC 9110 §10.1.1: what HTTP/1.0 says there is not heard.
pub(super) fn awaits_continue(session: &Session) -> bool {
    let request = session.req_header();
    request.headers.contains_key(EXPECT) && request.version != http::Version::HTTP_10
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
