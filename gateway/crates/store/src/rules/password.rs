//! A new password, and what ends with the old one.

use super::ending::Left;
use super::{AccountWrite, Leaving, LoadedPreconditions, Writes, familiar, mail};
use crate::{PasswordChange, SessionScope, StoreError, UnitOfWork, User};

impl PasswordChange {
    /// Which sessions end.
    pub fn closing(&self) -> SessionScope {
        self.keep.map_or(SessionScope::All, SessionScope::AllBut)
    }
}

/// `None` where the password was changed meanwhile. What is revoked is in the answer.
pub fn set_password(
    leaving: Leaving,
    asked: &PasswordChange,
    preconditions: &LoadedPreconditions,
) -> Result<Option<(User, Writes)>, StoreError> {
    let before = leaving.user.clone();
    if before.password_version != asked.version {
        return Ok(None);
    }
    let Left { mut user, familiar, sessions, revocations } =
        leaving.end(asked.closing(), asked.revoked_until);
    user.password_hash = asked.hash.clone();
    user.password_version += 1;
    user.email_verified |= asked.proves_email;
    let familiar = match asked.from {
        Some(from) => familiar::used(familiar, from.into(), preconditions.work.cause().at()),
        None => familiar,
    };
    let writes = Writes {
        accounts: vec![AccountWrite::Changed { before, after: user.clone() }],
        sessions,
        familiar: vec![(user.id, familiar)],
        revocations,
        ..Writes::default()
    };
    let told = mail::password_changed(asked, preconditions.work.cause().at());
    let work = told.into_iter().fold(preconditions.work.clone(), UnitOfWork::sending);
    Ok(Some((user, preconditions.accompany(work, writes)?)))
}
