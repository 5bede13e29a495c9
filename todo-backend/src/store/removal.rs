//! The end of all that is kept of a user, in steps that hold nobody else up for long.

use super::{Store, StoreError, key};
use crate::todo::{TodoId, UserId};

/// Todos that go in one transaction; other users wait while it runs.
const STEP_TODOS: usize = if cfg!(test) { 4 } else { 256 };

impl Store {
    /// Returns once everything of this user is gone for good; that there is nothing is no fault. Who
    /// stops waiting stops it between two steps, and the next call goes on from there.
    pub(crate) async fn remove_user(&self, user: UserId) -> Result<(), StoreError> {
        loop {
            let ids = self.some_of(user)?;
            if ids.is_empty() {
                break;
            }
            self.apply(|ledger| ids.iter().try_for_each(|id| ledger.remove(user, *id).map(drop)))?;
            // A step does not wait for the disk, so nothing else would let others have their turn.
            tokio::task::yield_now().await;
        }
        let (nothing_left, last) = self.apply(|ledger| ledger.forget(user))?;
        if !nothing_left {
            return Err(StoreError::Unavailable("a todo was added while all were removed".to_owned()));
        }
        // Also where nothing was there: an earlier call may have ended before the disk had it.
        self.inner.flusher.flushed(last).await
    }

    fn some_of(&self, user: UserId) -> Result<Vec<TodoId>, StoreError> {
        self.guarded(|trees| {
            let keys = trees.todos.scan_prefix(key::user(user)).keys().take(STEP_TODOS);
            keys.map(|key| key::id_of(&key?).ok_or_else(|| self.damaged("the key of a todo is misshapen")))
                .collect()
        })
    }
}
