//! Which mail a change sends.

use crate::identity::UserId;
use crate::store::{Errand, NewUser};

/// A proof of the address, where one is wanted.
pub(super) fn registered(new: &NewUser, user: UserId) -> Option<Errand> {
    new.ask_to_verify.then_some(Errand::EmailVerification { user })
}

pub(super) fn invited(id: u64) -> Errand {
    Errand::Invitation { id }
}
