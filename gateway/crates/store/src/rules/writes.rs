//! What a change writes: all of it in one transaction, or nothing.

use crate::{Committed, Invitation, KnownNetwork, Revocation, Session, TicketKey, UnitOfWork, User};
#[cfg(test)]
use crate::{Entry, OutboxMessage};
use gateway_identity::{SessionId, UserId};

/// What becomes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountWrite {
    Added(User),
    Changed { before: User, after: User },
    Removed(User),
}

/// What becomes of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionWrite {
    Opened(Session),
    Changed(Session),
    Removed(SessionId),
}

/// What becomes of an invitation, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationWrite {
    Added(Invitation),
    Removed(u64),
}

/// Nothing by default. No two parts are about one record: only within a part the order counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Writes {
    pub accounts: Vec<AccountWrite>,
    pub sessions: Vec<SessionWrite>,
    /// From where an account is used, instead of what was known before.
    pub familiar: Vec<(UserId, Vec<KnownNetwork>)>,
    /// What is recorded of one thing already is widened, never narrowed (`widest`).
    pub revocations: Vec<Revocation>,
    pub tickets_removed: Vec<TicketKey>,
    pub invitations: Vec<InvitationWrite>,
    /// What is recorded, and what is put in the outbox, due at once: nothing where nothing changes, and
    /// where it is only a part of a change.
    pub work: Option<UnitOfWork>,
}

#[cfg(test)]
impl Writes {
    /// What is recorded.
    pub(super) fn audit(&self) -> Vec<Entry> {
        self.work.iter().flat_map(UnitOfWork::events).map(|event| event.entry().clone()).collect()
    }

    /// What is put in the outbox.
    pub(super) fn errands(&self) -> Vec<OutboxMessage> {
        self.work.iter().flat_map(|work| work.messages().to_vec()).collect()
    }
}

impl Writes {
    /// What follows once all of it is durable.
    pub fn committed<T>(self, value: T) -> Committed<T> {
        match self.work {
            Some(work) => work.committed(value, self.revocations),
            None => Committed::unchanged(value, self.revocations),
        }
    }
}
