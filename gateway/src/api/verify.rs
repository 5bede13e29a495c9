//! `/api/auth/verify`: the decision for another proxy, which forwards the request itself.
//!
//! Only for proxies that the operator named. Anybody else could choose, by `X-Forwarded-Uri`, on
//! which route the decision is made.

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode};

use super::answer::add_fields;
use super::{Client, Shared};
use crate::pipeline::{Head, Trail, identity_fields};
use crate::problem::{Code, Problem};

pub(super) async fn verify(
    State(services): State<Shared>,
    client: Client,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !client.peer_is_trusted {
        tracing::warn!(
            client = %client.address, request_id = %client.request_id,
            "/api/auth/verify was called by a peer that is not in server.trusted_proxies"
        );
        return Err(Problem::new(Code::UntrustedProxy));
    }
    let target = original_target(&uri, &headers)?;
    let head = Head { method: &method, host: "", target: &target, headers: &headers };
    let (pipeline, mut trail) = (&services.pipeline, Trail::silent());
    let admitted = pipeline.admit(&pipeline.configured(), head, client.address, &mut trail).await?;
    let mut response = StatusCode::OK.into_response();
    for (name, value) in identity_fields(&admitted) {
        response.headers_mut().insert(name, value);
    }
    add_fields(response.headers_mut(), admitted.quota().charges());
    Ok(response)
}

/// The target of the request that the proxy asks about: appended to the path (Envoy), or in
/// `X-Forwarded-Uri` (Traefik, Caddy), `X-Original-URI` or `X-Original-URL` (nginx). Two that
/// disagree are refused: one of them may come from the client.
fn original_target(uri: &http::Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let own = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let appended = own.strip_prefix("/api/auth/verify").unwrap_or("");
    let mut found: Option<String> = appended.starts_with('/').then(|| appended.to_owned());
    for name in ["x-forwarded-uri", "x-original-uri", "x-original-url"] {
        for value in headers.get_all(name) {
            let value = value.to_str().map_err(|_| Problem::new(Code::AmbiguousPath))?;
            let target = without_origin(value);
            if found.as_deref().is_some_and(|found| found != target) {
                return Err(Problem::new(Code::AmbiguousPath));
            }
            found = Some(target.to_owned());
        }
    }
    // A proxy that says nothing would get a decision about a path that nobody asked for.
    found.ok_or(Problem::new(Code::AmbiguousPath))
}

/// `X-Original-URL` is a whole URL in nginx's documentation. A slash in its query begins no path.
fn without_origin(value: &str) -> &str {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    rest.map_or(value, |rest| rest.find(['/', '?', '#']).map_or("/", |end| &rest[end..]))
}
