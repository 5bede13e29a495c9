//! What a change writes: all of it in one transaction, or nothing.

use crate::clock::Timestamp;
use crate::identity::{SessionId, UserId};
use crate::store::{Entry, Errand, Familiar, Invitation, Revocation, Session, TicketKey, User};

/// What becomes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountWrite {
    Added(User),
    Changed { before: User, after: User },
    Removed(User),
}

/// What becomes of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionWrite {
    Opened(Session),
    Changed(Session),
    Removed(SessionId),
}

/// What becomes of an invitation, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InvitationWrite {
    Added(Invitation),
    Removed(u64),
}

/// Nothing by default. No two parts are about one record: only within a part the order counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub(crate) struct Writes {
    /// The moment of all of it.
    pub now: Timestamp,
    /// The request that it came from.
    pub request_id: Option<String>,
    pub accounts: Vec<AccountWrite>,
    pub sessions: Vec<SessionWrite>,
    /// From where an account is used, instead of what was known before.
    pub familiar: Vec<(UserId, Vec<Familiar>)>,
    /// What is recorded of one thing already is widened, never narrowed (`widest`).
    pub revocations: Vec<Revocation>,
    pub tickets_removed: Vec<TicketKey>,
    pub invitations: Vec<InvitationWrite>,
    /// Due at once.
    pub errands: Vec<Errand>,
    pub audit: Vec<Entry>,
}
