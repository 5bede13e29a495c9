//! `GET /.well-known/jwks.json`: the public keys by which others verify access tokens and identity
//! assertions (RFC 7517 §5).

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::openapi::refusals::refusals;
use super::{Shared, schema};
use gateway_token::jwks;

refusals!(Refusals:);

#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "integration",
    operation_id = "readKeys",
    summary = "Get the public keys",
    description = "As a JSON Web Key Set (RFC 7517): those of assertions, and those of access tokens where these are asymmetric.",
    responses(
        (
            status = 200,
            description = "The keys; `Cache-Control` says how long they may be kept.",
            body = schema::KeySet,
            content_type = "application/jwk-set+json",
        ),
        Refusals,
    ),
)]
pub(super) async fn read(State(services): State<Shared>) -> Response {
    let config = &services.config;
    let rings = [&**config.verifier.access_keys(), &*config.assertions.issuer().keys];
    let set = jwks(rings, services.clock.now()).to_string();
    let cache = format!("public, max-age={}", config.key_set_lifetime.as_secs());
    let kind = "application/jwk-set+json".to_owned();
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], set).into_response()
}
