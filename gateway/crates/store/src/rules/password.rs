//! A new password, and what ends with the old one.

use super::ending::Left;
use super::{AccountWrite, Leaving, Premises, Writes, familiar, mail};
use crate::{Closing, PasswordChange, StoreError, UnitOfWork, User};

impl PasswordChange {
    /// Which sessions end.
    pub fn closing(&self) -> Closing {
        self.keep.map_or(Closing::All, Closing::AllBut)
    }
}

/// `None` where the password was changed meanwhile. What is revoked is in the answer.
pub fn set_password(
    leaving: Leaving,
    asked: &PasswordChange,
    premises: &Premises,
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
        Some(from) => familiar::used(familiar, from.into(), premises.work.cause().at()),
        None => familiar,
    };
    let writes = Writes {
        accounts: vec![AccountWrite::Changed { before, after: user.clone() }],
        sessions,
        familiar: vec![(user.id, familiar)],
        revocations,
        ..Writes::default()
    };
    let told = mail::password_changed(asked, premises.work.cause().at());
    let work = told.into_iter().fold(premises.work.clone(), UnitOfWork::sending);
    Ok(Some((user, premises.accompany(work, writes)?)))
}
