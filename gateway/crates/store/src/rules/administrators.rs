//! The administrators: an active one always remains.

use crate::{StoreError, User};
use gateway_identity::Role;

impl User {
    /// Whether it has the administrator's role, active or not.
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Admin
    }

    pub fn is_active_administrator(&self) -> bool {
        self.is_administrator() && self.is_active
    }
}

/// Whether somebody is left who can administer the accounts, once `before` became `after`, or is gone.
/// `active` are the active administrators before that.
pub(super) fn one_stays(before: &User, after: Option<&User>, active: u64) -> Result<(), StoreError> {
    let leaves = before.is_active_administrator() && !after.is_some_and(User::is_active_administrator);
    if leaves && active <= 1 { Err(StoreError::LastAdministrator) } else { Ok(()) }
}
