//! What a rule needs to know is loaded, and what it answers is written.

use super::trees::{Change, LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID, Stop};
use gateway_clock::Timestamp;
use gateway_store::rules::{self, AccountWrite, InvitationWrite, LoadedPreconditions, SessionWrite, Writes};
use gateway_store::{Committed, OutboxMessage, Queued, Ticket, UnitOfWork};

impl Change {
    /// A unit of work, and what that rests on.
    pub(super) fn preconditions<'a>(&self, work: &'a UnitOfWork) -> Result<LoadedPreconditions<'a>, Stop> {
        let account = rules::account(work).map_or(Ok(None), |seen| self.user(seen.user))?;
        let ticket = rules::ticket(work).map_or(Ok(None), |key| self.ticket(key.as_bytes()))?;
        let invitation = ticket.as_ref().and_then(Ticket::invitation);
        let invitation = invitation.map_or(Ok(None), |id| self.invitation(id))?;
        let inviter = invitation.as_ref().and_then(|invitation| invitation.invited_by);
        let inviter = inviter.map_or(Ok(None), |id| self.user(id))?;
        Ok(LoadedPreconditions { work, account, ticket, invitation, inviter })
    }

    /// Writes, and answers what follows once that is durable.
    pub(super) fn commit<T>(&self, writes: Writes, value: T) -> Result<Committed<T>, Stop> {
        self.write(&writes)?;
        Ok(writes.committed(value))
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
        let Some(work) = &writes.work else { return Ok(()) };
        let (now, request_id) = (work.cause().at(), &work.cause().entry().request_id);
        work.messages().iter().try_for_each(|errand| self.enqueue(errand, now, request_id.clone()))?;
        let entries: Vec<_> = work.events().map(|event| event.entry().clone()).collect();
        self.append(now, &entries)
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

    pub(super) fn enqueue(
        &self,
        errand: &OutboxMessage,
        now: Timestamp,
        request_id: Option<String>,
    ) -> Result<(), Stop> {
        let id = self.counter(LAST_ERRAND_ID)? + 1;
        self.set_counter(LAST_ERRAND_ID, id)?;
        self.put_errand(&Queued::new(id, errand.clone(), request_id, now))
    }
}
