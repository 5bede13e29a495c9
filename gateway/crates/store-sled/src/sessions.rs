//! Sessions: one record each and an index by expiry. The rotation of refresh tokens is one transaction.

use async_trait::async_trait;

use super::ending::{SESSIONS_MAX, SessionTermination};
use super::revocations::SWEEP_MAX;
use super::room;
use super::trees::{Change, Fault, Stop, Trees, found, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Network, SessionId, UserId};
use gateway_store::rules::{self, Opening, RefreshState};
use gateway_store::{
    Committed, KnownNetwork, Revocation, Rotation, RotationRequest, Session, SessionLimit, SessionScope,
    Sessions, StoreError, UnitOfWork,
};

#[async_trait]
impl Sessions for SledStore {
    async fn open(
        &self,
        session: Session,
        room: SessionLimit,
        work: UnitOfWork,
    ) -> Result<Committed<()>, StoreError> {
        self.write(move |trees| {
            let others = room::others(trees, &session, &room)?;
            trees.transact(|change| {
                let found = Opening {
                    session: &session,
                    is_there: change.session(session.id)?.is_some(),
                    has_owner: change.users.get(codec::user_key(session.user))?.is_some(),
                    others: &others,
                    ending_max: SESSIONS_MAX,
                    familiar: &change.familiar_of(session.user)?,
                };
                change.commit(rules::open(found, &room, &change.preconditions(&work)?)?, ())
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
                sessions.extend(session.filter(|session| session.lives_at(now)));
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

    async fn familiar_to(&self, user: UserId) -> Result<Vec<KnownNetwork>, StoreError> {
        self.read(|trees| trees.familiar_of(user))
    }

    async fn rotate(&self, request: RotationRequest) -> Result<Committed<Rotation>, StoreError> {
        self.write(move |trees| trees.transact(|change| rotate(change, &request))).await
    }

    async fn close(
        &self,
        id: SessionId,
        revoked: &[Revocation],
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError> {
        let revoked = revoked.to_vec();
        self.write(move |trees| {
            let is_there = trees.sessions.contains_key(id.as_bytes()).map_err(store_error)?;
            // Looked at here, so that it is on the disk before anybody is told that it is over.
            if rules::is_over(is_there, &trees.recorded(&revoked)?) {
                return Ok(Committed::unchanged(false, revoked));
            }
            trees.transact(|change| {
                change.commit(rules::close(id, &revoked, &change.preconditions(&work)?)?, true)
            })
        })
        .await
    }

    async fn close_of(
        &self,
        user: UserId,
        closing: SessionScope,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError> {
        let closed = self
            .write(move |trees| {
                let ending = SessionTermination::load(trees, user, closing)?;
                let committed = trees.transact(|change| {
                    let Some(leaving) = ending.leaving(change)? else {
                        return Ok(Committed::unchanged(false, Vec::new()));
                    };
                    let preconditions = change.preconditions(&work)?;
                    change.commit(rules::close_of(leaving, closing, revoked_until, &preconditions)?, true)
                })?;
                Ok((committed, ending.is_whole()))
            })
            .await?;
        let (committed, is_whole) = closed;
        Ok(self.with_rest(committed, (!is_whole).then_some((user, closing, revoked_until))).await)
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

fn rotate(change: &Change, request: &RotationRequest) -> Result<Committed<Rotation>, Stop> {
    let session = change.session(request.session)?;
    let user = session.as_ref().map(|session| session.user);
    let found = RefreshState {
        owner: user.map_or(Ok(None), |user| change.user(user))?,
        raised_until: user.map_or(Ok(None), |user| change.generation_raised_until(user))?,
        familiar: user.map_or(Ok(Vec::new()), |user| change.familiar_of(user))?,
        session,
    };
    let (rotation, writes) = rules::rotate(found, request);
    change.commit(writes, rotation)
}

impl Change {
    pub(super) fn session(&self, id: SessionId) -> Result<Option<Session>, Stop> {
        found(self.sessions.get(id.as_bytes()), |value| codec::decode("a session", value))
    }

    /// Puts a session that was not there before.
    pub(super) fn open_session(&self, session: &Session) -> Result<(), Stop> {
        self.put_session(session)?;
        self.user_sessions.insert(&codec::user_session_key(session.user, session.id)[..], &[][..])?;
        Ok(())
    }

    /// A session's expiry never changes, so that its entry in the index is written again at most.
    pub(super) fn put_session(&self, session: &Session) -> Result<(), Stop> {
        let id = session.id.as_bytes();
        self.sessions.insert(&id[..], codec::encode(session)?)?;
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
}

/// Removes a batch of what expired; answers how many were found in the index, and removed.
fn sweep_some(trees: &Trees, now: Timestamp) -> Result<(usize, u64), Fault> {
    let expired = trees.expired(&trees.session_expiry, now, SWEEP_MAX)?;
    let removed = trees.transact(|change| {
        let mut removed = 0;
        for entry in &expired {
            let key = codec::expired_key(entry)?;
            let session = change.sessions.remove(key)?;
            if let Some(session) = session {
                let session: Session = codec::decode("a session", &session)?;
                change.user_sessions.remove(&codec::user_session_key(session.user, session.id)[..])?;
                removed += 1;
            }
            change.session_expiry.remove(&**entry)?;
        }
        Ok(removed)
    })?;
    Ok((expired.len(), removed))
}
