//! Room for a new session where its user has as many as are allowed. A transaction cannot list: which
//! ones end is looked up before, on the writer's thread, where nothing changes in between.

use super::codec;
use super::ending::SESSIONS_MAX;
use super::trees::{Change, Fault, Stop, Trees, store_error};
use crate::clock::Timestamp;
use crate::store::{Entry, Revocation, Room, Session};

/// Those that were used longest ago, as many as there are too many of.
pub(super) fn leaving(trees: &Trees, new: &Session, room: &Room) -> Result<Vec<Session>, Fault> {
    let index = || trees.user_sessions.scan_prefix(codec::user_key(new.user)).keys();
    // Nearly everybody has few: that is all that is looked at then.
    if index().take(room.sessions_max).count() < room.sessions_max {
        return Ok(Vec::new());
    }
    let mut living = Vec::new();
    for key in index() {
        let key = key.map_err(store_error)?;
        let value = trees.sessions.get(codec::session_of(&key)?).map_err(store_error)?;
        let session: Result<Option<Session>, _> =
            value.map(|value| codec::decode("a session", &value)).transpose();
        match session {
            Ok(session) => living.extend(session.filter(|session| session.expires_at > new.created_at)),
            // One that cannot be read keeps nobody out.
            Err(fault) => tracing::error!(error = %fault, "a session of user {} is damaged", new.user),
        }
    }
    living.sort_by_key(|session| (session.last_used_at, session.created_at, session.id));
    let too_many = (living.len() + 1).saturating_sub(room.sessions_max);
    // More of them are there only where the bound was lowered: the rest ends with the next logins.
    living.truncate(too_many.min(SESSIONS_MAX));
    Ok(living)
}

pub(super) fn make(
    change: &Change,
    leaving: &[Session],
    room: &Room,
    now: Timestamp,
) -> Result<Vec<Revocation>, Stop> {
    let mut revoked = Vec::new();
    let mut entries = Vec::new();
    for session in leaving {
        change.remove_session(session)?;
        let one = Revocation::Session { id: session.id, until: room.revoked_until };
        change.revoke(&one)?;
        revoked.push(one);
        entries.push(Entry { session: Some(session.id), ..room.ended.clone() });
    }
    change.append(now, &entries)?;
    Ok(revoked)
}
