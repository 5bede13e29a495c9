//! Every way in which this service says no: status, stable code and words. `answer` writes them out.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The stable codes; the words that this service shares with the gateway are spelled alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    MalformedJson,
    IdentityMissing,
    SignatureInvalid,
    MessageStale,
    NotFound,
    TodoNotFound,
    MethodNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    StorageUnavailable,
}

impl Code {
    /// The one table: status, code on the wire, message.
    pub(crate) fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedJson => (StatusCode::BAD_REQUEST, "malformed_json", "Malformed JSON"),
            Self::IdentityMissing => (StatusCode::UNAUTHORIZED, "identity_missing", "Missing identity"),
            Self::SignatureInvalid => {
                (StatusCode::UNAUTHORIZED, "signature_invalid", "Missing or invalid signature")
            }
            Self::MessageStale => (
                StatusCode::UNAUTHORIZED,
                "message_stale",
                "The message was not sent within five minutes of now",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::TodoNotFound => (StatusCode::NOT_FOUND, "todo_not_found", "Todo not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout", "Request body took too long"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Request body too large"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Content-Type must be application/json",
            ),
            Self::ValidationFailed => {
                (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "Validation failed")
            }
            Self::StorageUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", "Storage unavailable")
            }
        }
    }

    /// Seconds after which trying again makes sense.
    pub(crate) fn retry_after_s(self) -> Option<u16> {
        match self {
            Self::StorageUnavailable => Some(5),
            _ => None,
        }
    }
}

/// An answer other than yes. The layer of [`router`](crate::router) gives it its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    faults: Vec<Cow<'static, str>>,
}

impl Refusal {
    /// A 422 for one or more faults, in the order in which they shall be read.
    pub(crate) fn invalid(faults: Vec<Cow<'static, str>>) -> Self {
        Self { code: Code::ValidationFailed, faults }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// What to tell the client: one message, or several validation failures.
    pub(crate) fn messages(&self) -> Vec<&str> {
        if self.faults.is_empty() {
            return vec![self.code.facts().2];
        }
        self.faults.iter().map(AsRef::as_ref).collect()
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, faults: Vec::new() }
    }
}

impl IntoResponse for Refusal {
    /// The body depends on the request (its id, what it accepts), which is not known here: the
    /// refusal travels as an extension to the one place that knows both.
    fn into_response(self) -> Response {
        let mut response = self.code.facts().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
