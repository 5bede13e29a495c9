//! The life of a session: opened by a login, carried on by refreshes, closed by a logout.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod announce;
mod close;
mod open;
mod rotate;

use std::sync::Arc;
use std::time::Duration;

pub use announce::Announcements;
use commit::commit;
pub use open::{Origin, TokenPair};
pub use rotate::{Refreshed, Renewal};
use thiserror::Error;

use gateway_clock::Clock;
use gateway_problem::{Code, Problem};
use gateway_store::{
    Announce, CommitFault, Committed, RevocationLedger, Revocations, Sessions, StoreError, Unreachable,
};
use gateway_token::{Issuer, SigningFault};

/// What the three steps need.
#[derive(Clone)]
pub struct Lifecycle {
    pub sessions: Arc<dyn Sessions>,
    pub revocations: Arc<dyn Revocations>,
    pub ledger: Arc<dyn RevocationLedger>,
    /// The observer of what is durable.
    pub announce: Arc<Announce>,
    /// Another one when keys change; tokens of the old ones stay good as long as the verifier knows them.
    pub issuer: Arc<Issuer>,
    pub clock: Arc<dyn Clock>,
    /// How long a rotated refresh token still gets its successor.
    pub grace: Duration,
    /// How many sessions a user may have at the same time.
    pub sessions_max: usize,
}

/// Why a step failed. None of them is the client's doing.
#[derive(Debug, Error)]
pub enum SessionFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Revocations(#[from] Unreachable),
    #[error(transparent)]
    Signing(#[from] SigningFault),
}

impl<T> From<CommitFault<T>> for SessionFault {
    /// What is durable stays so; who asked is told that it is not known everywhere yet.
    fn from(fault: CommitFault<T>) -> Self {
        match fault {
            CommitFault::Store(fault) => fault.into(),
            CommitFault::Unpublished { fault, .. } => fault.into(),
        }
    }
}

impl Lifecycle {
    /// Has the store carry out a change of sessions, and announces it.
    async fn commit<T, F>(&self, change: impl FnOnce(Arc<dyn Sessions>) -> F) -> Result<T, CommitFault<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<Committed<T>, StoreError>> + Send + 'static,
    {
        commit(&self.announce, change(Arc::clone(&self.sessions))).await
    }
}

impl From<SessionFault> for Problem {
    /// The cause goes to the log, here and once; the client learns whether to retry.
    fn from(fault: SessionFault) -> Self {
        tracing::error!(error = %fault, "a session could not be opened, carried on or closed");
        let code = match fault {
            SessionFault::Store(_) => Code::StoreUnavailable,
            SessionFault::Revocations(_) => Code::RevocationUnavailable,
            SessionFault::Signing(_) => return Self::new(Code::Internal),
        };
        Self::new(code).retry_after(Duration::from_secs(1))
    }
}
