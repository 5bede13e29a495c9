//! Writes answers of our own, and keeps the connection where that is safe.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::header::{EXPECT, HeaderValue, TRANSFER_ENCODING};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::downstream::{self, Downstream};
use super::exchange::Exchange;
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
    exchange.settle().await;
    settle_body(session).await;
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(X_REQUEST_ID, exchange.request_id.to_value());
    exchange.dress(session.req_header(), &mut parts.headers);
    parts.extensions.clear();
    if body.size_hint().exact().is_none() && session.as_http2().is_none() {
        frame_unknown_length(session, &mut parts.headers);
    }
    let bodiless = body.is_end_stream();
    session.write_response_header(Box::new(ResponseHeader::from(parts)), bodiless).await?;
    let http2 = session.as_http2().is_some();
    // Over HTTP/2 Pingora ends no stream with its header, and one that is not ended is reset. Nor
    // does it leave out what no answer to HEAD may have.
    if http2 && (bodiless || session.req_header().method == http::Method::HEAD) {
        return session.write_response_body(Some(Bytes::new()), true).await;
    }
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
