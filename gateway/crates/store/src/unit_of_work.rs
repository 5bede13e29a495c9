//! What a store makes durable together, and what follows: the words of the crate `commit` in this house.

use std::sync::Arc;

use super::{AuditEvent, AuditTrail, OutboxMessage, Revocation, StoreError, TicketKey, Unreachable, User};
use gateway_identity::UserId;

/// The words of our stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {}

impl commit::Domain for Words {
    type Event = AuditEvent;
    type Message = OutboxMessage;
    type Precondition = Precondition;
    type Revocation = Revocation;
    type Fault = StoreError;
    type Unpublished = Unreachable;
}

/// A change, the event by which it is recorded, and what goes along.
pub type UnitOfWork = commit::UnitOfWork<Words>;
/// A change that is durable: only [`commit()`](commit::commit) has its value.
pub type Committed<T> = commit::Committed<Words, T>;
pub type CommitFault<T> = commit::Failed<Words, T>;
/// Publishes, records and wakes.
pub type Announce = dyn commit::Announce<Words>;

/// On what a change rests: where it does not hold any more, nothing is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The ticket is there, and is used up by the change (`StoreError::TicketGone`): of two who hold the
    /// same token, one gets through.
    Ticket(TicketKey),
    /// The account is as it was looked at (`StoreError::Outdated`): who was let in by an old password has
    /// no session of a new one.
    Account(AccountState),
}

/// An account that is there, active, and has a password of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    pub user: UserId,
    pub password_version: u64,
}

impl Precondition {
    /// The account is still this one.
    pub fn unchanged(user: &User) -> Self {
        Self::Account(AccountState { user: user.id, password_version: user.password_version })
    }
}

/// Records what happened anyway, whether the store takes it or not: the log has it in any case.
///
/// # Errors
/// Where it does not stand in the trail.
pub async fn record_at_least_in_the_log(
    trail: &Arc<dyn AuditTrail>,
    announce: &Arc<Announce>,
    event: AuditEvent,
) -> Result<(), StoreError> {
    let (trail, work) = (Arc::clone(trail), UnitOfWork::because(event.clone()));
    match commit::commit(announce, async move { trail.record(work).await }).await {
        // Nothing is revoked by it.
        Ok(()) | Err(CommitFault::Unpublished { .. }) => Ok(()),
        Err(CommitFault::Store(fault)) => {
            announce.record(&event);
            Err(fault)
        }
    }
}
