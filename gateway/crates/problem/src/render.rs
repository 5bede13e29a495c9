//! From a problem to an HTTP response: status, body, `WWW-Authenticate`, `Retry-After`.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::{Code, Problem};
use gateway_framing::{HeaderSection, text};

/// The protection space that is named in challenges (RFC 9110 §11.5).
const REALM: &str = "gateway";

/// Room for most challenges.
const CHALLENGE_BYTES_USUAL: usize = 128;
/// Room for the fields of most answers.
const FIELDS_USUAL: usize = 12;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The reader of the answer, and the form that it asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// `{"error": …}`, the form of the contract.
    #[default]
    Json,
    /// RFC 9457, because the client accepts `application/problem+json`.
    ProblemJson,
    /// gRPC: the refusal travels in `grpc-status` of an HTTP 200.
    Grpc,
}

impl Audience {
    pub fn from_headers(headers: HeaderSection<'_>) -> Self {
        if is_grpc(headers) { Self::Grpc } else { Self::of_own(headers) }
    }

    /// For the endpoints of the gateway itself. They speak no gRPC, whose refusals are HTTP 200:
    /// a proxy that asks `/api/auth/verify` and hands on its client's `Content-Type` would take
    /// that for a yes.
    pub fn of_own(headers: HeaderSection<'_>) -> Self {
        let accepted = headers.get_all(&ACCEPT).any(|value| {
            let lists = |text: &str| {
                text.split(',').any(|item| {
                    let media = item.split(';').next().unwrap_or("").trim();
                    media.eq_ignore_ascii_case("application/problem+json")
                })
            };
            text(value).is_some_and(lists)
        });
        if accepted { Self::ProblemJson } else { Self::Json }
    }
}

/// Whether it is a call of gRPC: `application/grpc`, alone or with the coding of its messages behind a
/// `+`. gRPC-Web is another protocol.
pub fn is_grpc(headers: HeaderSection<'_>) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let value = headers.get(&CONTENT_TYPE).unwrap_or_default();
    value.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
        && matches!(value.get(GRPC.len()), None | Some(b'+' | b';' | b' ' | b'\t'))
}

