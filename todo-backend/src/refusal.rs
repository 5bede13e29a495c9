//! Every way in which this service says no, and the last hand on every response: a refusal gets its body
//! there, and all get their headers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer other than yes. What the gateway says, too, has the same code there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    message: &'static str,
    /// Of a request that can be read, in the order in which they shall be.
    faults: Vec<String>,
}

impl Refusal {
    pub(crate) const MALFORMED_JSON: Self = Self::of(400, "malformed_json", "Malformed JSON");
    pub(crate) const IDENTITY_MISSING: Self = Self::of(401, "identity_missing", "Missing identity");
    pub(crate) const SIGNATURE_INVALID: Self =
        Self::of(401, "signature_invalid", "Missing or invalid signature");
    pub(crate) const MESSAGE_STALE: Self =
        Self::of(401, "message_stale", "The message was not sent within five minutes of now");
    pub(crate) const NOT_FOUND: Self = Self::of(404, "not_found", "Not found");
    pub(crate) const TODO_NOT_FOUND: Self = Self::of(404, "todo_not_found", "Todo not found");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self::of(405, "method_not_allowed", "Method not allowed");
    pub(crate) const BODY_TOO_LARGE: Self = Self::of(413, "body_too_large", "Request body too large");
    pub(crate) const UNSUPPORTED_MEDIA_TYPE: Self =
        Self::of(415, "unsupported_media_type", "Content-Type must be application/json");
    pub(crate) const STORAGE_UNAVAILABLE: Self = Self::of(503, "storage_unavailable", "Storage unavailable");

    pub(crate) fn invalid(faults: Vec<String>) -> Self {
        Self { faults, ..Self::of(422, "validation_failed", "Validation failed") }
    }

    const fn of(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, faults: Vec::new() }
    }

    /// `{"error": …}` or `{"errors": […]}`; or as RFC 9457 has it.
    fn body(&self, as_problem: bool) -> Value {
        let Self { status, code, message, faults } = self;
        let details =
            if faults.is_empty() { vec![*message] } else { faults.iter().map(String::as_str).collect() };
        match details.as_slice() {
            [only] if !as_problem => json!({ "error": only, "code": code }),
            _ if !as_problem => json!({ "errors": details, "code": code }),
            _ => json!({
                "type": format!("urn:todo:problem:{code}"),
                "title": message,
                "status": status,
                "detail": details.join("; "),
                "errors": details.iter().map(|detail| json!({ "detail": detail })).collect::<Vec<_>>(),
                "code": code,
            }),
        }
    }
}

impl IntoResponse for Refusal {
    /// The body depends on the request (its id, what it accepts), which is not known here: the
    /// refusal travels as an extension to [`finish`], which knows both.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The cause is logged once, here; the client learns only that it may try again.
impl From<gateway_durable_sled::Failure> for Refusal {
    fn from(failure: gateway_durable_sled::Failure) -> Self {
        tracing::error!(%failure, "the store failed a request");
        Self::STORAGE_UNAVAILABLE
    }
}

/// Runs around every request, also around those that no route wants.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    // The gateway's.
    let id = request.headers().get("x-request-id").and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let as_problem = accepts_problem(request.headers());

    let mut response = next.run(request).await;

    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let mut body = refusal.body(as_problem);
        if let (Some(id), Some(fields)) = (id, body.as_object_mut()) {
            fields.insert("request_id".to_owned(), id.into());
        }
        let text = body.to_string();
        let kind = if as_problem { "application/problem+json" } else { "application/json" };
        // What else is there stays: a 405 brought its `Allow` along.
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CONTENT_LENGTH, text.len().into());
        *response.body_mut() = Body::from(text);
        if refusal == Refusal::STORAGE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn accepts_problem(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case("application/problem+json"))
}
