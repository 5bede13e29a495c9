//! `/api/auth`: one line per endpoint. The only room that names `axum`.
//!
//! Called in process, by [`Api::serve`]: it knows nothing of the proxy, and the proxy nothing of axum.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod accounts;
mod admin_users;
mod answer;
mod attempts;
mod audit;
mod body;
mod caller;
mod change;
mod charges;
mod choose;
mod docs;
mod email;
mod held;
mod invitations;
mod key_set;
mod limits;
mod login;
mod logout;
mod long_answers;
mod mode;
mod openapi;
mod operator;
mod page;
mod password;
mod pieces;
mod profile;
mod refresh;
mod register;
mod registration;
mod removal;
mod renewal;
mod reports;
mod schema;
mod sessions;
mod verify;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, delete, get, post, put};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use caller::Client;
pub use limits::EndpointLimits;
pub use long_answers::LongAnswers;
pub use openapi::document;
pub use registration::{EmailVerification, Registration, RegistrationMode};
pub use reports::REFUSED;
pub use verify::AskingProxy;

use gateway_clock::Clock;
use gateway_identity::UserAgent;
use gateway_limits::FailedLogins;
use gateway_password::HashPool;
use gateway_pipeline::{Pipeline, Snapshot};
use gateway_problem::{Audience, Code, Problem};
use gateway_session::Lifecycle;
use gateway_store::{AuditTrail, Outbox, Tickets, Users};
use gateway_telemetry::Metrics;
use gateway_token::Issuer;

/// What the endpoints need, what is configured among it: after a reload requests are served by other
/// [`Services`], and those that have begun keep theirs.
#[derive(Clone)]
pub struct Services {
    pub users: Arc<dyn Users>,
    pub sessions: Lifecycle,
    pub tickets: Arc<dyn Tickets>,
    pub outbox: Arc<dyn Outbox>,
    pub audit: Arc<dyn AuditTrail>,
    /// Told when something was put in the outbox.
    pub relay: Arc<tokio::sync::Notify>,
    pub pipeline: Arc<Pipeline>,
    pub hashing: HashPool,
    /// What the pipeline decides by.
    pub config: Arc<Snapshot>,
    pub limits: Arc<EndpointLimits>,
    /// Failed logins in a row.
    pub failed_logins: Arc<FailedLogins>,
    /// Those that are being read.
    pub long_answers: Arc<LongAnswers>,
    pub registration: Registration,
    /// Whether each refresh replaces the refresh token, asked for or not.
    pub rotate_always: bool,
    /// Whether `/api/auth/openapi.json` and `/api/auth/docs` are there.
    pub docs: bool,
    /// Which proxy asks `/verify`.
    pub asking_proxy: AskingProxy,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
}

type Shared = Arc<Services>;

impl Services {
    /// The same by what another configuration says.
    pub fn configured(&self, config: Arc<Snapshot>, limits: EndpointLimits, issuer: Issuer) -> Self {
        let sessions = Lifecycle { issuer: Arc::new(issuer), ..self.sessions.clone() };
        Self { sessions, config, limits: Arc::new(limits), ..self.clone() }
    }
}

/// The endpoints of the public listener, in the order of the document.
fn endpoints() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(profile::read, profile::write, profile::delete))
        .routes(routes!(profile::export))
        .routes(routes!(password::change))
        .routes(routes!(password::forgot))
        .routes(routes!(password::reset))
        .routes(routes!(email::verify))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .routes(routes!(admin_users::list))
        .routes(routes!(admin_users::read, admin_users::amend, admin_users::delete))
        .routes(routes!(admin_users::logout))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(reports::read))
        .routes(routes!(audit::list))
        // Of any method, which the document cannot say.
        .route("/api/auth/verify", any(verify::verify))
        .route("/api/auth/verify/{*path}", any(verify::verify_path))
        .routes(routes!(key_set::read))
}

/// The document, and the pages that show it.
fn documentation() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(openapi::read))
        .routes(routes!(docs::page))
        .route("/api/auth/docs/", get(docs::page))
        .routes(routes!(docs::file))
}

/// The endpoints, ready to be called.
#[derive(Clone)]
pub struct Api {
    router: Router,
    services: Shared,
}

impl Api {
    pub fn new(services: Shared) -> Self {
        services.metrics.accounts.begin(&login::RESULTS, &register::RESULTS, &renewal::RESULTS);
        let mut endpoints = endpoints();
        // Where the operator wants nobody to read them, they are not there.
        if services.docs {
            endpoints = endpoints.merge(documentation());
        }
        // Not there for requests from the network.
        let operators = Router::new()
            .route("/users", get(operator::find_user).post(operator::add_user))
            .route("/users/export", get(accounts::export))
            .route("/users/import", post(accounts::import))
            .route("/users/{id}/password", put(operator::set_password))
            .route("/users/{id}/sessions", get(sessions::of_user))
            .route("/sessions/{sid}", delete(sessions::end_any))
            .route("/revocations", get(operator::standing))
            .route("/audit/lines", get(operator::audit_lines))
            .route("/audit/proof", get(operator::audit_proof));
        let router = Router::from(endpoints)
            .nest("/operator", operators)
            .fallback(|| async { Problem::new(Code::NotFound) })
            .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
            .with_state(Arc::clone(&services));
        Self { router, services }
    }

    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Answers one request. `client` says who asks; the body was read whole before.
    ///
    /// The answer tells the refusal beside it, for the log and the metrics.
    pub async fn serve(
        &self,
        request: http::Request<Bytes>,
        client: Client,
    ) -> (http::Response<Content>, Option<Problem>) {
        let audience = Audience::of_own(request.headers().into());
        let request_id = client.request_id.clone();
        let is_head = request.method() == http::Method::HEAD;
        let mut request: Request = request.map(axum::body::Body::from);
        let user_agent = UserAgent::from_headers(request.headers());
        request.extensions_mut().insert(Client { user_agent, ..client });
        // The router's error type has no value.
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (mut parts, body) = response.into_parts();
        if let Some(problem) = parts.extensions.remove::<Problem>() {
            let mut rendered = problem.render(audience, request_id.as_str());
            // `Allow` comes from the router.
            for (name, value) in &parts.headers {
                if *name != CONTENT_LENGTH && *name != CONTENT_TYPE && !rendered.headers().contains_key(name)
                {
                    rendered.headers_mut().insert(name, value.clone());
                }
            }
            if let Some(carried) = parts.extensions.remove::<verify::ReportedStatus>() {
                carried.apply(&problem, &mut rendered);
            }
            return (rendered.map(whole), Some(problem));
        }
        parts.headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        parts.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        parts.headers.insert("proxy-status", HeaderValue::from_static("gateway"));
        // That of a `HEAD` is the one that its `GET` would have, where that is known.
        if let Some(length) = body.size_hint().exact().filter(|_| !is_head) {
            parts.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        let body = body.map_err(axum::Error::into_inner).boxed_unsync();
        (http::Response::from_parts(parts, body), None)
    }
}

/// What an answer holds: all of it, or what is made while it is read, which has no length.
pub type Content = UnsyncBoxBody<Bytes, axum::BoxError>;

/// What is there already.
pub fn whole(body: Bytes) -> Content {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}
