//! What is said once and holds for all endpoints: ways to say who one is, components, headers.

use std::collections::BTreeSet;

use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::{headers, refusals};

/// The name by which endpoints ask for a bearer token: a browser's cookies do as well.
const BEARER: &str = "bearer";
const COOKIE: &str = "cookie";

/// As a person comes by the operations, in the order in which they are listed for the document: JSON
/// keeps none, and by the alphabet the first one would be the proof of an address.
const ORDER: &str = "x-order";

pub(super) struct Completion;

impl Modify for Completion {
    fn modify(&self, document: &mut OpenApi) {
        let mut named = BTreeSet::new();
        let items = document.paths.paths.values_mut().flat_map(|item| {
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        });
        for (place, operation) in items.flatten().enumerate() {
            operation.extensions.get_or_insert_default().insert(ORDER.to_owned(), place.into());
            complete(operation, &mut named);
        }
        let components = document.components.get_or_insert_default();
        components.headers = headers::all();
        components.responses = named.into_iter().map(|name| (name.clone(), dressed(&name).into())).collect();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The `access_token` of a login or a refresh (RFC 6750)."));
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
        let cookie = ApiKeyValue::with_description(
            "__Host-gateway_access",
            "Set by `POST /api/auth/login?mode=cookie`, where `cookies.enabled`. What changes something must \
             come from a page of the same origin; where a client sends neither `Sec-Fetch-Site` nor \
             `Origin`, `X-CSRF-Token` says so, with the value of `__Host-gateway_csrf`.",
        );
        components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn complete(operation: &mut Operation, named: &mut BTreeSet<String>) {
    let responses = &mut operation.responses.responses;
    let limited = responses.contains_key("429");
    for response in responses.values_mut() {
        match response {
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                named.insert(name.to_owned());
            }
            RefOr::T(success) => {
                let more = [headers::LIMIT, headers::POLICY].into_iter().filter(|_| limited);
                for name in headers::ALWAYS.into_iter().chain(more) {
                    success.headers.insert(name.to_owned(), headers::reference(name));
                }
            }
        }
    }
    for body in operation.request_body.iter_mut() {
        if let RefOr::T(body) = body {
            body.content.values_mut().for_each(|content| match content {
                RefOr::T(content) => absent_and_not_null(&mut content.schema),
                RefOr::Ref(_) => {}
            });
        }
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            absent_and_not_null(&mut parameter.schema);
        }
    }
    let bearer = SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []);
    // Nothing said would be nothing known: an empty list is "by anybody".
    let security = operation.security.get_or_insert_default();
    if security.contains(&bearer) {
        security.push(SecurityRequirement::new::<_, [&str; 0], &str>(COOKIE, []));
    }
}

/// What may be left out is not what may be `null`: no such body is an object, and no query has a null.
fn absent_and_not_null(schema: &mut Option<RefOr<Schema>>) {
    if let Some(RefOr::T(Schema::OneOf(either))) = schema
        && let Some(one) = either.items.iter().position(|item| matches!(item, RefOr::Ref(_)))
    {
        *schema = Some(either.items.swap_remove(one));
    }
}

fn dressed(name: &str) -> utoipa::openapi::Response {
    let mut response = refusals::response(name);
    for always in headers::ALWAYS {
        response.headers.insert(always.to_owned(), headers::reference(always));
    }
    if name.contains("rate_limited") {
        for more in [headers::LIMIT, headers::POLICY] {
            response.headers.insert(more.to_owned(), headers::reference(more));
        }
    }
    response
}
