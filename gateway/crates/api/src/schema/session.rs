//! Sessions, as their owner sees them.

use serde::Serialize;
use utoipa::ToSchema;

use gateway_identity::SessionId;
use gateway_store::{KnownNetwork, Session};

/// A session: one login on one device.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct OwnSession {
    #[schema(value_type = String, format = "uuid")]
    id: SessionId,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:00:00Z")]
    created_at: String,
    #[schema(format = DateTime, example = "2026-01-31T09:30:00Z")]
    last_used_at: String,
    #[schema(format = DateTime, example = "2026-03-02T09:00:00Z")]
    expires_at: String,
    /// Where it was opened from.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// What the client called itself.
    #[schema(example = "Mozilla/5.0")]
    user_agent: String,
    /// Whether the token that asks belongs to it.
    current: bool,
}

impl OwnSession {
    /// As its owner sees it, who asks in the session `current`.
    pub(crate) fn new(session: &Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at.to_string(),
            last_used_at: session.last_used_at.to_string(),
            expires_at: session.expires_at.to_string(),
            address: session.address.clone(),
            user_agent: session.user_agent.as_str().to_owned(),
            current: session.id == current,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    pub(crate) sessions: Vec<OwnSession>,
}

/// A network from which an account was used.
#[derive(Serialize, ToSchema)]
pub(crate) struct FamiliarNetwork {
    /// An address of IPv4, or a /64 of IPv6.
    #[schema(example = "192.0.2.7/32")]
    network: String,
    /// RFC 3339, in UTC.
    #[schema(format = DateTime, example = "2026-01-31T09:30:00Z")]
    last_used_at: String,
}

impl From<&KnownNetwork> for FamiliarNetwork {
    fn from(familiar: &KnownNetwork) -> Self {
        Self { network: familiar.network.to_string(), last_used_at: familiar.last_used_at.to_string() }
    }
}
