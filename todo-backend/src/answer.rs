//! The last hand on every response: refusals get their body, all get their headers, one debug line is written.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};

use crate::clock;
use crate::refusal::Refusal;

/// Longer ids than this are not ids; the gateway's have 36 characters.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Runs around every request, also around those that no route wants.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let started = clock::monotonic();
    let request_id = request_id(request.headers()).map(str::to_owned);
    let form = Form::wanted(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());

    let mut response = next.run(request).await;

    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        write_body(&mut response, &refusal, form, request_id.as_deref());
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::debug!(
        %method,
        ?path,
        status = response.status().as_u16(),
        request_id,
        elapsed_us = clock::monotonic().duration_since(started).as_micros(),
        "answered"
    );
    response
}

/// In which of the two shapes an error is told.
#[derive(Clone, Copy)]
enum Form {
    /// `{"error": …}` or `{"errors": […]}`.
    Plain,
    /// RFC 9457, when the client names its media type.
    Problem,
}

impl Form {
    fn wanted(headers: &HeaderMap) -> Self {
        let problem = headers.get_all(ACCEPT).iter().any(|value| {
            value.to_str().unwrap_or_default().split(',').any(|range| {
                let media_type = range.split(';').next().unwrap_or_default().trim();
                media_type.eq_ignore_ascii_case("application/problem+json")
            })
        });
        if problem { Self::Problem } else { Self::Plain }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/json",
            Self::Problem => "application/problem+json",
        }
    }
}

/// The id that the gateway gave to this request; anything that cannot be one is not repeated.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let well_formed = (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(&byte));
    well_formed.then_some(id)
}

#[expect(clippy::indexing_slicing, reason = "each form is an object")]
fn write_body(response: &mut Response, refusal: &Refusal, form: Form, request_id: Option<&str>) {
    let (status, code, title) = refusal.code().facts();
    let messages = refusal.messages();
    let mut body = match (form, messages.as_slice()) {
        (Form::Plain, [message]) => json!({ "error": message }),
        (Form::Plain, messages) => json!({ "errors": messages }),
        (Form::Problem, messages) => json!({
            "type": format!("urn:todo:problem:{code}"),
            "title": title,
            "status": status.as_u16(),
            "detail": messages.join("; "),
            "errors": messages.iter().map(|detail| json!({ "detail": detail })).collect::<Vec<_>>(),
        }),
    };
    body["code"] = code.into();
    if let Some(id) = request_id {
        body["request_id"] = id.into();
    }
    replace(response, form.media_type(), &body);
    if let Some(seconds) = refusal.code().retry_after_s() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
}

/// Status and headers stay: a 405 brought its `Allow` along.
fn replace(response: &mut Response, media_type: &'static str, body: &Value) {
    let text = body.to_string();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, text.len().into());
    *response.body_mut() = Body::from(text);
}
