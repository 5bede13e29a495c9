//! The other sessions of a user, as far as a new one needs room. A transaction cannot list: they are
//! looked up before, on the writer's thread, where nothing changes in between.

use super::codec;
use super::trees::{Fault, Trees, store_error};
use gateway_store::{Session, SessionLimit};

/// All of them where there are as many as are allowed, and otherwise none.
pub(super) fn others(trees: &Trees, new: &Session, room: &SessionLimit) -> Result<Vec<Session>, Fault> {
    let index = || trees.user_sessions.scan_prefix(codec::user_key(new.user)).keys();
    // Nearly everybody has few: that is all that is looked at then.
    if index().take(room.sessions_max).count() < room.sessions_max {
        return Ok(Vec::new());
    }
    let mut others = Vec::new();
    for key in index() {
        let key = key.map_err(store_error)?;
        let value = trees.sessions.get(codec::session_of(&key)?).map_err(store_error)?;
        match value.map(|value| codec::decode("a session", &value)).transpose() {
            Ok(session) => others.extend(session),
            // One that cannot be read keeps nobody out.
            Err(fault) => tracing::error!(error = %fault, "a session of user {} is damaged", new.user),
        }
    }
    Ok(others)
}
