//! From a client to a plain request for our endpoints: the body read whole, within a
//! limit and a deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, HeaderValue};

use super::client::Client;
use gateway_pipeline::{CanonicalTarget, is_verify};
use gateway_problem::{Code, Problem};

/// Largest body of a request to `/api/auth`, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// How long such a body may take, in all.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// The request as the endpoints take it.
pub(super) async fn read(
    client: &mut impl Client,
    target: &CanonicalTarget,
) -> Result<http::Request<Bytes>, Problem> {
    // Of a request about another one the body is that client's, and goes another way: what announces one was
    // handed on with its head, and nothing depends on whether it comes.
    let body = if is_verify(target.path()) { Bytes::new() } else { bounded_body(client).await? };
    let sent = client.request();
    let uri = http::Uri::try_from(target.as_str()).map_err(|_| Problem::new(Code::AmbiguousPath))?;
    let mut request = http::Request::new(body);
    *request.method_mut() = sent.method.clone();
    *request.uri_mut() = uri;
    // What was read strictly is a map.
    *request.headers_mut() = sent.headers.to_map().ok_or_else(|| Problem::new(Code::MalformedRequest))?;
    // HTTP/2 has it in `:authority`; HTTP/1.0 may have none.
    if !sent.headers.has(&HOST)
        && let Some(host) = Some(sent.host()).filter(|host| !host.is_empty())
        && let Ok(host) = HeaderValue::from_str(host)
    {
        request.headers_mut().insert(HOST, host);
    }
    Ok(request)
}

async fn bounded_body(client: &mut impl Client) -> Result<Bytes, Problem> {
    if client.request().declared_length().is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(Problem::new(Code::BodyTooLarge));
    }
    let body = tokio::time::timeout(BODY_TIME_MAX, read_body(client)).await;
    body.map_err(|_| Problem::new(Code::BodyTimeout))?
}

async fn read_body(client: &mut impl Client) -> Result<Bytes, Problem> {
    if client.is_body_read() {
        return Ok(Bytes::new());
    }
    let broken = |_| Problem::new(Code::MalformedRequest).with_message("Request body could not be read");
    if client.request().awaits_continue() {
        client.say_continue().await.map_err(broken)?;
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = client.read_body().await.map_err(broken)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Problem::new(Code::BodyTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
