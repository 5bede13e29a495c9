//! What goes along with a change, in its transaction.

use super::codec;
use super::trees::{Change, LAST_ERRAND_ID, Stop, found, stop};
use crate::clock::Timestamp;
use crate::identity::Role;
use crate::store::{Along, Errand, Invitation, Purpose, Queued, StoreError, TicketKey};

impl Change {
    pub(super) fn put_along(&self, along: &Along) -> Result<(), Stop> {
        if let Some(state) = along.rests_on {
            let user = self.user(state.user)?;
            user.filter(|user| user.is_active && user.password_version == state.password_version)
                .ok_or_else(|| stop(StoreError::Outdated))?;
        }
        if let Some(key) = along.redeem {
            self.redeem(key, along.now)?;
        }
        for errand in &along.errands {
            self.enqueue(errand.clone(), along)?;
        }
        self.append(along.now, &along.audit)
    }

    /// Uses a ticket up, and the invitation that it is about.
    fn redeem(&self, key: TicketKey, now: Timestamp) -> Result<(), Stop> {
        let ticket = self.ticket(key.as_bytes())?.filter(|ticket| ticket.expires_at > now);
        let ticket = ticket.ok_or_else(|| stop(StoreError::TicketGone))?;
        if let Purpose::Invitation { id } = ticket.purpose {
            let invitation: Option<Invitation> =
                found(self.invitations.remove(&id.to_be_bytes()[..]), |value| {
                    codec::decode("an invitation", value)
                })?;
            let inviter = invitation.ok_or_else(|| stop(StoreError::TicketGone))?.invited_by;
            // Whoever is no administrator any more invites nobody, and least of all himself.
            if let Some(inviter) = inviter
                && !self.user(inviter)?.is_some_and(|user| user.is_active && user.role == Role::Admin)
            {
                return Err(stop(StoreError::TicketGone));
            }
        }
        self.remove_ticket(key.as_bytes(), &ticket)
    }

    fn enqueue(&self, errand: Errand, along: &Along) -> Result<(), Stop> {
        let id = self.counter(LAST_ERRAND_ID)? + 1;
        self.set_counter(LAST_ERRAND_ID, id)?;
        let (created_at, due_at) = (along.now, along.now);
        let request_id = along.request_id.clone();
        self.put_errand(&Queued { id, errand, request_id, created_at, due_at, attempts: 0 })
    }
}
