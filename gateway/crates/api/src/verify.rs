//! `/api/auth/verify`: the decision for another proxy, which forwards the request itself.
//!
//! Only for proxies that the operator named. Anybody else could choose, by `X-Forwarded-Uri`, on
//! which route the decision is made.

mod original;

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

pub use original::AskingProxy;

use super::answer::add_fields;
use super::openapi::refusals::refusals;
use super::{Client, Shared};
use gateway_pipeline::{
    AnsweredBy, Browser, Decision, DecisionTrace, Head, Headers as _, RequestTarget, canonical,
    identity_fields,
};
use gateway_problem::{Code, Problem};
use gateway_store::Event;
use original::{Asked, original};

refusals!(Refusals: TOKEN; OriginalRequestUnclear InsufficientScope NetworkNotAllowed CertificateMissing UntrustedProxy NotFound MethodNotAllowed);

#[utoipa::path(
    get,
    path = "/api/auth/verify",
    tag = "integration",
    operation_id = "verify",
    summary = "Authorize for another proxy",
    description = "Any method is answered alike; GET stands for all. Method, host and path of the original request are where the proxy of `verify.proxy` puts them, such as `X-Forwarded-Method`, `-Host` and `-Uri`. Only for `server.trusted_proxies`. For nginx, which can hand on no other, refusals are 401 or 403, with the rest in `X-Gateway-Status`, `-Code` and `-Message`.",
    security((), ("bearer" = [])),
    responses((
            status = 200,
            description = "Let it through, with these headers.",
            headers(("X-User-Id" = String), ("X-User-Email" = String), ("X-User-Role" = String)),
        ), Refusals),
)]
pub(super) async fn verify(
    State(services): State<Shared>,
    client: Client,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let asked = Asked { method: &method, uri: &uri, headers: &headers };
    match let_through(&services, &client, asked).await {
        Ok(response) => response,
        Err(problem) => {
            let carried = ReportedStatus::from_problem(&problem, services.asking_proxy);
            let mut response = problem.into_response();
            carried.map(|carried| response.extensions_mut().insert(carried));
            response
        }
    }
}

/// The same, where the original path is appended.
#[utoipa::path(
    get,
    path = "/api/auth/verify/{path}",
    tag = "integration",
    operation_id = "verifyPath",
    summary = "Authorize for another proxy",
    description = "Any method is answered alike; GET stands for all. Method, host and path of the original request are where the proxy of `verify.proxy` puts them, such as `X-Forwarded-Method`, `-Host` and `-Uri`. Only for `server.trusted_proxies`. For nginx, which can hand on no other, refusals are 401 or 403, with the rest in `X-Gateway-Status`, `-Code` and `-Message`.",
    params(("path" = String, Path, description = "The original path.", example = "api")),
    security((), ("bearer" = [])),
    responses((
            status = 200,
            description = "Let it through, with these headers.",
            headers(("X-User-Id" = String), ("X-User-Email" = String), ("X-User-Role" = String)),
        ), Refusals),
)]
pub(super) async fn verify_path(
    services: State<Shared>,
    client: Client,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    verify(services, client, method, uri, headers).await
}

async fn let_through(services: &Shared, client: &Client, asked: Asked<'_>) -> Result<Response, Problem> {
    if !client.peer_is_trusted {
        services.metrics.security.record(&client.event(Event::UntrustedProxy, services));
        return Err(Problem::new(Code::UntrustedProxy));
    }
    let (pipeline, mut trace) = (&services.pipeline, DecisionTrace::silent());
    let config = &services.config;
    let original = original(services.asking_proxy, asked, &config.routes)?;
    let (canonical, browser) = (canonical(&original.target).ok(), client.browser.as_deref());
    let target = RequestTarget::new(&original.target, canonical.as_ref());
    // Neither the connection, its certificate and its listener are the client's, nor is the answer ours.
    let head = Head {
        client_is_told: client.address_is_told,
        is_encrypted: browser.is_some_and(Browser::secure),
        cookies: browser.map(Browser::cookies),
        answered_by: AnsweredBy::Another,
        ..Head::new(&original.method, &original.host, target, asked.headers, client.address)
    };
    let admitted = match pipeline.receive(config, &head, &mut trace).await {
        Ok(Decision::Forward(admitted)) => admitted,
        // Ours is no route's, for requests that come to us directly: nobody else may serve them. All else is
        // for who is answered by us.
        Ok(_) => return Err(Problem::new(Code::NotFound)),
        Err(denied) => {
            pipeline.note(&denied.refusal, client.requester()).await;
            return Err(denied.into());
        }
    };
    pipeline.note_shadow(&admitted, client.request_id.as_str());
    let mut response = StatusCode::OK.into_response();
    identity_fields(&admitted, |name, value| response.headers_mut().set(name, value));
    add_fields(response.headers_mut(), admitted.quota().charges());
    Ok(response)
}

/// A refusal in the one of two statuses that nginx's `auth_request` hands on: it makes 500 of any
/// other. What it really is stands in headers, of which nginx can make the whole answer again.
#[derive(Clone)]
pub(super) struct ReportedStatus(StatusCode);

impl ReportedStatus {
    /// `None` where the status can stay. 403, and not 401: a client that is over its limit or on
    /// a path that does not exist must not throw its good token away. What is broken stays 5xx.
    fn from_problem(problem: &Problem, asking: AskingProxy) -> Option<Self> {
        let status = problem.code().entry().status;
        let carried = if (400..500).contains(&status) && status != 401 { 403 } else { status };
        let status = StatusCode::from_u16(carried).ok()?;
        (asking == AskingProxy::Nginx).then_some(Self(status))
    }

    pub(super) fn apply(&self, problem: &Problem, response: &mut http::Response<bytes::Bytes>) {
        let real = response.status();
        *response.status_mut() = self.0;
        for (name, value) in [
            ("x-gateway-status", real.as_str()),
            ("x-gateway-code", problem.code().as_str()),
            ("x-gateway-message", problem.code().entry().message),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}
