//! The port for sessions: one login on one device, and the chain of its refresh tokens.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{AuditEvent, Committed, Revocation, StoreError, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Network, SessionId, TokenId, UserAgent, UserId};

/// The facts from which a refresh token can be made again, signature included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    pub id: TokenId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session as it is stored. A closed session is no longer stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// The session ends here, however often its refresh token was rotated.
    pub expires_at: Timestamp,
    /// The refresh token that is in force.
    pub current: RefreshToken,
    /// Whether `current` was ever presented: from then on its predecessor has no grace.
    pub current_used: bool,
    /// The predecessor of `current`, and when it was replaced.
    pub previous: Option<(TokenId, Timestamp)>,
    /// Where the session was opened from, and by what: shown to its owner.
    pub address: String,
    pub user_agent: UserAgent,
}

impl Session {
    pub fn lives_at(&self, now: Timestamp) -> bool {
        self.expires_at > now
    }

    /// The network that it was opened from.
    pub fn opened_from(&self) -> Option<Network> {
        self.address.parse::<IpAddr>().ok().map(Network::from)
    }
}

/// A network from which an account is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownNetwork {
    pub network: Network,
    pub last_used_at: Timestamp,
}

/// A refresh token was presented; the question is what it still is.
#[derive(Clone, Debug)]
pub struct RotationRequest {
    pub session: SessionId,
    /// The `jti` that was presented, from a verified refresh token.
    pub presented: TokenId,
    /// Where it came from, which is familiar from then on if the token is in force.
    pub from: Network,
    /// The successor to install, if `presented` is in force and the client wants a rotation.
    pub successor: Option<RefreshToken>,
    pub now: Timestamp,
    /// A predecessor replaced at or after this moment still has its grace.
    pub grace_since: Timestamp,
    /// Until when a `Revocation::Session` must live if this turns out to be a replay.
    pub revoked_until: Timestamp,
    /// What is recorded if the token is renewed, or was replaced before. How it was renewed is added.
    pub renewed: AuditEvent,
    pub replayed: AuditEvent,
}

/// Room for a new session: where its user has as many as are allowed, those that were used longest ago
/// end for it.
#[derive(Clone, Debug)]
pub struct SessionLimit {
    /// Sessions of one user at the same time, the new one included.
    pub sessions_max: usize,
    /// Until when a `Revocation::Session` of one that ends must live.
    pub revoked_until: Timestamp,
    /// What is recorded of each that ends. Its id is added.
    pub ended: AuditEvent,
}

/// Which of a user's sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionScope {
    All,
    AllBut(SessionId),
}

impl SessionScope {
    pub fn ends(self, session: SessionId) -> bool {
        self != Self::AllBut(session)
    }
}

/// What the presented refresh token was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// In force, and still is: no successor was asked for.
    Kept(Session),
    /// In force, and now replaced by `session.current`.
    Rotated(Session),
    /// Replaced a moment ago by `session.current`, which nobody has used yet: a lost answer, or
    /// a second tab. The successor is handed out once more.
    Graced(Session),
    /// Replaced before: somebody holds a copy. The session was closed, durably, and its
    /// revocation recorded in the same transaction.
    Replayed(Revocation),
    /// There is no such session (any more).
    Unknown,
}

/// Sessions. Every method that changes something returns once the change is durable.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Revokes the sessions that end for this one.
    async fn open(
        &self,
        session: Session,
        room: SessionLimit,
        work: UnitOfWork,
    ) -> Result<Committed<()>, StoreError>;

    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A user's sessions that live at `now`, the oldest first.
    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Whether so many are kept of a user, those included that have expired; told without reading them.
    async fn are_more_than(&self, few: usize, user: UserId) -> Result<bool, StoreError>;

    /// How many sessions live at `now`, in all.
    async fn living(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Whether the account of this address, if there is one, was used from there before: a session was
    /// opened or refreshed, or a password chosen. Where all sessions are ended for good or the password
    /// is changed, it is forgotten; a logout changes nothing. The store has the same work where there
    /// is no such account.
    async fn is_familiar(&self, email: &Email, network: Network, now: Timestamp) -> Result<bool, StoreError>;

    /// From where an account was used, the last one first: all that is kept, and counts or did.
    async fn familiar_to(&self, user: UserId) -> Result<Vec<KnownNetwork>, StoreError>;

    /// One atomic step: of parallel calls with one token, exactly one rotates and the others see
    /// `Graced` (or `Replayed` after the grace). An expired session is `Unknown`.
    async fn rotate(&self, request: RotationRequest) -> Result<Committed<Rotation>, StoreError>;

    /// Closes the session if it lives, and records what that revokes, in one transaction.
    /// Closing a session that is gone already records the revocations all the same. Answers whether
    /// anything was not recorded yet.
    async fn close(
        &self,
        id: SessionId,
        revoked: &[Revocation],
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError>;

    /// Closes a user's sessions and revokes their tokens, until `revoked_until`; answers whether there is
    /// such a user. With `SessionScope::All` the generation of the user's tokens is raised.
    async fn close_of(
        &self,
        user: UserId,
        closing: SessionScope,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError>;

    /// Forgets sessions that expired before `now`; answers how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
