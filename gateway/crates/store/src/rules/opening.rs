//! A new session, and which others end for it.

use super::{LoadedPreconditions, SessionWrite, Writes, familiar};
use crate::{KnownNetwork, Revocation, Session, SessionLimit, StoreError};

/// What a session meets that is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    pub session: &'a Session,
    /// Whether there is one of this id.
    pub is_there: bool,
    /// Whether its account is there: of one that is being deleted some sessions may still be.
    pub has_owner: bool,
    /// The other sessions of its user; none need be named where there are fewer than are allowed.
    pub others: &'a [Session],
    /// Of them, so many may end with one change.
    pub ending_max: usize,
    pub familiar: &'a [KnownNetwork],
}

/// Opens it. What is revoked is in the answer: the sessions that end for it.
pub fn open(
    found: Opening,
    room: &SessionLimit,
    preconditions: &LoadedPreconditions,
) -> Result<Writes, StoreError> {
    if found.is_there {
        return Err(StoreError::Conflict);
    }
    let session = found.session;
    let leaving = leaving(found, room);
    let ended = leaving.iter().map(|one| room.ended.clone().in_session(one.id));
    let work = ended.fold(preconditions.work.clone(), crate::UnitOfWork::after);
    let revoked = |id| Revocation::Session { id, until: room.revoked_until };
    let removed = leaving.iter().map(|one| SessionWrite::Removed(one.id));
    let from = session.opened_from().filter(|_| found.has_owner);
    let used = from.map(|from| familiar::used(found.familiar.to_vec(), from, session.created_at));
    let writes = Writes {
        sessions: removed.chain([SessionWrite::Opened(session.clone())]).collect(),
        familiar: used.into_iter().map(|used| (session.user, used)).collect(),
        revocations: leaving.iter().map(|one| revoked(one.id)).collect(),
        ..Writes::default()
    };
    preconditions.accompany(work, writes)
}

/// Those that were used longest ago, as many as there are too many of. More than `ending_max` are there
/// only where the bound was lowered: the rest ends with the next logins.
fn leaving<'a>(found: Opening<'a>, room: &SessionLimit) -> Vec<&'a Session> {
    let lives = |one: &&Session| one.lives_at(found.session.created_at);
    let mut living: Vec<_> = found.others.iter().filter(lives).collect();
    living.sort_by_key(|one| (one.last_used_at, one.created_at, one.id));
    let too_many = (living.len() + 1).saturating_sub(room.sessions_max);
    living.truncate(too_many.min(found.ending_max));
    living
}
