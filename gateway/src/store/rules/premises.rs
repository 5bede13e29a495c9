//! What a change rests on: the account that somebody looked at, the ticket that permits it, and whose
//! invitation that is.

use super::{InvitationWrite, Writes};
use crate::store::{Along, Invitation, StoreError, Ticket, User};

/// What goes along with a change, and what that rests on, as the store has it at that moment. A driver
/// loads what `along` names, and what that names in turn.
#[derive(Debug)]
pub(crate) struct Premises<'a> {
    pub along: &'a Along,
    /// Of `along.rests_on`.
    pub account: Option<User>,
    /// Of `along.redeem`.
    pub ticket: Option<Ticket>,
    /// Of the ticket.
    pub invitation: Option<Invitation>,
    /// Of the invitation.
    pub inviter: Option<User>,
}

/// What goes along with no other change.
pub(crate) fn alone(premises: &Premises) -> Result<Writes, StoreError> {
    premises.accompany(Writes::default())
}

impl Premises<'_> {
    /// Adds to `writes` what goes along. Where the change may not be, nothing is written.
    pub(super) fn accompany(&self, mut writes: Writes) -> Result<Writes, StoreError> {
        self.stand()?;
        self.redeem(&mut writes)?;
        writes.now = self.along.now;
        writes.request_id.clone_from(&self.along.request_id);
        writes.errands.extend(self.along.errands.iter().cloned());
        writes.audit.extend(self.along.audit.iter().cloned());
        Ok(writes)
    }

    /// Whether the account is as it was when somebody looked at it.
    fn stand(&self) -> Result<(), StoreError> {
        let Some(seen) = self.along.rests_on else { return Ok(()) };
        let is_same = |user: &User| {
            user.id == seen.user && user.is_active && user.password_version == seen.password_version
        };
        self.account.as_ref().is_some_and(is_same).then_some(()).ok_or(StoreError::Outdated)
    }

    /// Uses the ticket up, and the invitation that it is about.
    fn redeem(&self, writes: &mut Writes) -> Result<(), StoreError> {
        let Some(key) = self.along.redeem else { return Ok(()) };
        let ticket = self.ticket.as_ref().filter(|ticket| ticket.is_good_at(self.along.now));
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
