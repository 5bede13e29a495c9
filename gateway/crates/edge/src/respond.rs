//! Writes answers of our own, and keeps the connection where that is safe.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use pingora::{Error, ErrorType};

use super::client::Client;
use super::exchange::Exchange;
use super::upgrade;
use gateway_pipeline::X_REQUEST_ID;
use gateway_problem::{Audience, Problem};

/// A refused request's body is read up to here, so that its connection can live on.
const DRAIN_BYTES_MAX: usize = 64 * 1_024;
/// And no longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);
/// How long an answer may take to be read, in all. Each piece of it has 30 seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(300);

/// Answers with a problem.
pub(super) async fn refuse(
    client: &mut impl Client,
    exchange: &Exchange,
    problem: &Problem,
) -> pingora::Result<()> {
    let headers = client.request().headers;
    let audience =
        if exchange.is_own() { Audience::of_own(headers) } else { Audience::from_headers(headers) };
    let response = problem.render(audience, exchange.request_id.as_str());
    write(client, exchange, response).await
}

/// Writes a whole response. It must carry its own `Content-Length`.
pub(super) async fn write(
    client: &mut impl Client,
    exchange: &Exchange,
    response: http::Response<Bytes>,
) -> pingora::Result<()> {
    serve(client, exchange, response.map(Full::new)).await
}

/// Writes a response, one of unknown length as it is made: no more of it is held than its client has yet
/// to take of one piece. Where it breaks off, the client sees that it is not whole.
pub(super) async fn serve<C, B>(
    client: &mut C,
    exchange: &Exchange,
    response: http::Response<B>,
) -> pingora::Result<()>
where
    C: Client,
    B: Body<Data = Bytes, Error: Display> + Send + Unpin,
{
    exchange.renew_on_response(client).await;
    settle_body(client, exchange).await;
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(&X_REQUEST_ID, exchange.request_id.to_value());
    exchange.apply_response_rules(client.request().headers, &mut parts.headers);
    parts.extensions.clear();
    if body.size_hint().exact().is_none() && !client.request().is_http2() {
        frame_unknown_length(client, &mut parts.headers);
    }
    upgrade::name(client, parts.status, || parts.headers.contains_key(UPGRADE));
    let ends = body.is_end_stream() || client.request().method == Method::HEAD;
    client.write_head(parts, ends).await?;
    if ends {
        return Ok(());
    }
    let written = tokio::time::timeout(ANSWER_TIME_MAX, write_body(client, body)).await;
    written.unwrap_or_else(|_| Err(broken("its client took too long to read it")))
}

async fn write_body<C, B>(client: &mut C, mut body: B) -> pingora::Result<()>
where
    C: Client,
    B: Body<Data = Bytes, Error: Display> + Send + Unpin,
{
    loop {
        let frame = body.frame().await.transpose().map_err(|fault| broken(&fault.to_string()))?;
        let is_end = frame.is_none() || body.is_end_stream();
        let piece = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        // A chunk of nothing would be the end.
        if is_end || !piece.is_empty() {
            client.write_body(piece, is_end).await?;
        }
        if is_end {
            return Ok(());
        }
    }
}

/// RFC 9112 §6.3: in chunks, or until the connection ends for who does not know those.
fn frame_unknown_length(client: &mut impl Client, headers: &mut http::HeaderMap) {
    if client.request().version == Version::HTTP_11 {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else {
        client.close_after_answer();
    }
}

/// No fault of a service: nobody is to be told of one.
fn broken(why: &str) -> Box<Error> {
    Error::explain(ErrorType::WriteError, format!("an answer of ours broke off: {why}")).into_down()
}

/// Before an answer of ours is written: a small body is read and thrown away, since one that is left
/// unread ends the connection, and the answer says so. A client that waits for `100 Continue` gets our
/// answer instead, and sends no body.
async fn settle_body(client: &mut impl Client, exchange: &Exchange) {
    if is_settled(client) {
        return;
    }
    if !client.request().awaits_continue() {
        // What came along is taken in any case. Late or large: the connection is closed after the answer.
        let idle_timer = if exchange.leaves_body() { Duration::ZERO } else { DRAIN_TIME_MAX };
        tokio::time::timeout(idle_timer, discard(client)).await.ok();
    }
    if !is_settled(client) {
        client.close_after_answer();
    }
}

/// An error of reading may be taken for the end of a body; an end is what was seen as one. And who carries
/// the request closes where it has not read what lies ready.
fn is_settled(client: &mut impl Client) -> bool {
    client.is_body_read() && client.may_go_on()
}

/// Reads the body and throws it away, until its end or a little more than a small body has.
async fn discard(client: &mut impl Client) {
    let mut seen = 0;
    while let Ok(Some(chunk)) = client.read_body().await {
        seen += chunk.len();
        if seen > DRAIN_BYTES_MAX {
            return;
        }
    }
}
