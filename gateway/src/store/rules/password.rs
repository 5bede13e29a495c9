//! A new password, and what ends with the old one.

use super::ending::Left;
use super::{AccountWrite, Leaving, Premises, Writes, familiar, mail};
use crate::store::{Closing, PasswordChange, StoreError, User};

impl PasswordChange {
    /// Which sessions end.
    pub fn closing(&self) -> Closing {
        self.keep.map_or(Closing::All, Closing::AllBut)
    }
}

/// `None` where the password was changed meanwhile. What is revoked is in the answer.
pub(crate) fn set_password(
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
        Some(from) => familiar::used(familiar, from.into(), premises.along.now),
        None => familiar,
    };
    let writes = premises.accompany(Writes {
        accounts: vec![AccountWrite::Changed { before, after: user.clone() }],
        sessions,
        familiar: vec![(user.id, familiar)],
        revocations,
        errands: mail::password_changed(asked, premises.along.now).into_iter().collect(),
        ..Writes::default()
    })?;
    Ok(Some((user, writes)))
}
