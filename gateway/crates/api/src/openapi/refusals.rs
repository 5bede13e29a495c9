//! The refusals of an endpoint as its document has them: made from the one list of codes, and shown
//! as they are really rendered.

use std::collections::BTreeMap;

use http::header::WWW_AUTHENTICATE;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::headers;
use gateway_problem::{Audience, Code, Problem};

/// The two forms of a refusal, and the schemas that describe them.
const FORMS: [(&str, Audience, &str); 2] = [
    ("application/json", Audience::Json, "Refusal"),
    ("application/problem+json", Audience::ProblemJson, "ProblemDetails"),
];
/// In examples.
const REQUEST_ID: &str = "019a0000-0000-7000-8000-000000000000";

/// What any request can meet.
pub(crate) const ANY: &[Code] = &[
    Code::MalformedRequest,
    Code::AmbiguousPath,
    Code::BodyTimeout,
    Code::BodyTooLarge,
    Code::HeadersTooLarge,
    Code::TooManyHeaders,
    Code::Internal,
    Code::TooManyStreams,
];
/// What a body can meet.
pub(crate) const BODY: &[Code] = &[Code::UnsupportedMediaType, Code::MalformedJson, Code::ValidationFailed];
/// What anybody's token can meet.
pub(crate) const TOKEN: &[Code] = &[
    Code::InvalidRequest,
    Code::TokenMissing,
    Code::TokenInvalid,
    Code::TokenTooLarge,
    Code::TokenExpired,
    Code::TokenRevoked,
    Code::CsrfRefused,
    Code::RateLimited,
    Code::IssuerUnavailable,
    Code::RevocationUnavailable,
    Code::StoreUnavailable,
];
/// Where a session is made or ended.
pub(crate) const STORES: &[Code] = &[Code::StoreUnavailable, Code::RevocationUnavailable];
/// Where a password is hashed.
pub(crate) const HASHES: &[Code] = &[Code::HashingOverloaded];
/// Where a password is chosen.
pub(crate) const CHOOSES: &[Code] =
    &[Code::PasswordTooWeak, Code::PasswordGuessable, Code::PasswordBreached, Code::HashingOverloaded];
/// Where a limit by address applies.
pub(crate) const LIMITED: &[Code] = &[Code::RateLimited];
/// Where a current password is asked for once more.
pub(crate) const CONFIRMS: &[Code] = &[Code::InvalidCredentials, Code::LoginLocked, Code::HashingOverloaded];

/// Names what an endpoint can refuse: sets of above, and codes of its own.
macro_rules! refusals {
    ($name:ident: $($set:ident)* $(; $($code:ident)*)?) => {
        enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                let lists: &[&[gateway_problem::Code]] = &[
                    $(crate::openapi::refusals::$set,)*
                    $(&[$(gateway_problem::Code::$code),*])?
                ];
                crate::openapi::refusals::responses(&lists.concat())
            }
        }
    };
}
pub(crate) use refusals;

/// A response for each status; beside those of the endpoint, what any request can meet.
pub(crate) fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    // In the order of the list of codes, so that the same codes are the same response.
    let named = Code::ALL.iter().filter(|code| codes.contains(code) || ANY.contains(code));
    for code in named {
        by_status.entry(code.entry().status).or_default().push(*code);
    }
    let responses = by_status.into_iter();
    responses
        .map(|(status, codes)| (status.to_string(), Ref::from_response_name(name(&codes)).into()))
        .collect()
}

/// What the response of these codes is called among the components.
fn name(codes: &[Code]) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(".")
}

/// The codes of a response's name.
fn codes(name: &str) -> Vec<Code> {
    let code = |word: &str| Code::ALL.iter().copied().find(|code| code.as_str() == word);
    name.split('.').filter_map(code).collect()
}

/// The response that is called so.
pub(super) fn response(name: &str) -> Response {
    let codes = codes(name);
    let lines = codes.iter().map(|code| {
        let entry = code.entry();
        format!("- `{}`: {} {}", entry.word, entry.meaning, entry.next_step)
    });
    let mut response = ResponseBuilder::new().description(lines.collect::<Vec<_>>().join("\n")).build();
    for (media_type, audience, schema) in FORMS {
        let mut content = Content::new(Some(Ref::from_schema_name(schema)));
        for code in &codes {
            let rendered = Problem::new(*code).render(audience, REQUEST_ID);
            if rendered.headers().contains_key(WWW_AUTHENTICATE) {
                response.headers.insert(headers::CHALLENGE.into(), headers::reference(headers::CHALLENGE));
            }
            if matches!(code.entry().status, 429 | 503) {
                response.headers.insert(headers::WAIT.into(), headers::reference(headers::WAIT));
            }
            let value = serde_json::from_slice(rendered.body()).ok();
            let example = ExampleBuilder::new().summary(code.entry().message).value(value).build();
            content.examples.insert(code.as_str().to_owned(), example.into());
        }
        response.content.insert(media_type.to_owned(), content.into());
    }
    response
}
