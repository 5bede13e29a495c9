//! Heads as the rooms of the edge look at them, whoever read them: plain borrowed parts, made without a
//! copy, and without a type of whatever forwards messages.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, UPGRADE};
use http::{Method, StatusCode, Version};
use token_source::Outgoing;

use gateway_framing::HeaderSection;
use gateway_pipeline::Value;

/// The head of a request.
#[derive(Clone, Copy)]
pub(super) struct RequestView<'a> {
    pub(super) method: &'a Method,
    /// As it was sent, in origin form.
    pub(super) raw_target: &'a [u8],
    pub(super) version: Version,
    /// `:authority` (RFC 9113 §8.3.1).
    pub(super) authority: Option<&'a str>,
    pub(super) headers: HeaderSection<'a>,
}

/// The head of an answer.
#[derive(Clone, Copy)]
pub(super) struct AnswerView<'a> {
    pub(super) status: StatusCode,
    /// `Content-Length`.
    pub(super) length: Option<&'a [u8]>,
    /// `Content-Type`.
    pub(super) media: Option<&'a [u8]>,
    pub(super) names_upgrade: bool,
}

impl<'a> RequestView<'a> {
    /// The target as it was sent, in origin form, where it is text.
    pub(super) fn target(self) -> Option<&'a str> {
        std::str::from_utf8(self.raw_target).ok()
    }

    /// Whom the request is for: `Host`, which was checked, or `:authority`; nothing where HTTP/1.0 does not
    /// say it.
    pub(super) fn host(self) -> &'a str {
        self.headers.text(&HOST).or(self.authority).unwrap_or("")
    }

    /// The same as a header has it, where it is said.
    pub(super) fn host_value(self) -> Option<Value<'a>> {
        let host = self.headers.get(&HOST).or(self.authority.map(str::as_bytes))?;
        (!host.is_empty()).then_some(Value::Text(host))
    }

    /// The length that the body is said to have, in bytes.
    pub(super) fn declared_length(self) -> Option<u64> {
        self.headers.text(&CONTENT_LENGTH)?.parse().ok()
    }

    /// RFC 9110 §10.1.1: what HTTP/1.0 says there is not heard.
    pub(super) fn awaits_continue(self) -> bool {
        self.headers.has(&EXPECT) && self.version != Version::HTTP_10
    }

    pub(super) fn is_http2(self) -> bool {
        self.version == Version::HTTP_2
    }
}

impl<'a> AnswerView<'a> {
    pub(super) fn new(status: StatusCode, head: &'a impl Outgoing) -> Self {
        let first = |name| head.values(&name).next();
        let names_upgrade = first(UPGRADE).is_some();
        Self { status, length: first(CONTENT_LENGTH), media: first(CONTENT_TYPE), names_upgrade }
    }

    /// Whether it is over with its head, as far as that shows.
    pub(super) fn has_no_content(self, to: &Method) -> bool {
        matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || to == Method::HEAD
            || self.length.is_some_and(|length| length == b"0")
    }
}

#[cfg(test)]
mod tests {
    use http::header::TRANSFER_ENCODING;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn sent(fields: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn of(headers: &HeaderMap, version: Version) -> RequestView<'_> {
        let headers = headers.into();
        RequestView { method: &Method::PUT, raw_target: b"/a?b", version, authority: None, headers }
    }

    #[test]
    fn a_request_is_for_its_host_or_else_for_its_authority() {
        let (with, without) = (sent(&[(HOST, "a:80")]), HeaderMap::new());
        let named = |headers| RequestView { authority: Some("b"), ..of(headers, Version::HTTP_2) };
        let value = |request: RequestView<'_>| request.host_value()?.to_value();
        assert_eq!((named(&with).host(), value(named(&with)).unwrap()), ("a:80", "a:80".parse().unwrap()));
        assert_eq!((named(&without).host(), value(named(&without)).unwrap()), ("b", "b".parse().unwrap()));
        assert_eq!(value(of(&without, Version::HTTP_10)), None);
        assert_eq!(value(named(&sent(&[(HOST, "")]))), None);
    }

    #[test]
    fn what_is_announced_of_a_body_is_read_from_the_head() {
        let headers = sent(&[(CONTENT_LENGTH, "12"), (EXPECT, "100-continue")]);
        assert_eq!(of(&headers, Version::HTTP_11).declared_length(), Some(12));
        assert!(of(&headers, Version::HTTP_11).awaits_continue());
        assert!(!of(&headers, Version::HTTP_10).awaits_continue());
        let chunked = sent(&[(TRANSFER_ENCODING, "chunked")]);
        assert_eq!(of(&chunked, Version::HTTP_11).declared_length(), None);
    }

    #[test]
    fn what_is_no_text_is_no_target() {
        let headers = HeaderMap::new();
        assert_eq!(of(&headers, Version::HTTP_11).target(), Some("/a?b"));
        let odd = RequestView { raw_target: b"/\xff", ..of(&headers, Version::HTTP_11) };
        assert_eq!(odd.target(), None);
    }

    #[test]
    fn an_answer_is_over_with_its_head_by_its_status_its_length_or_what_was_asked() {
        let is_over = |status, length: &'static str, to: Method| {
            let headers = sent(&[(CONTENT_LENGTH, length)]);
            AnswerView::new(status, &headers).has_no_content(&to)
        };
        assert!(!is_over(StatusCode::OK, "1", Method::GET));
        assert!(is_over(StatusCode::OK, "0", Method::GET) && is_over(StatusCode::OK, "1", Method::HEAD));
        assert!(is_over(StatusCode::NO_CONTENT, "1", Method::GET));
        assert!(is_over(StatusCode::NOT_MODIFIED, "1", Method::GET));
    }
}
