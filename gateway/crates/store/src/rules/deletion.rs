//! The end of an account, and what goes with it.

use super::administrators::one_stays;
use super::ending::Left;
use super::{AccountWrite, Leaving, LoadedPreconditions, Writes, mail};
use crate::{Purpose, Revocation, SessionScope, StoreError, Ticket, TicketKey, UnitOfWork, User};
use gateway_clock::Timestamp;

/// `active` are the active administrators before, and `tickets` those that go with it.
pub fn delete(
    leaving: Leaving,
    active: u64,
    tickets: &[TicketKey],
    revoked_until: Timestamp,
    preconditions: &LoadedPreconditions,
) -> Result<(User, Writes), StoreError> {
    let before = leaving.user.clone();
    one_stays(&before, None, active)?;
    let Left { user, sessions, .. } = leaving.end(SessionScope::All, revoked_until);
    let revoked = Revocation::Generation { user: user.id, minimum: user.generation, until: revoked_until };
    let writes = Writes {
        accounts: vec![AccountWrite::Removed(before.clone())],
        sessions,
        familiar: vec![(user.id, Vec::new())],
        revocations: vec![revoked],
        tickets_removed: tickets.to_vec(),
        ..Writes::default()
    };
    let told = mail::deleted(&before, preconditions.work.cause().at());
    let work = told.into_iter().fold(preconditions.work.clone(), UnitOfWork::sending);
    Ok((before, preconditions.accompany(work, writes)?))
}

/// Whether a ticket was granted to the account, or to whoever wants one of its address.
pub fn goes_with(ticket: &Ticket, user: &User) -> bool {
    match &ticket.purpose {
        Purpose::PasswordReset { user: owner, .. } | Purpose::EmailVerification { user: owner, .. } => {
            *owner == user.id
        }
        Purpose::Registration { email, .. } => *email == user.email,
        Purpose::Invitation { .. } => false,
    }
}