#[derive(Serialize)]
struct Plain<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [std::borrow::Cow<'static, str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    code: &'a str,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Rfc9457<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Detail<'a>>,
    code: &'a str,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

impl Problem {
    /// The whole response. It carries its own length, so that the connection can live on.
    pub fn render(&self, audience: Audience, request_id: &str) -> Response<Bytes> {
        let entry = self.code.entry();
        let none = super::Details::default();
        let details = self.details.as_deref().unwrap_or(&none);
        let mut response = match audience {
            Audience::Grpc => self.render_grpc(),
            Audience::Json => {
                let single = details.errors.is_empty().then(|| self.message());
                json(
                    entry.status,
                    "application/json",
                    &Plain {
                        error: single,
                        errors: &details.errors,
                        detail: self.detail(),
                        code: entry.word,
                        request_id,
                    },
                )
            }
            Audience::ProblemJson => {
                let errors = details.errors.iter().map(|detail| Detail { detail }).collect();
                json(
                    entry.status,
                    "application/problem+json",
                    &Rfc9457 {
                        r#type: format!("urn:gateway:problem:{}", entry.word),
                        title: entry.message,
                        status: entry.status,
                        detail: self.detail().unwrap_or(self.message()),
                        errors,
                        code: entry.word,
                        request_id,
                    },
                )
            }
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        set(headers, PROXY_STATUS, &["gateway; error=", entry.proxy_error].concat());
        if let Some(challenge) = self.challenge() {
            set(headers, WWW_AUTHENTICATE, &challenge);
        }
        if let Some(wait) = details.retry_after {
            set(headers, RETRY_AFTER, &whole_seconds(wait).to_string());
        }
        if let Some(methods) = &details.allow {
            set(headers, ALLOW, methods);
        }
        for (name, value) in &details.fields {
            set(headers, HeaderName::from_static(name), value);
        }
        response
    }

    /// RFC 6750 §3: `error` only when a token came; a scope only when one was lacking.
    fn challenge(&self) -> Option<String> {
        let details = self.details.as_deref();
        let realm = details.and_then(|details| details.realm.as_deref()).unwrap_or(REALM);
        let mut challenge = String::with_capacity(CHALLENGE_BYTES_USUAL);
        challenge.push_str("Bearer realm=");
        quote(&mut challenge, realm);
        let error = match self.code {
            Code::TokenMissing => return Some(challenge),
            Code::TokenInvalid | Code::TokenTooLarge | Code::TokenExpired | Code::TokenRevoked => {
                "invalid_token"
            }
            Code::InvalidRequest => "invalid_request",
            Code::InsufficientScope | Code::AdminRequired | Code::AccountRequired => "insufficient_scope",
            _ => return None,
        };
        let description = match self.code {
            Code::TokenExpired => "The access token expired",
            Code::TokenRevoked => "The access token was revoked",
            Code::TokenInvalid => "The access token is invalid",
            Code::TokenTooLarge => "The access token is too large",
            _ => self.message(),
        };
        challenge.extend([", error=\"", error, "\", error_description="]);
        quote(&mut challenge, description);
        if let Some(scope) = details.and_then(|details| details.scope.as_deref()) {
            challenge.push_str(", scope=");
            quote(&mut challenge, scope);
        }
        Some(challenge)
    }

    /// A trailers-only answer, as gRPC's HTTP/2 mapping has it.
    fn render_grpc(&self) -> Response<Bytes> {
        let status = match self.code.entry().status {
            401 => "16",
            403 => "7",
            404 | 405 => "12",
            429 => "8",
            502..=504 => "14",
            500 => "13",
            _ => "3",
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        headers.insert("grpc-status", HeaderValue::from_static(status));
        set(headers, HeaderName::from_static("grpc-message"), self.message());
        response
    }
}

/// RFC 9110 §5.6.4: what would end the string, or escape its end, is escaped.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for piece in text.split_inclusive(['"', '\\']) {
        match piece.strip_suffix(['"', '\\']) {
            Some(plain) => {
                out.extend([plain, "\\"]);
                out.push_str(piece.get(plain.len()..).unwrap_or_default());
            }
            None => out.push_str(piece),
        }
    }
    out.push('"');
}

fn json(status: u16, media_type: &'static str, body: &impl Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let length = response.body().len();
    let headers = response.headers_mut();
    headers.reserve(FIELDS_USUAL);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Our own words are visible ASCII; should one ever not be, the header is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Rounded up, at least one: a client that waits this long is not refused for the same reason.
fn whole_seconds(wait: std::time::Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn a_challenge_names_an_error_only_when_a_token_came() {
        let missing = Problem::new(Code::TokenMissing).render(Audience::Json, "r");
        assert_eq!(header(&missing, "www-authenticate"), "Bearer realm=\"gateway\"");
        let expired = Problem::new(Code::TokenExpired).render(Audience::Json, "r");
        assert_eq!(
            header(&expired, "www-authenticate"),
            "Bearer realm=\"gateway\", error=\"invalid_token\", error_description=\"The access token expired\""
        );
    }

    #[test]
    fn what_would_end_a_quoted_string_is_escaped() {
        for (text, quoted) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            (r#"""#, r#""\"""#),
            (r"\\", r#""\\\\""#),
        ] {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, quoted, "{text}");
        }
    }

    #[test]
    fn the_same_facts_come_as_rfc_9457_when_asked_for() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/html, application/problem+json;q=0.9"));
        let problem = Problem::validation(vec!["Invalid email address".into()]);
        let response = problem.render(Audience::from_headers((&headers).into()), "r-1");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(header(&response, "content-type"), "application/problem+json");
        assert_eq!(body["status"], 422);
        assert_eq!(body["errors"][0]["detail"], "Invalid email address");
        assert_eq!(body["code"], "validation_failed");
        assert_eq!(body["request_id"], "r-1");
    }

    #[test]
    fn a_grpc_caller_gets_200_with_a_grpc_status() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        for (code, status) in [
            (Code::TokenMissing, "16"),
            (Code::InsufficientScope, "7"),
            (Code::RateLimited, "8"),
            (Code::RevocationUnavailable, "14"),
        ] {
            let response = Problem::new(code).render(Audience::from_headers((&headers).into()), "r");
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "grpc-status"), status);
        }
    }

    #[test]
    fn an_internal_fault_says_nothing_of_its_cause() {
        let body = Problem::new(Code::Internal).render(Audience::Json, "r").into_body();
        assert_eq!(body, r#"{"error":"Internal error","code":"internal_error","request_id":"r"}"#);
    }

    #[test]
    fn a_wait_is_rounded_up_to_at_least_a_second() {
        let wait = |millis| whole_seconds(std::time::Duration::from_millis(millis));
        assert_eq!((wait(0), wait(1), wait(1_000), wait(1_001)), (1, 1, 1, 2));
    }
}
