//! What a presented refresh token is: RFC 9700 §4.14.2, with a grace for the client that never got our
//! answer.

use super::{SessionWrite, Writes, familiar};
use crate::{KnownNetwork, Revocation, Rotation, RotationRequest, Session, UnitOfWork, User};
use gateway_clock::Timestamp;

/// What a presented refresh token meets.
#[derive(Clone, Debug)]
pub struct RefreshState {
    pub session: Option<Session>,
    pub owner: Option<User>,
    /// Until when it is remembered that the owner's generation was raised, if it is.
    pub raised_until: Option<Timestamp>,
    pub familiar: Vec<KnownNetwork>,
}

pub fn rotate(found: RefreshState, request: &RotationRequest) -> (Rotation, Writes) {
    match found.session.as_ref().filter(|session| session.lives_at(request.now)) {
        None => (Rotation::Unknown, Writes::default()),
        Some(session) if session.current.id == request.presented => in_force(session.clone(), found, request),
        Some(session) if has_grace(session, &found, request) => {
            (Rotation::Graced(session.clone()), renewed("graced", request))
        }
        Some(session) => replayed(session, request),
    }
}

fn in_force(mut session: Session, found: RefreshState, request: &RotationRequest) -> (Rotation, Writes) {
    session.last_used_at = request.now;
    let writes = match request.successor {
        Some(successor) => {
            session.previous = Some((session.current.id, request.now));
            session.current = successor;
            session.current_used = false;
            renewed("rotated", request)
        }
        None => {
            session.current_used = true;
            renewed("kept", request)
        }
    };
    // Of an account that is being deleted some sessions may still be there.
    let familiar = found.owner.map(|_| familiar::used(found.familiar, request.from, request.now));
    let familiar = familiar.into_iter().map(|used| (session.user, used)).collect();
    let sessions = vec![SessionWrite::Changed(session.clone())];
    let writes = Writes { sessions, familiar, ..writes };
    let is_replaced = request.successor.is_some();
    (if is_replaced { Rotation::Rotated(session) } else { Rotation::Kept(session) }, writes)
}

/// Somebody holds a copy: the whole session ends.
fn replayed(session: &Session, request: &RotationRequest) -> (Rotation, Writes) {
    let revoked = Revocation::Session { id: session.id, until: request.revoked_until };
    let writes = Writes {
        sessions: vec![SessionWrite::Removed(session.id)],
        revocations: vec![revoked],
        work: Some(UnitOfWork::because(request.replayed.clone())),
        ..Writes::default()
    };
    (Rotation::Replayed(revoked), writes)
}

fn renewed(how: &'static str, request: &RotationRequest) -> Writes {
    let event = request.renewed.clone().for_reason(how);
    Writes { work: Some(UnitOfWork::because(event)), ..Writes::default() }
}

/// Whether the presented token was replaced a moment ago, by one that nobody has used.
fn has_grace(session: &Session, found: &RefreshState, request: &RotationRequest) -> bool {
    let replaced = session.previous.filter(|(id, _)| *id == request.presented);
    replaced.is_some_and(|(_, replaced_at)| {
        !session.current_used
            && replaced_at >= request.grace_since
            && !has_standing_changed(replaced_at, found, request)
    })
}

/// Whether the account was deactivated, now or since the token was replaced: that ends the grace of its
/// sessions, and a later activation does not bring it back. A change of role ends it, too. Asked here,
/// where grace is given, it needs no list of a user's sessions, and no session can be missed.
fn has_standing_changed(replaced_at: Timestamp, found: &RefreshState, request: &RotationRequest) -> bool {
    // A revocation lives for as long as the access tokens that were issued before it: what was recorded
    // after the replacement lives at least until then.
    let lifetime = request.revoked_until.since(request.now);
    let is_inactive = found.owner.as_ref().is_some_and(|owner| !owner.is_active);
    is_inactive || found.raised_until.is_some_and(|until| until >= replaced_at.plus(lifetime))
}
