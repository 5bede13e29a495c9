//! The end of many sessions at once. A transaction cannot list: which they are is looked up before, on
//! the writer's thread, where nothing changes in between.

use super::trees::{Change, Fault, Stop, Trees, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_identity::{SessionId, UserId};
use gateway_store::rules::{self, Leaving};
use gateway_store::{Committed, Revocation, SessionScope, StoreError};

/// Sessions that end in one transaction. Whoever has more of them waits for further ones.
pub(super) const SESSIONS_MAX: usize = 1_000;

/// What is to end.
pub(super) struct SessionTermination {
    user: UserId,
    closing: SessionScope,
    sessions: Vec<SessionId>,
    whole: bool,
}

impl SessionTermination {
    pub(super) fn load(trees: &Trees, user: UserId, closing: SessionScope) -> Result<Self, Fault> {
        let mut sessions = Vec::new();
        let mut whole = true;
        for key in trees.user_sessions.scan_prefix(codec::user_key(user)).keys() {
            let key = key.map_err(store_error)?;
            let id = codec::session_of(&key)?.try_into();
            let id = SessionId::from_bytes(id.map_err(|_| codec::damaged("an index of sessions"))?);
            if !closing.ends(id) {
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

    /// `None` when there is no such user.
    pub(super) fn leaving(&self, change: &Change) -> Result<Option<Leaving<'_>>, Stop> {
        let Some(user) = change.user(self.user)? else { return Ok(None) };
        let stays = match self.closing {
            SessionScope::All => None,
            SessionScope::AllBut(session) => change.session(session)?,
        };
        let familiar = change.familiar_of(self.user)?;
        Ok(Some(Leaving { user, sessions: &self.sessions, stays, familiar }))
    }
}

impl SledStore {
    /// With what one transaction left. That some of it failed is no reason to keep quiet about the others.
    pub(super) async fn with_rest<T>(
        &self,
        committed: Committed<T>,
        rest: Option<(UserId, SessionScope, Timestamp)>,
    ) -> Committed<T> {
        let Some((user, closing, until)) = rest else { return committed };
        let mut revoked = Vec::new();
        let closed = self.close_rest(user, closing, until, &mut revoked).await;
        let committed = committed.revoking(revoked);
        match closed {
            Ok(()) => committed,
            Err(fault) => committed.short_of(fault),
        }
    }

    /// Adds what is revoked, also where it fails on the way.
    pub(super) async fn close_rest(
        &self,
        user: UserId,
        closing: SessionScope,
        revoked_until: Timestamp,
        revoked: &mut Vec<Revocation>,
    ) -> Result<(), StoreError> {
        loop {
            let (more, whole) = self
                .write(move |trees| {
                    let ending = SessionTermination::load(trees, user, closing)?;
                    let writes = rules::close_rest(&ending.sessions, revoked_until);
                    trees.transact(|change| change.write(&writes))?;
                    Ok((writes.revocations, ending.is_whole()))
                })
                .await?;
            revoked.extend(more);
            if whole {
                return Ok(());
            }
        }
    }
}
