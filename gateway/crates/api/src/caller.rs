//! Who asks: authority as handler arguments. A handler that takes an [`Administrator`] cannot be
//! reached by anybody else.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::Shared;
use super::renewal::renew_expired;
use gateway_identity::{Role, SessionId, TraceId, UserAgent};
use gateway_pipeline::{Authenticated as Asked, Browser, Head, Principal, Quota, RequestTarget};
use gateway_problem::{Code, Problem};
use gateway_store::{Actor, Requester, User};
use gateway_telemetry::RequestId;

/// Where a request comes from, as the edge knows it.
#[derive(Clone)]
pub struct Client {
    /// Through trusted proxies.
    pub address: IpAddr,
    /// Whether it is the client's own: not where a trusted proxy leaves it out.
    pub address_is_told: bool,
    /// Whether the peer that is connected to us is a trusted proxy.
    pub peer_is_trusted: bool,
    pub request_id: RequestId,
    /// The trace that the request is part of, if of any.
    pub trace: Option<TraceId>,
    /// What it calls itself: shown to the account's owner, and recorded.
    pub user_agent: UserAgent,
    /// The system's user who asks through the socket in the data folder, or at the command line of a
    /// stopped gateway. No request from the network has one.
    pub operator: Option<u32>,
    /// Present where cookies are on.
    pub browser: Option<Arc<Browser>>,
}

impl Client {
    /// Somebody at the machine itself.
    pub fn operator(uid: u32) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            address_is_told: true,
            peer_is_trusted: false,
            request_id: RequestId::fresh(),
            trace: None,
            user_agent: UserAgent::default(),
            operator: Some(uid),
            browser: None,
        }
    }

    pub(super) fn requester(&self) -> Requester<'_> {
        Requester {
            address: self.address,
            user_agent: &self.user_agent,
            request_id: self.request_id.as_str(),
            trace: self.trace,
        }
    }

    /// The head of a request, as the pipeline takes it.
    pub(super) fn head<'a>(&'a self, method: &'a Method, headers: &'a HeaderMap) -> Head<'a> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        let browser = self.browser.as_deref();
        // Of our own endpoints, whose path decides nothing there; and a certificate is no account of ours.
        Head {
            client_is_told: self.address_is_told,
            is_encrypted: browser.is_some_and(Browser::secure),
            cookies: browser.map(Browser::cookies),
            ..Head::new(method, host, RequestTarget::AsSent("/"), headers, self.address)
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
    /// The session that the token belongs to.
    pub(super) session: SessionId,
    pub(super) quota: Quota,
}

impl Authenticated {
    pub(super) fn actor(&self) -> Actor {
        Actor::User { user_id: self.user.id }
    }
}

/// An [`Authenticated`] who has the administrator's role, by token and by account; or an operator at
/// the machine itself, who could read and write the store anyway.
pub(super) struct Administrator {
    pub(super) actor: Actor,
    pub(super) quota: Option<Quota>,
}

/// An operator at the machine itself, and nobody else: for what no request from the network may do.
pub(super) struct Operator {
    pub(super) actor: Actor,
}

/// The system's user, where the request did not come from the network.
fn operator(parts: &Parts) -> Option<Actor> {
    let uid = parts.extensions.get::<Client>().and_then(|client| client.operator)?;
    Some(Actor::Operator { uid })
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        operator(parts).map(|actor| Self { actor }).ok_or(Problem::new(Code::NotFound))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (principal, quota, services) = authenticate(parts, state).await?;
        let (Some(user), Some(session)) = (principal.user(), principal.session()) else {
            return Err(Problem::new(Code::AccountRequired));
        };
        match services.users.by_id(user).await? {
            Some(user) if user.is_active => Ok(Self { user, session, quota }),
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
        if let Some(actor) = operator(parts) {
            return Ok(Self { actor, quota: None });
        }
        let (principal, quota, services) = authenticate(parts, state).await?;
        // Somebody whom another issuer vouches for is no administrator of ours, whatever their roles.
        let admin = principal.user().filter(|_| principal.role() == Some(Role::Admin));
        let admin = admin.ok_or(Problem::new(Code::AdminRequired))?;
        match services.users.by_id(admin).await? {
            Some(user) if user.is_active && user.role == Role::Admin => {
                Ok(Self { actor: Actor::User { user_id: user.id }, quota: Some(quota) })
            }
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
    let head = client.head(&parts.method, &parts.headers);
    let config = &services.config;
    let known = match services.pipeline.authenticate(config, &head).await {
        Ok(Asked::Known(principal, quota)) => Ok((principal, quota)),
        Ok(Asked::Renew(expired_session)) => {
            let renewed = Box::pin(renew_expired(&services, client, &expired_session)).await;
            services.pipeline.authenticate_renewed(config, &head, expired_session, renewed).await
        }
        Err(refusal) => Err(refusal),
    };
    match known {
        Ok((principal, quota)) => Ok((principal, quota, services)),
        Err(refusal) => {
            services.pipeline.note(&refusal, client.requester()).await;
            Err(refusal.into())
        }
    }
}
