//! The ports for revocation: the durable ledger, and the view that is asked on each request.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Committed, StoreError, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{Generation, InstallationId, SessionId, TokenId, UserId};

/// One thing that is no longer in force, and until when that must be remembered: the last moment
/// at which a token that it concerns could otherwise still be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Revocation {
    /// One token, by `jti`; that of another issuer by an identifier that is derived from it.
    Token { id: TokenId, until: Timestamp },
    /// All tokens of a session, by `sid`.
    Session { id: SessionId, until: Timestamp },
    /// All tokens of a user with a `gen` below `minimum`.
    Generation { user: UserId, minimum: Generation, until: Timestamp },
}

impl Revocation {
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Token { until, .. } | Self::Session { until, .. } | Self::Generation { until, .. } => {
                *until
            }
        }
    }
}

/// Whom a verified token speaks for: what is looked up on each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    pub token: TokenId,
    pub session: SessionId,
    pub user: UserId,
    pub generation: Generation,
}

/// What the revocation view says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    Active,
    Revoked,
    /// The view cannot say, and the operator asked by name to let such requests pass.
    FailedOpen,
}

/// The view cannot say: the request must be refused with 503 (fail closed).
#[derive(Clone, Debug, Error)]
#[error("the revocation store cannot be asked: {0}")]
pub struct Unreachable(pub String);

/// An answer that is there at once (memory), or one that must be awaited (a round trip).
/// Two shapes, so that the look-up in memory costs no allocation.
pub enum Check<'a> {
    Ready(Result<TokenStatus, Unreachable>),
    Pending(Pin<Box<dyn Future<Output = Result<TokenStatus, Unreachable>> + Send + 'a>>),
}

impl Check<'_> {
    pub async fn answer(self) -> Result<TokenStatus, Unreachable> {
        match self {
            Self::Ready(answer) => answer,
            Self::Pending(answer) => answer.await,
        }
    }
}

/// The view that is asked on every authenticated request.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Whether the token is in force. One look-up, or one round trip.
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a>;

    /// Whether the token of another issuer is in force: it has neither a session nor a generation
    /// here. One look-up, or one round trip.
    fn check_token(&self, token: TokenId) -> Check<'_>;

    /// Makes revocations that the ledger already holds visible to `check`, here and on every
    /// gateway that shares the view. After it returned, no check answers `Active` for them.
    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable>;

    /// For readiness: whether checks can be answered now.
    async fn ping(&self) -> Result<(), Unreachable>;
}

/// How old a view of a ledger may be that others write, too.
#[derive(Clone, Copy, Debug)]
pub struct StalenessBounds {
    /// Up to here a look-up in memory decides.
    pub max_staleness: Duration,
    /// How long a check waits for the next answer, once the view is older.
    pub check_timeout: Duration,
}

/// A ledger to which others write as well, as a view follows it.
#[async_trait]
pub trait RevocationFeed: Send + Sync {
    /// All that was committed before this was called, and that no earlier answer had. Where it is not
    /// known what an earlier one had, everything.
    async fn changes(&self) -> Result<Vec<Revocation>, StoreError>;

    /// Returns when there may be changes; not for each, and not always.
    async fn woken(&self);
}

/// The durable truth, from which a view that lost its data is rebuilt.
#[async_trait]
pub trait RevocationLedger: Send + Sync {
    /// Records revocations durably, apart from a session or an account being changed. Answers whether
    /// anything was not recorded yet.
    async fn record(&self, revoked: &[Revocation], work: UnitOfWork) -> Result<Committed<bool>, StoreError>;

    /// All revocations that still matter at `now`.
    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError>;

    /// How many revocations still matter at `now`.
    async fn count(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Which store this is: random, made with it, and taken over by an import into an empty one.
    async fn installation(&self) -> Result<InstallationId, StoreError>;

    /// Forgets what stopped mattering before `now`; answers how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
