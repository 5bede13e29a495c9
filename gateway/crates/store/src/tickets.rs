//! The port for single-use tokens: who holds one may do one thing, once, until its time is over.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Committed, StoreError, StoredHash, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Role, UserId};

/// The SHA-256 of a token. The token itself is never stored, and has too many bits to be guessed, so
/// that a slow hash would add nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TicketKey([u8; 32]);

impl TicketKey {
    pub fn from_token(token: &str) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(key)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// Good as long as the password is the one that was forgotten.
    PasswordReset {
        user: UserId,
        password_version: u64,
    },
    EmailVerification {
        user: UserId,
        email: Email,
    },
    /// An account that is made when its address is proved.
    Registration {
        email: Email,
        password_hash: StoredHash,
        first_name: String,
        last_name: String,
    },
    Invitation {
        id: u64,
    },
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    #[serde(flatten)]
    pub purpose: Purpose,
    pub expires_at: Timestamp,
}

impl Ticket {
    /// The invitation that it is about.
    pub fn invitation(&self) -> Option<u64> {
        match self.purpose {
            Purpose::Invitation { id } => Some(id),
            Purpose::PasswordReset { .. }
            | Purpose::EmailVerification { .. }
            | Purpose::Registration { .. } => None,
        }
    }
}

/// Somebody who may register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: u64,
    pub email: Email,
    pub role: Role,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The administrator; none where it came from the command line.
    pub invited_by: Option<UserId>,
}

/// Tickets and invitations. A ticket is used up by the change that it permits (`Precondition::Ticket`).
#[async_trait]
pub trait Tickets: Send + Sync {
    async fn issue(&self, key: TicketKey, ticket: Ticket) -> Result<(), StoreError>;

    /// The ticket, unless its time is over.
    async fn ticket(&self, key: TicketKey, now: Timestamp) -> Result<Option<Ticket>, StoreError>;

    /// Adds an invitation under a fresh id, with an errand to mail it; an earlier one of the same
    /// address is replaced.
    async fn invite(
        &self,
        invitation: Invitation,
        work: UnitOfWork,
    ) -> Result<Committed<Invitation>, StoreError>;

    async fn invitation(&self, id: u64) -> Result<Option<Invitation>, StoreError>;

    /// Those that are good at `now`, the oldest first: from `offset` on (0 = the first), at most `limit`,
    /// and how many there are in all.
    async fn invitations(
        &self,
        now: Timestamp,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Invitation>, u64), StoreError>;

    /// Takes an invitation back; answers which it was.
    async fn withdraw(&self, id: u64, work: UnitOfWork) -> Result<Committed<Option<Invitation>>, StoreError>;

    /// Forgets what expired before `now`; answers how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
