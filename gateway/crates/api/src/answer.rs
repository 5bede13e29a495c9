//! A success: a status, a JSON object, and what the caller's limits have left.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Serialize;

use super::held::Held;
use super::pieces::Pieces;
use super::schema::Message;
use gateway_limits::{Charge, fields};
use gateway_pipeline::Quota;
use gateway_problem::{Code, Problem};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What an endpoint answers when it did what it was asked.
pub(super) struct Answer {
    status: StatusCode,
    body: Body,
    file: Option<&'static str>,
    charges: Vec<Charge>,
}

impl Answer {
    pub(super) fn ok(body: impl Serialize) -> Self {
        // Plain data, which has no way to fail.
        Self::text(serde_json::to_string(&body).unwrap_or_default())
    }

    /// JSON that was written already.
    pub(super) fn text(body: String) -> Self {
        Self { status: StatusCode::OK, body: Body::from(body), file: None, charges: Vec::new() }
    }

    /// JSON that was written already, and is long.
    pub(super) fn held(body: Held) -> Self {
        Self { body: Body::new(body), ..Self::text(String::new()) }
    }

    /// JSON that is still being written.
    pub(super) fn pieces(body: Pieces) -> Self {
        Self { body: Body::new(body), ..Self::text(String::new()) }
    }

    /// It was taken on, and will be done.
    pub(super) fn accepted(text: &str) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::message(text) }
    }

    /// To be kept by a browser under this name.
    pub(super) fn named(self, file: &'static str) -> Self {
        Self { file: Some(file), ..self }
    }

    pub(super) fn created(body: impl Serialize) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(body) }
    }

    pub(super) fn message(text: &str) -> Self {
        Self::ok(Message { message: text })
    }

    pub(super) fn charged(mut self, charges: impl IntoIterator<Item = Charge>) -> Self {
        self.charges.extend(charges);
        self
    }

    /// An operator at the machine has none.
    pub(super) fn with_quota<'a>(self, quota: impl Into<Option<&'a Quota>>) -> Self {
        let charges = quota.into().into_iter().flat_map(Quota::charges);
        self.charged(charges.copied())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(file) = self.file
            && let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{file}\""))
        {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        add_fields(headers, &self.charges);
        response
    }
}

/// Lists all policies that were charged.
pub(super) fn add_fields<'a>(headers: &mut http::HeaderMap, charges: impl IntoIterator<Item = &'a Charge>) {
    if let Some(fields) = fields(charges, None)
        && let (Ok(limit), Ok(policy)) =
            (HeaderValue::try_from(fields.limit), HeaderValue::try_from(fields.policy))
    {
        headers.insert(RATELIMIT, limit);
        headers.insert(RATELIMIT_POLICY, policy);
    }
}

/// The password pool is full.
pub(super) fn overloaded() -> Problem {
    Problem::new(Code::HashingOverloaded).retry_after(std::time::Duration::from_secs(2))
}
