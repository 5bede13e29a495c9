//! What a change rests on: the account that somebody looked at, the ticket that permits it, and whose
//! invitation that is.

use super::{InvitationWrite, Writes};
use crate::{AccountState, Invitation, Precondition, StoreError, Ticket, TicketKey, UnitOfWork, User};

/// A unit of work, and what that rests on, as the store has it at that moment. A driver loads what the
/// work names, and what that names in turn.
#[derive(Debug)]
pub struct LoadedPreconditions<'a> {
    pub work: &'a UnitOfWork,
    /// Of its precondition.
    pub account: Option<User>,
    /// Of its precondition.
    pub ticket: Option<Ticket>,
    /// Of the ticket.
    pub invitation: Option<Invitation>,
    /// Of the invitation.
    pub inviter: Option<User>,
}

/// The account on which a unit of work rests, if it does on one.
pub fn account(work: &UnitOfWork) -> Option<AccountState> {
    work.preconditions().iter().find_map(|one| match one {
        Precondition::Account(state) => Some(*state),
        Precondition::Ticket(_) => None,
    })
}

/// The ticket that it uses up, if it does one.
pub fn ticket(work: &UnitOfWork) -> Option<TicketKey> {
    work.preconditions().iter().find_map(|one| match one {
        Precondition::Ticket(key) => Some(*key),
        Precondition::Account(_) => None,
    })
}

/// A unit of work that changes nothing else.
pub fn alone(preconditions: &LoadedPreconditions) -> Result<Writes, StoreError> {
    preconditions.accompany(preconditions.work.clone(), Writes::default())
}

impl LoadedPreconditions<'_> {
    /// Adds to `writes` the work, to which a rule may have added. Where the change may not be, nothing is
    /// written.
    pub(super) fn accompany(&self, work: UnitOfWork, mut writes: Writes) -> Result<Writes, StoreError> {
        // Of each kind one was loaded, and one that was not looked at must not pass.
        let uses_up = |one: &&Precondition| matches!(one, Precondition::Ticket(_));
        let tickets = work.preconditions().iter().filter(uses_up).count();
        if tickets > 1 || work.preconditions().len() - tickets > 1 {
            return Err(StoreError::Outdated);
        }
        self.stand()?;
        self.redeem(&mut writes)?;
        Ok(Writes { work: Some(work), ..writes })
    }

    /// Whether the account is as it was when somebody looked at it.
    fn stand(&self) -> Result<(), StoreError> {
        let Some(seen) = account(self.work) else { return Ok(()) };
        let is_same = |user: &User| {
            user.id == seen.user && user.is_active && user.password_version == seen.password_version
        };
        self.account.as_ref().is_some_and(is_same).then_some(()).ok_or(StoreError::Outdated)
    }

    /// Uses the ticket up, and the invitation that it is about.
    fn redeem(&self, writes: &mut Writes) -> Result<(), StoreError> {
        let Some(key) = ticket(self.work) else { return Ok(()) };
        let ticket = self.ticket.as_ref().filter(|ticket| ticket.is_good_at(self.work.cause().at()));
        let ticket = ticket.ok_or(StoreError::TicketGone)?;
        if let Some(id) = ticket.invitation() {
            let invitation = self.invitation.as_ref().filter(|invitation| invitation.id == id);
            let counts = invitation.is_some_and(|invitation| invitation.counts(self.inviter.as_ref()));
            counts.then_some(()).ok_or(StoreError::TicketGone)?;
            writes.invitations.push(InvitationWrite::Removed(id));
        }
        writes.tickets_removed.push(key);
        Ok(())
    }
}
