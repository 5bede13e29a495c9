//! Request bodies: one JSON object, or nothing. In the contract's order: empty, content type,
//! JSON, and then the type of each field.

use axum::extract::FromRequest;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use gateway_identity::person_name;
use gateway_problem::{Code, Problem};
use gateway_store::Amendment;

/// The members of the body; none for an empty body or `{}`.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| Problem::new(Code::BodyTooLarge))?;
        Self::read(&body, json)
    }
}

impl Fields {
    fn read(body: &[u8], declared_json: bool) -> Result<Self, Problem> {
        let is_nothing = |body: &[u8]| {
            let mut rest = body.iter().filter(|byte| !byte.is_ascii_whitespace());
            matches!((rest.next(), rest.next(), rest.next()), (None, ..) | (Some(b'{'), Some(b'}'), None))
        };
        if is_nothing(body) {
            return Ok(Self::default());
        }
        if !declared_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        match std::str::from_utf8(body).map(serde_json::from_str) {
            Ok(Ok(Value::Object(fields))) => Ok(Self(fields)),
            _ => Err(Problem::new(Code::MalformedJson)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A string, or nothing when the field is missing or `null`.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    /// A boolean, or nothing when the field is missing or `null`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong_type(name, "a boolean")),
        }
    }
}

fn wrong_type(name: &str, wanted: &str) -> Problem {
    Problem::new(Code::ValidationFailed).with_message(format!("{name} must be {wanted}"))
}

/// `application/json`, with any parameters (RFC 8259 §11 defines none).
fn is_json(headers: &http::HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.is_some_and(|value| {
        let media = value.split(';').next().unwrap_or("").trim();
        media.eq_ignore_ascii_case("application/json")
    })
}

/// A person's name, as it is kept.
pub(super) fn name(fields: &Fields, field: &'static str) -> Result<Result<Option<String>, String>, Problem> {
    let name = fields.text(field)?.map(|text| person_name(text).map(str::to_owned)).transpose();
    Ok(name.map_err(|fault| format!("{field} {fault}")))
}

/// The two names, each optional.
pub(super) fn names(fields: &Fields) -> Result<Amendment, Problem> {
    let (first, last) = (name(fields, "first_name")?, name(fields, "last_name")?);
    match (first, last) {
        (Ok(first_name), Ok(last_name)) => Ok(Amendment { first_name, last_name, ..Amendment::default() }),
        (first, last) => {
            let errors = [first.err(), last.err()].into_iter().flatten().map(Into::into);
            Err(Problem::validation(errors.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8], declared_json: bool) -> Option<Code> {
        Fields::read(body, declared_json).err().map(|problem| problem.code())
    }

    #[test]
    fn an_empty_body_and_an_empty_object_are_nothing_whatever_their_type() {
        for body in ["", " \n", "{}", " { } "] {
            assert!(Fields::read(body.as_bytes(), false).unwrap().is_empty(), "{body:?}");
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_in_the_order_of_the_contract() {
        assert_eq!(code(b"a=b", false), Some(Code::UnsupportedMediaType));
        for body in ["a=b", "[]", "\"x\"", "1", "null", "{\"a\":1", "{\"a\":1}x", "\u{feff}{\"a\":1}"] {
            assert_eq!(code(body.as_bytes(), true), Some(Code::MalformedJson), "{body:?}");
        }
        assert_eq!(code(b"{\"a\":\"\xff\"}", true), Some(Code::MalformedJson));
        let deep = "{\"a\":".repeat(10_000);
        assert_eq!(code(deep.as_bytes(), true), Some(Code::MalformedJson));
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let fields = Fields::read(b"{\"a\":1,\"b\":null}", true).unwrap();
        assert_eq!(fields.text("a").unwrap_err().message(), "a must be a string");
        assert_eq!(fields.flag("a").unwrap_err().message(), "a must be a boolean");
        assert_eq!(fields.text("b").unwrap(), None);
        assert_eq!(fields.text("c").unwrap(), None);
    }
}
