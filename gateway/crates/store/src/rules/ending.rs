//! The end of sessions: one, or many of an account.

use super::amendment::raise;
use super::{AccountWrite, LoadedPreconditions, SessionWrite, Writes, familiar};
use crate::{KnownNetwork, Revocation, Session, SessionScope, StoreError, User};
use gateway_clock::Timestamp;
use gateway_identity::SessionId;

/// An account whose sessions are to end.
#[derive(Clone, Debug)]
pub struct Leaving<'a> {
    pub user: User,
    /// Those that end; where one transaction cannot take all of them, the rest follows (`close_rest`).
    pub sessions: &'a [SessionId],
    /// The one that goes on, if one is to, and is there.
    pub stays: Option<Session>,
    pub familiar: Vec<KnownNetwork>,
}

/// What is left then.
pub(super) struct Left {
    pub(super) user: User,
    pub(super) familiar: Vec<KnownNetwork>,
    pub(super) sessions: Vec<SessionWrite>,
    pub(super) revocations: Vec<Revocation>,
}

impl Leaving<'_> {
    /// Where all end, one revocation is for all tokens, those of sessions that ended by themselves
    /// included.
    pub(super) fn end(self, closing: SessionScope, revoked_until: Timestamp) -> Left {
        let Leaving { mut user, sessions, stays, familiar } = self;
        let revocations = match closing {
            SessionScope::All => vec![raise(&mut user, revoked_until)],
            SessionScope::AllBut(_) => revoked(sessions, revoked_until),
        };
        let stays = stays.filter(|one| !closing.ends(one.id)).and_then(|one| one.opened_from());
        let familiar = familiar::but(familiar, stays);
        Left { user, familiar, sessions: removed(sessions), revocations }
    }
}

/// What is revoked is in the answer.
pub fn close_of(
    leaving: Leaving,
    closing: SessionScope,
    revoked_until: Timestamp,
    preconditions: &LoadedPreconditions,
) -> Result<Writes, StoreError> {
    let before = leaving.user.clone();
    let Left { user, familiar, sessions, revocations } = leaving.end(closing, revoked_until);
    let familiar = vec![(user.id, familiar)];
    let changed = (user != before).then_some(AccountWrite::Changed { before, after: user });
    let accounts = changed.into_iter().collect();
    preconditions.accompany(
        preconditions.work.clone(),
        Writes { accounts, sessions, familiar, revocations, ..Writes::default() },
    )
}

/// Sessions alone: the account may be gone already.
pub fn close_rest(sessions: &[SessionId], revoked_until: Timestamp) -> Writes {
    let revocations = revoked(sessions, revoked_until);
    Writes { sessions: removed(sessions), revocations, ..Writes::default() }
}

/// One session, whether or not it is there.
pub fn close(
    id: SessionId,
    revoked: &[Revocation],
    preconditions: &LoadedPreconditions,
) -> Result<Writes, StoreError> {
    let sessions = vec![SessionWrite::Removed(id)];
    preconditions.accompany(
        preconditions.work.clone(),
        Writes { sessions, revocations: revoked.to_vec(), ..Writes::default() },
    )
}

/// Whether there is no such session, and all that it revokes is recorded (`known`): who ends again what is
/// over, however often, costs no entry. What was recorded when it ended lives as long
/// as the tokens that were out then, and there are no newer ones.
pub fn is_over(is_there: bool, known: &[Option<Revocation>]) -> bool {
    !is_there && known.iter().all(Option::is_some)
}

fn removed(sessions: &[SessionId]) -> Vec<SessionWrite> {
    sessions.iter().map(|id| SessionWrite::Removed(*id)).collect()
}

fn revoked(sessions: &[SessionId], until: Timestamp) -> Vec<Revocation> {
    sessions.iter().map(|id| Revocation::Session { id: *id, until }).collect()
}
