//! Sessions: one record each and an index by expiry. The rotation of refresh tokens is one transaction.

use async_trait::async_trait;

use super::ending::Ending;
use super::revocations::SWEEP_MAX;
use super::room;
use super::trees::{Change, Fault, Stop, Trees, found, stop, store_error};
use super::{SledStore, codec};
use crate::clock::Timestamp;
use crate::identity::{Email, Network, SessionId, UserId};
use crate::store::{
    Along, Closing, Entry, Familiar, Revocation, Room, Rotation, RotationRequest, Session, Sessions,
    StoreError, User,
};

#[async_trait]
impl Sessions for SledStore {
    async fn open(&self, session: Session, room: Room, along: Along) -> Result<Vec<Revocation>, StoreError> {
        self.write(move |trees| {
            let leaving = room::leaving(trees, &session, &room)?;
            trees.transact(|change| {
                if change.session(session.id)?.is_some() {
                    return Err(stop(StoreError::Conflict));
                }
                let revoked = room::make(change, &leaving, &room, along.now)?;
                change.open_session(&session)?;
                change.familiarize(session.user, session.opened_from(), session.created_at)?;
                change.put_along(&along)?;
                Ok(revoked)
            })
        })
        .await
    }

    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(|trees| {
            let value = trees.sessions.get(id.as_bytes()).map_err(store_error)?;
            value.map(|value| codec::decode("a session", &value)).transpose()
        })
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.scan(move |trees| {
            let mut sessions = Vec::new();
            for key in trees.user_sessions.scan_prefix(codec::user_key(user)).keys() {
                let key = key.map_err(store_error)?;
                let value = trees.sessions.get(codec::session_of(&key)?).map_err(store_error)?;
                let session: Option<Session> =
                    value.map(|value| codec::decode("a session", &value)).transpose()?;
                sessions.extend(session.filter(|session| session.expires_at > now));
            }
            sessions.sort_by_key(|session| (session.created_at, session.id));
            Ok(sessions)
        })
        .await
    }

    async fn are_more_than(&self, few: usize, user: UserId) -> Result<bool, StoreError> {
        self.read(|trees| {
            let keys = trees.user_sessions.scan_prefix(codec::user_key(user)).keys();
            Ok(keys.take(few + 1).count() > few)
        })
    }

    async fn living(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.scan(move |trees| {
            let living = trees.session_expiry.range(now.millis().saturating_add(1).to_be_bytes()..);
            Ok(living.count() as u64)
        })
        .await
    }

    async fn is_familiar(&self, email: &Email, network: Network, now: Timestamp) -> Result<bool, StoreError> {
        self.read(|trees| trees.is_familiar(email, network, now))
    }

    async fn familiar_to(&self, user: UserId) -> Result<Vec<Familiar>, StoreError> {
        self.read(|trees| trees.familiar_of(user))
    }

    async fn rotate(&self, request: RotationRequest) -> Result<Rotation, StoreError> {
        self.write(move |trees| trees.transact(|change| rotate(change, &request))).await
    }

    async fn close(&self, id: SessionId, revoked: &[Revocation], along: Along) -> Result<bool, StoreError> {
        let revoked = revoked.to_vec();
        // Who ends again what is over, however often, costs neither a write nor an entry.
        if self.read(|trees| is_over(trees, id, &revoked))? {
            return Ok(false);
        }
        self.write(move |trees| {
            trees.transact(|change| {
                if let Some(session) = change.session(id)? {
                    change.remove_session(&session)?;
                }
                revoked.iter().try_for_each(|one| change.revoke(one))?;
                change.put_along(&along).map(|()| true)
            })
        })
        .await
    }

    async fn close_of(
        &self,
        user: UserId,
        closing: Closing,
        revoked_until: Timestamp,
        along: Along,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let closed = self
            .write(move |trees| {
                let ending = Ending::of(trees, user, closing)?;
                let revoked = trees.transact(|change| {
                    let Some(revoked) = ending.apply(change, revoked_until)? else { return Ok(None) };
                    change.put_along(&along)?;
                    Ok(Some(revoked))
                })?;
                Ok(revoked.map(|revoked| (revoked, ending.is_whole())))
            })
            .await?;
        match closed {
            Some((revoked, true)) => Ok(Some(revoked)),
            Some((revoked, false)) => self.close_rest(user, closing, revoked_until, revoked).await.map(Some),
            None => Ok(None),
        }
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let (found, removed) = self.write_freeing(move |trees| sweep_some(trees, now)).await?;
            swept += removed;
            if found < SWEEP_MAX {
                return Ok(swept);
            }
        }
    }
}

