//! `/api/auth`: one line per endpoint. The only room that names `axum`.
//!
//! Called in process, by [`Api::serve`]: it knows nothing of the proxy, and the proxy nothing of axum.

mod admin_users;
mod answer;
mod body;
mod caller;
mod login;
mod logout;
mod page;
mod profile;
mod refresh;
mod register;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub use caller::Client;
pub use login::LoginLimits;

use crate::clock::Clock;
use crate::limits::{AddressKey, Limiter};
use crate::password::HashPool;
use crate::pipeline::Pipeline;
use crate::problem::{Audience, Code, Problem};
use crate::session::Lifecycle;
use crate::store::Users;
use crate::telemetry::Metrics;
use crate::token::Verifier;

/// What the endpoints need.
pub struct Services {
    pub users: Arc<dyn Users>,
    pub sessions: Lifecycle,
    pub pipeline: Arc<Pipeline>,
    pub verifier: Verifier,
    pub hashing: HashPool,
    pub login_limits: LoginLimits,
    pub register_limit: Option<Limiter<AddressKey>>,
    pub refresh_limit: Option<Limiter<AddressKey>>,
    /// Whether each refresh replaces the refresh token, asked for or not.
    pub rotate_always: bool,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
}

type Shared = Arc<Services>;

impl Services {
    /// Forgets limiter keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        let limits = &self.login_limits;
        for limiter in [&limits.address, &self.register_limit, &self.refresh_limit].into_iter().flatten() {
            limiter.forget_idle();
        }
        limits.pair.iter().for_each(Limiter::forget_idle);
        limits.account.iter().for_each(Limiter::forget_idle);
    }

    /// The keys that each policy remembers, for metrics.
    pub fn limiter_keys(&self) -> Vec<(&'static str, usize)> {
        let limits = &self.login_limits;
        let by_address = [&limits.address, &self.register_limit, &self.refresh_limit];
        let mut keys: Vec<_> =
            by_address.into_iter().flatten().map(|limiter| (limiter.policy().name, limiter.held())).collect();
        keys.extend(limits.pair.iter().map(|limiter| (limiter.policy().name, limiter.held())));
        keys.extend(limits.account.iter().map(|limiter| (limiter.policy().name, limiter.held())));
        keys
    }
}

/// The endpoints, ready to be called.
#[derive(Clone)]
pub struct Api {
    router: Router,
}

impl Api {
    pub fn new(services: Shared) -> Self {
        let endpoints = Router::new()
            .route("/register", post(register::register))
            .route("/login", post(login::login))
            .route("/refresh", post(refresh::refresh))
            .route("/logout", post(logout::logout))
            .route("/profile", get(profile::read).put(profile::write))
            .route("/users", get(admin_users::list))
            .route("/users/{id}", get(admin_users::read).patch(admin_users::amend))
            .route("/verify", any(verify::verify))
            .route("/verify/{*path}", any(verify::verify));
        let router = Router::new()
            .nest("/api/auth", endpoints)
            .fallback(|| async { Problem::new(Code::NotFound) })
            .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
            .with_state(services);
        Self { router }
    }

    /// Answers one request. `client` says who asks; the body was read whole before.
    ///
    /// The answer tells the reason of a refusal beside it, for the log and the metrics.
    pub async fn serve(
        &self,
        request: http::Request<Bytes>,
        client: Client,
    ) -> (http::Response<Bytes>, Option<Code>) {
        let audience = Audience::of(request.headers());
        let request_id = client.request_id.clone();
        let mut request: Request = request.map(axum::body::Body::from);
        request.extensions_mut().insert(client);
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
            return (rendered, Some(problem.code()));
        }
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                return (
                    Problem::new(Code::Internal).render(audience, request_id.as_str()),
                    Some(Code::Internal),
                );
            }
        };
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        parts.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        parts.headers.insert("proxy-status", HeaderValue::from_static("gateway"));
        if !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        (http::Response::from_parts(parts, body), None)
    }
}

impl axum::response::IntoResponse for Problem {
    /// Carried as it is: who reads it, and in which form, is known to [`Api::serve`] only.
    fn into_response(self) -> axum::response::Response {
        let status = http::StatusCode::from_u16(self.code().entry().status);
        let status = status.unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = axum::response::IntoResponse::into_response(status);
        response.extensions_mut().insert(self);
        response
    }
}
