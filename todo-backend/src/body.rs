//! A request's body as a JSON object, or the contract's refusal: too large, too slow, wrong type, malformed.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::refusal::{Code, Refusal};

/// The contract's limit; a todo with the longest description fits well.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of a body that is too large is still read and thrown away. A client that is writing
/// when the connection closes often never sees the 413; beyond this amount that is its own fault.
const DRAINED_BYTES_MAX: usize = 1024 * 1024;

/// The longest that a body may take, so that a stalled sender cannot hold a request for ever.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

/// A body that was read whole and not yet understood.
pub(crate) struct Received {
    bytes: Vec<u8>,
    is_json: bool,
}

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let is_json = says_json(request.headers());
        let reading = read(request.into_body());
        let bytes = tokio::time::timeout(BODY_WAIT_MAX, reading)
            .await
            .map_err(|_| Refusal::from(Code::BodyTimeout))??;
        Ok(Self { bytes, is_json })
    }
}

impl Received {
    /// The fields of the object; an absent body counts as `{}`, whatever its type says.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Refusal> {
        if self.is_empty_object() {
            return Ok(Map::new());
        }
        if !self.is_json {
            return Err(Code::UnsupportedMediaType.into());
        }
        serde_json::from_slice(&self.bytes).map_err(|_| Code::MalformedJson.into())
    }

    /// As they came, for what is signed as it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn is_empty_object(&self) -> bool {
        let text = self.bytes.trim_ascii();
        match text {
            [] => true,
            [b'{', inner @ .., b'}'] => inner.trim_ascii().is_empty(),
            _ => false,
        }
    }
}

async fn read(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        // The sender broke off or broke the framing: nobody will read the answer.
        let frame = frame.map_err(|_| Refusal::from(Code::MalformedJson))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        seen += data.len();
        if seen > DRAINED_BYTES_MAX {
            break;
        }
        if seen <= BODY_BYTES_MAX {
            bytes.extend_from_slice(data);
        }
    }
    if seen > BODY_BYTES_MAX { Err(Code::BodyTooLarge.into()) } else { Ok(bytes) }
}

fn says_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
