//! The header fields of answers, as the document has them.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Header, Ref, RefOr};

pub(super) const CHALLENGE: &str = "WWW-Authenticate";
pub(super) const WAIT: &str = "Retry-After";
pub(super) const REQUEST_ID: &str = "X-Request-Id";
pub(super) const CACHE: &str = "Cache-Control";
pub(super) const LIMIT: &str = "RateLimit";
pub(super) const POLICY: &str = "RateLimit-Policy";

/// Those that each answer has.
pub(super) const ALWAYS: [&str; 2] = [REQUEST_ID, CACHE];

pub(super) fn all() -> BTreeMap<String, RefOr<Header>> {
    let text = |description: &str, example: &str| {
        let header = HeaderBuilder::new().schema(Some(Object::with_type(Type::String)));
        RefOr::T(header.description(Some(description)).example(Some(example.into())).build())
    };
    let seconds = HeaderBuilder::new()
        .schema(Some(Object::with_type(Type::Integer)))
        .description(Some("Seconds to wait before the next try (RFC 9110 §10.2.3)."))
        .example(Some(5.into()))
        .build();
    [
        (CHALLENGE, text("What a token lacks (RFC 6750 §3).", "Bearer realm=\"gateway\"")),
        (WAIT, seconds.into()),
        (REQUEST_ID, text("Under which the log has the request.", "019a0000-0000-7000-8000-000000000000")),
        (CACHE, text("Nothing here is kept by caches, but the public keys.", "no-store")),
        (LIMIT, text("What is left of each limit that applied.", "\"user\";r=1199;t=60")),
        (POLICY, text("The limits that applied.", "\"user\";q=1200;w=60")),
    ]
    .map(|(name, header)| (name.to_owned(), header))
    .into()
}

pub(super) fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}
