//! Who asks: authority as handler arguments. A handler that takes an [`Administrator`] cannot be
//! reached by anybody else.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::Shared;
use crate::identity::Role;
use crate::pipeline::{Browser, Head, Principal, Quota};
use crate::problem::{Code, Problem};
use crate::store::User;
use crate::telemetry::{RequestId, SecurityLine, TraceId};

/// Where a request comes from, as the edge knows it.
#[derive(Clone)]
pub struct Client {
    /// Through trusted proxies.
    pub address: IpAddr,
    /// Whether the peer that is connected to us is a trusted proxy.
    pub peer_is_trusted: bool,
    pub request_id: RequestId,
    /// The trace that the request is part of, if of any.
    pub trace: Option<TraceId>,
    /// There where cookies are on.
    pub browser: Option<Arc<Browser>>,
}

impl Client {
    /// The head of a request, as the pipeline takes it.
    pub(super) fn head<'a>(&'a self, method: &'a Method, headers: &'a HeaderMap) -> Head<'a> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        // Of our own endpoints, whose path decides nothing there.
        Head { method, host, target: "/", headers, browser: self.browser.as_deref() }
    }

    /// What a line about an event says of the request.
    pub(super) fn line(&self) -> SecurityLine<'_> {
        SecurityLine {
            request_id: Some(self.request_id.as_str()),
            trace: self.trace,
            client: Some(self.address),
            ..SecurityLine::default()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or(Problem::new(Code::Internal))
    }
}

/// A user whose token is good now, and whose account is active.
pub(super) struct Authenticated {
    pub(super) user: User,
    pub(super) quota: Quota,
}

/// An [`Authenticated`] who has the administrator's role, by token and by account.
pub(super) struct Administrator {
    pub(super) quota: Quota,
    pub(super) user: User,
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (principal, quota, services) = authenticate(parts, state).await?;
        let user = principal.user().ok_or(Problem::new(Code::AccountRequired))?;
        match services.users.by_id(user).await? {
            Some(user) if user.is_active => Ok(Self { user, quota }),
            _ => Err(Problem::new(Code::TokenInvalid)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Administrator
where
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (principal, quota, services) = authenticate(parts, state).await?;
        // Somebody whom another issuer vouches for is no administrator of ours, whatever their roles.
        let admin = principal.user().filter(|_| principal.role() == Some(Role::Admin));
        let admin = admin.ok_or(Problem::new(Code::AdminRequired))?;
        match services.users.by_id(admin).await? {
            Some(user) if user.is_active && user.role == Role::Admin => Ok(Self { quota, user }),
            Some(user) if user.is_active => Err(Problem::new(Code::AdminRequired)),
            _ => Err(Problem::new(Code::TokenInvalid)),
        }
    }
}

async fn authenticate<S>(parts: &Parts, state: &S) -> Result<(Principal, Quota, Shared), Problem>
where
    Shared: FromRef<S>,
{
    let services = Shared::from_ref(state);
    let client = parts.extensions.get::<Client>().ok_or(Problem::new(Code::Internal))?;
    let (principal, quota) =
        services.pipeline.authenticate(client.head(&parts.method, &parts.headers), client.address).await?;
    Ok((principal, quota, services))
}
