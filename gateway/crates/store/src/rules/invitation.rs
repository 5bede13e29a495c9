//! Which invitation counts: its inviter, and the newest one of an address.

use super::{InvitationWrite, LoadedPreconditions, Writes, mail};
use crate::{Invitation, StoreError, Ticket, User};
use gateway_clock::Timestamp;

impl Ticket {
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at > now
    }
}

impl Invitation {
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at > now
    }

    /// Whoever is no administrator any more invites nobody, and least of all himself. The operator does
    /// without an account.
    pub fn counts(&self, inviter: Option<&User>) -> bool {
        let is_inviter = |id| inviter.is_some_and(|user| user.id == id && user.is_active_administrator());
        self.invited_by.is_none_or(is_inviter)
    }
}

/// Whether a later invitation takes the place of this one.
pub fn is_replaced(earlier: &Invitation, by: &Invitation) -> bool {
    earlier.email == by.email
}

/// `last` is the last id that was given, and `replaced` are those whose place it takes.
pub fn invite(
    invitation: &Invitation,
    last: u64,
    replaced: &[Invitation],
    preconditions: &LoadedPreconditions,
) -> Result<(Invitation, Writes), StoreError> {
    let invitation = Invitation { id: last + 1, ..invitation.clone() };
    let removed = replaced.iter().map(|one| InvitationWrite::Removed(one.id));
    let invitations = removed.chain([InvitationWrite::Added(invitation.clone())]).collect();
    let work = preconditions.work.clone().sending(mail::invited(invitation.id));
    let writes = preconditions.accompany(work, Writes { invitations, ..Writes::default() })?;
    Ok((invitation, writes))
}

pub fn withdraw(invitation: &Invitation, preconditions: &LoadedPreconditions) -> Result<Writes, StoreError> {
    let invitations = vec![InvitationWrite::Removed(invitation.id)];
    preconditions.accompany(preconditions.work.clone(), Writes { invitations, ..Writes::default() })
}
