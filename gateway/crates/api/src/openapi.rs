//! `GET /api/auth/openapi.json`: what the endpoints take and answer (OpenAPI 3.1), made from the code.

mod completion;
mod headers;
pub(super) mod refusals;

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use utoipa::{Modify as _, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use super::{documentation, endpoints, schema, verify};
use completion::Completion;
use refusals::refusals;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gateway",
        // Of what is described here, not of the program, which nobody needs to know.
        version = "1.0",
        description = "Accounts, sessions and tokens. JSON in, JSON out, UTF-8; members of a body that are \
                       not known are ignored, and `null` is as if it were not there. Bodies are at most \
                       64 KiB. A refusal is `error` or `errors`, `code` and `request_id`; with \
                       `Accept: application/problem+json` it is RFC 9457.",
        contact(name = "The operator of this gateway")
    ),
    // Wherever it is reached by who reads this, the host and the scheme included.
    servers((url = "/", description = "The gateway that serves this document")),
    paths(verify::verify, verify::verify_path),
    components(schemas(
        schema::Refusal,
        schema::ProblemDetails,
        schema::AccountId,
        schema::Counting,
        schema::EventWord,
        schema::ModeWord
    )),
    tags(
        (name = "login", description = "From a password to tokens, and back"),
        (name = "account", description = "One's own account"),
        (name = "administration", description = "For administrators"),
        (name = "integration", description = "For services, proxies and clients' makers")
    )
)]
struct Document;

/// The document and its tag, made once.
struct Made {
    json: String,
    tag: HeaderValue,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let json = document().to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json.as_bytes());
    let digits: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = HeaderValue::try_from(format!("\"{digits}\""));
    // Hexadecimal digits in quotes are always a value.
    Made { json, tag: tag.unwrap_or(HeaderValue::from_static("\"-\"")) }
});

/// The document as JSON.
#[expect(clippy::indexing_slicing, reason = "of what is no object here the tests of the document would tell")]
pub fn document() -> Value {
    let described = OpenApiRouter::with_openapi(Document::openapi());
    let mut described = described.merge(endpoints()).merge(documentation()).into_openapi();
    Completion.modify(&mut described);
    let mut document = serde_json::to_value(described).unwrap_or_default();
    // Whether a header is always there is more than the library can say.
    for always in headers::ALWAYS {
        document["components"]["headers"][always]["required"] = true.into();
    }
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        let operations = item.as_object_mut().into_iter().flat_map(|item| item.values_mut());
        let parameters = operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut());
        let may_be_empty = |parameter: &&mut Value| {
            parameter["name"].as_str().is_some_and(|name| EMPTY_IS_ABSENT.contains(&name))
        };
        for parameter in parameters.flatten().filter(may_be_empty) {
            parameter["allowEmptyValue"] = true.into();
        }
    }
    document
}

/// Parameters of a query that forms may send without a value.
const EMPTY_IS_ABSENT: [&str; 7] = ["user_id", "event", "since", "until", "cursor", "limit", "all"];

refusals!(ReadRefusals:);

#[utoipa::path(
    get,
    path = "/api/auth/openapi.json",
    tag = "integration",
    operation_id = "readDocument",
    summary = "Get this document",
    description = "OpenAPI 3.1. Where `api.docs` is off: 404.",
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = Object, headers(("ETag" = String))),
        (status = 304, description = "It is still the one of `If-None-Match`.", headers(("ETag" = String))),
        ReadRefusals,
    )
)]
pub(super) async fn read(headers: HeaderMap) -> Response {
    let Made { json, tag } = &*MADE;
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_ours = |one: &str| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes()
    };
    // The length of what is not sent again (RFC 9110 §8.6).
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_LENGTH, HeaderValue::from(json.len())),
        (ETAG, tag.clone()),
    ];
    if known.flat_map(|value| value.split(',')).any(is_ours) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, json.as_str()).into_response()
}
