//! The end of many sessions at once. A transaction cannot list: which they are is looked up before, on
//! the writer's thread, where nothing changes in between.

use super::trees::{Change, Fault, Stop, Trees, store_error};
use super::{SledStore, codec};
use crate::clock::Timestamp;
use crate::identity::{SessionId, UserId};
use crate::store::{Closing, Revocation, StoreError};

/// Sessions that end in one transaction. Whoever has more of them waits for further ones.
pub(super) const SESSIONS_MAX: usize = 1_000;

/// What is to end.
pub(super) struct Ending {
    user: UserId,
    closing: Closing,
    sessions: Vec<SessionId>,
    whole: bool,
}

impl Ending {
    pub(super) fn of(trees: &Trees, user: UserId, closing: Closing) -> Result<Self, Fault> {
        let mut sessions = Vec::new();
        let mut whole = true;
        for key in trees.user_sessions.scan_prefix(codec::user_key(user)).keys() {
            let key = key.map_err(store_error)?;
            let id = codec::session_of(&key)?.try_into();
            let id = SessionId::from_bytes(id.map_err(|_| codec::damaged("an index of sessions"))?);
            if closing == Closing::AllBut(id) {
                continue;
            }
            if sessions.len() == SESSIONS_MAX {
                whole = false;
                break;
            }
            sessions.push(id);
        }
        Ok(Self { user, closing, sessions, whole })
    }

    /// Whether no session is left for later.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// `None` when there is no such user. Where all end, one revocation is for all tokens, those of
    /// sessions that ended by themselves included.
    pub(super) fn apply(
        &self,
        change: &Change,
        revoked_until: Timestamp,
    ) -> Result<Option<Vec<Revocation>>, Stop> {
        let Some(mut user) = change.user(self.user)? else { return Ok(None) };
        let mut revoked = Vec::new();
        let stays = match self.closing {
            Closing::All => None,
            Closing::AllBut(session) => change.session(session)?.and_then(|session| session.opened_from()),
        };
        change.forget_familiar(self.user, stays)?;
        for id in &self.sessions {
            if let Some(session) = change.session(*id)? {
                change.remove_session(&session)?;
            }
            if self.closing != Closing::All {
                revoked.push(Revocation::Session { id: *id, until: revoked_until });
            }
        }
        if self.closing == Closing::All {
            user.generation = user.generation.next();
            change.put_user(&user)?;
            let minimum = user.generation;
            revoked.push(Revocation::Generation { user: self.user, minimum, until: revoked_until });
        }
        revoked.iter().try_for_each(|one| change.revoke(one))?;
        Ok(Some(revoked))
    }

    /// The sessions alone: the account may be gone already.
    fn apply_rest(&self, change: &Change, revoked_until: Timestamp) -> Result<Vec<Revocation>, Stop> {
        let mut revoked = Vec::new();
        for id in &self.sessions {
            if let Some(session) = change.session(*id)? {
                change.remove_session(&session)?;
            }
            let one = Revocation::Session { id: *id, until: revoked_until };
            change.revoke(&one)?;
            revoked.push(one);
        }
        Ok(revoked)
    }
}

impl SledStore {
    /// What one transaction left.
    pub(super) async fn close_rest(
        &self,
        user: UserId,
        closing: Closing,
        revoked_until: Timestamp,
        mut revoked: Vec<Revocation>,
    ) -> Result<Vec<Revocation>, StoreError> {
        loop {
            let (more, whole) = self
                .write(move |trees| {
                    let ending = Ending::of(trees, user, closing)?;
                    let revoked = trees.transact(|change| ending.apply_rest(change, revoked_until))?;
                    Ok((revoked, ending.is_whole()))
                })
                .await?;
            revoked.extend(more);
            if whole {
                return Ok(revoked);
            }
        }
    }
}
