//! Refusals in their two forms, which the room of problems writes: these types only describe them.
#![expect(dead_code, reason = "they are written by `Problem::render`")]

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use gateway_problem::Code;

/// Why not. There is either `error`, or `errors` where several things can be wrong at once.
#[derive(ToSchema)]
pub(crate) struct Refusal {
    /// For people.
    #[schema(nullable = false, example = "Invalid or expired token")]
    error: Option<String>,
    /// For people, one for each thing that is wrong.
    #[schema(nullable = false)]
    errors: Option<Vec<String>>,
    /// For people, where there is more to say.
    #[schema(nullable = false)]
    detail: Option<String>,
    code: RefusalCode,
    /// Under which the log has it; also in `X-Request-Id`.
    #[schema(example = "019a0000-0000-7000-8000-000000000000")]
    request_id: String,
}

/// The same as RFC 9457 has it, for who accepts `application/problem+json`.
#[derive(ToSchema)]
pub(crate) struct ProblemDetails {
    #[schema(format = "uri", example = "urn:gateway:problem:token_expired")]
    r#type: String,
    #[schema(example = "Invalid or expired token")]
    title: String,
    #[schema(minimum = 400, maximum = 599, example = 401)]
    status: u16,
    #[schema(example = "Invalid or expired token")]
    detail: String,
    /// One for each thing that is wrong, where several can be.
    #[schema(nullable = false)]
    errors: Option<Vec<ProblemDetail>>,
    code: RefusalCode,
    #[schema(example = "019a0000-0000-7000-8000-000000000000")]
    request_id: String,
}

#[derive(ToSchema)]
struct ProblemDetail {
    detail: String,
}

/// The stable words, from the one list that answers are made from.
struct RefusalCode;

impl PartialSchema for RefusalCode {
    fn schema() -> RefOr<Schema> {
        let words = Code::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .description(Some("A stable word, for programs. docs/errors.md explains each."))
            .into()
    }
}

impl ToSchema for RefusalCode {}
