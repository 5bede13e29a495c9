//! What a rule needs to know is loaded, and what it answers is written.

use super::trees::{Change, LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Stop};
use crate::store::rules::{AccountWrite, InvitationWrite, Premises, SessionWrite, Writes};
use crate::store::{Along, Errand, Queued, Ticket};

impl Change {
    /// What goes along with a change, and what that rests on.
    pub(super) fn premises<'a>(&self, along: &'a Along) -> Result<Premises<'a>, Stop> {
        let account = along.rests_on.map_or(Ok(None), |seen| self.user(seen.user))?;
        let ticket = along.redeem.map_or(Ok(None), |key| self.ticket(key.as_bytes()))?;
        let invitation = ticket.as_ref().and_then(Ticket::invitation);
        let invitation = invitation.map_or(Ok(None), |id| self.invitation(id))?;
        let inviter = invitation.as_ref().and_then(|invitation| invitation.invited_by);
        let inviter = inviter.map_or(Ok(None), |id| self.user(id))?;
        Ok(Premises { along, account, ticket, invitation, inviter })
    }

    pub(super) fn write(&self, writes: &Writes) -> Result<(), Stop> {
        writes.accounts.iter().try_for_each(|account| self.write_account(account))?;
        writes.sessions.iter().try_for_each(|session| self.write_session(session))?;
        for (user, networks) in &writes.familiar {
            self.put_familiar(*user, networks)?;
        }
        writes.revocations.iter().try_for_each(|revoked| self.revoke(revoked))?;
        for key in &writes.tickets_removed {
            if let Some(ticket) = self.ticket(key.as_bytes())? {
                self.remove_ticket(key.as_bytes(), &ticket)?;
            }
        }
        writes.invitations.iter().try_for_each(|invitation| self.write_invitation(invitation))?;
        writes.errands.iter().try_for_each(|errand| self.enqueue(errand, writes))?;
        self.append(writes.now, &writes.audit)
    }

    fn write_account(&self, write: &AccountWrite) -> Result<(), Stop> {
        match write {
            AccountWrite::Added(user) => {
                self.set_counter(LAST_USER_ID, user.id.get())?;
                self.add_user(user)
            }
            AccountWrite::Changed { before, after } => self.replace_user(before, after),
            AccountWrite::Removed(user) => self.remove_user(user),
        }
    }

    fn write_session(&self, write: &SessionWrite) -> Result<(), Stop> {
        match write {
            SessionWrite::Opened(session) => self.open_session(session),
            SessionWrite::Changed(session) => self.put_session(session),
            SessionWrite::Removed(id) => {
                self.session(*id)?.map_or(Ok(()), |session| self.remove_session(&session))
            }
        }
    }

    fn write_invitation(&self, write: &InvitationWrite) -> Result<(), Stop> {
        match write {
            InvitationWrite::Added(invitation) => {
                self.set_counter(LAST_INVITATION_ID, invitation.id)?;
                self.put_invitation(invitation)
            }
            InvitationWrite::Removed(id) => {
                self.invitations.remove(&id.to_be_bytes()[..]).map(drop).map_err(Stop::from)
            }
        }
    }

    fn enqueue(&self, errand: &Errand, writes: &Writes) -> Result<(), Stop> {
        let id = self.counter(LAST_ERRAND_ID)? + 1;
        self.set_counter(LAST_ERRAND_ID, id)?;
        self.put_errand(&Queued::new(id, errand.clone(), writes.request_id.clone(), writes.now))
    }
}
