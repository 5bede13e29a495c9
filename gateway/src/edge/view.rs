//! Heads as the rooms of the edge look at them, whoever read them: plain borrowed parts, made without a
//! copy, and without a type of whatever forwards messages.

use http::header::{CONTENT_LENGTH, EXPECT, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use crate::problem::{Code, Problem};

/// The head of a request.
#[derive(Clone, Copy)]
pub(super) struct RequestView<'a> {
    pub(super) method: &'a Method,
    /// As it was sent, in origin form.
    pub(super) raw_target: &'a [u8],
    pub(super) version: Version,
    /// `:authority` (RFC 9113 §8.3.1).
    pub(super) authority: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

/// The head of an answer.
#[derive(Clone, Copy)]
pub(super) struct AnswerView<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
}

impl<'a> RequestView<'a> {
    /// The target as it was sent, in origin form.
    pub(super) fn target(self) -> Result<&'a str, Problem> {
        std::str::from_utf8(self.raw_target).map_err(|_| Problem::new(Code::AmbiguousPath))
    }

    /// Whom the request is for: `Host`, which was checked, or `:authority`; nothing where HTTP/1.0 does not
    /// say it.
    pub(super) fn host(self) -> &'a str {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        host.or(self.authority).unwrap_or("")
    }

    /// The same as a header has it; of HTTP/1 without a copy.
    pub(super) fn host_value(self) -> HeaderValue {
        let sent = self.headers.get(HOST).cloned();
        // An authority was checked before, and is a value.
        sent.or_else(|| HeaderValue::from_str(self.host()).ok()).unwrap_or(HeaderValue::from_static(""))
    }

    /// The length that the body is said to have, in bytes.
    pub(super) fn declared_length(self) -> Option<u64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// RFC 9110 §10.1.1: what HTTP/1.0 says there is not heard.
    pub(super) fn awaits_continue(self) -> bool {
        self.headers.contains_key(EXPECT) && self.version != Version::HTTP_10
    }

    pub(super) fn is_http2(self) -> bool {
        self.version == Version::HTTP_2
    }
}

impl AnswerView<'_> {
    /// Whether it is over with its head, as far as that shows.
    pub(super) fn has_no_content(self, to: &Method) -> bool {
        matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || to == Method::HEAD
            || self.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0")
    }
}