/// Whether there is no such session, and all of this is known to be revoked. What was recorded when it
/// ended lives as long as the tokens that were out then, and there are no newer ones.
fn is_over(trees: &Trees, id: SessionId, revoked: &[Revocation]) -> Result<bool, StoreError> {
    if trees.sessions.contains_key(id.as_bytes()).map_err(store_error)? {
        return Ok(false);
    }
    for one in revoked {
        if !trees.revocations.contains_key(codec::revocation_key(one)).map_err(store_error)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// RFC 9700 §4.14.2, with a grace for the client that never got our answer.
fn rotate(change: &Change, request: &RotationRequest) -> Result<Rotation, Stop> {
    let session = change.session(request.session)?;
    let Some(mut session) = session.filter(|session| session.expires_at > request.now) else {
        return Ok(Rotation::Unknown);
    };
    if request.presented == session.current.id {
        session.last_used_at = request.now;
        change.familiarize(session.user, Some(request.from), request.now)?;
        return match request.successor {
            Some(successor) => {
                session.previous = Some((session.current.id, request.now));
                session.current = successor;
                session.current_used = false;
                change.put_session(&session)?;
                change.record_renewal(request, "rotated")?;
                Ok(Rotation::Rotated(session))
            }
            None => {
                session.current_used = true;
                change.put_session(&session)?;
                change.record_renewal(request, "kept")?;
                Ok(Rotation::Kept(session))
            }
        };
    }
    if has_grace(&session, request) && !change.has_standing_changed(&session, request)? {
        change.record_renewal(request, "graced")?;
        return Ok(Rotation::Graced(session));
    }
    let revocation = Revocation::Session { id: session.id, until: request.revoked_until };
    change.remove_session(&session)?;
    change.revoke(&revocation)?;
    change.append(request.now, request.replayed.as_slice())?;
    Ok(Rotation::Replayed(revocation))
}

/// Whether the presented token was replaced a moment ago, by one that nobody has used.
fn has_grace(session: &Session, request: &RotationRequest) -> bool {
    !session.current_used
        && session
            .previous
            .is_some_and(|(id, replaced_at)| id == request.presented && replaced_at >= request.grace_since)
}

impl Change {
    pub(super) fn session(&self, id: SessionId) -> Result<Option<Session>, Stop> {
        found(self.sessions.get(id.as_bytes()), |value| codec::decode("a session", value))
    }

    fn record_renewal(&self, request: &RotationRequest, how: &'static str) -> Result<(), Stop> {
        let renewed = request.renewed.clone().map(|entry| Entry { reason: Some(how.into()), ..entry });
        self.append(request.now, renewed.as_slice())
    }

    /// Puts a session that was not there before.
    pub(super) fn open_session(&self, session: &Session) -> Result<(), Stop> {
        self.put_session(session)?;
        self.user_sessions.insert(&codec::user_session_key(session.user, session.id)[..], &[][..])?;
        Ok(())
    }

    /// A session's expiry never changes, so that its entry in the index is written again at most.
    fn put_session(&self, session: &Session) -> Result<(), Stop> {
        let id = session.id.as_bytes();
        self.sessions.insert(&id[..], codec::encode(session).map_err(stop)?)?;
        self.session_expiry.insert(codec::expiry_key(session.expires_at, id), &[][..])?;
        Ok(())
    }

    pub(super) fn remove_session(&self, session: &Session) -> Result<(), Stop> {
        let id = session.id.as_bytes();
        self.user_sessions.remove(&codec::user_session_key(session.user, session.id)[..])?;
        self.sessions.remove(&id[..])?;
        self.session_expiry.remove(codec::expiry_key(session.expires_at, id))?;
        Ok(())
    }

    /// Whether the account was deactivated, now or since the token was replaced: that ends the grace
    /// of its sessions, and a later activation does not bring it back. A change of role ends it, too.
    /// Asked here, where grace is given, it needs no list of a user's sessions, and no session can
    /// be missed.
    fn has_standing_changed(&self, session: &Session, request: &RotationRequest) -> Result<bool, Stop> {
        let user: Option<User> = self.user(session.user)?;
        if user.is_some_and(|user| !user.is_active) {
            return Ok(true);
        }
        // A revocation lives for as long as the access tokens that were issued before it: what was
        // recorded after the replacement lives at least until then.
        let lifetime = request.revoked_until.since(request.now);
        let replaced_at = session.previous.map_or(request.now, |(_, replaced_at)| replaced_at);
        let until = self.generation_raised_until(session.user)?;
        Ok(until.is_some_and(|until| until >= replaced_at.plus(lifetime)))
    }
}

/// Removes a batch of what expired; answers how many were found in the index, and removed.
fn sweep_some(trees: &Trees, now: Timestamp) -> Result<(usize, u64), Fault> {
    let expired = trees.expired(&trees.session_expiry, now, SWEEP_MAX)?;
    let removed = trees.transact(|change| {
        let mut removed = 0;
        for entry in &expired {
            let key = codec::expired_key(entry).map_err(stop)?;
            let session = change.sessions.remove(key)?;
            if let Some(session) = session {
                let session: Session = codec::decode("a session", &session).map_err(stop)?;
                change.user_sessions.remove(&codec::user_session_key(session.user, session.id)[..])?;
                removed += 1;
            }
            change.session_expiry.remove(&**entry)?;
        }
        Ok(removed)
    })?;
    Ok((expired.len(), removed))
}
