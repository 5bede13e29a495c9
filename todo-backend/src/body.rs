//! A request's body as a JSON object, or the contract's refusal: too large, of a wrong type, malformed.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The contract's limit.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What is read of a body that is too large: a client that still writes when the connection closes
/// often never sees the 413.
pub(crate) const BODY_BYTES_READ: usize = 1024 * 1024;

/// A body that was read whole, as it came.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    is_json: bool,
}

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_json = says_json(request.headers());
        // The limit is the router's. Where the sender broke off instead, nobody reads the answer.
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Refusal::BODY_TOO_LARGE)?;
        if bytes.len() > BODY_BYTES_MAX { Err(Refusal::BODY_TOO_LARGE) } else { Ok(Self { bytes, is_json }) }
    }
}

impl Received {
    /// The fields of the object. An absent body counts as `{}`, and neither needs a type.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Refusal> {
        if self.bytes.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice::<Map<_, _>>(&self.bytes) {
            Ok(fields) if self.is_json || fields.is_empty() => Ok(fields),
            _ if !self.is_json => Err(Refusal::UNSUPPORTED_MEDIA_TYPE),
            _ => Err(Refusal::MALFORMED_JSON),
        }
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
