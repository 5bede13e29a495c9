//! Which mail a change sends, and what services behind are told of it.

use crate::{NewUser, OutboxMessage, PasswordChange, User};
use gateway_clock::Timestamp;
use gateway_identity::UserId;

/// A proof of the address, where one is wanted.
pub(super) fn registered(new: &NewUser, user: UserId) -> Option<OutboxMessage> {
    new.ask_to_verify.then_some(OutboxMessage::EmailVerification { user })
}

pub(super) fn invited(id: u64) -> OutboxMessage {
    OutboxMessage::Invitation { id }
}

/// Its owner learns from where it was chosen. Where the operator sets one, there is no such place: whoever
/// asked for it knows.
pub(super) fn password_changed(change: &PasswordChange, now: Timestamp) -> Option<OutboxMessage> {
    let address = change.from?.to_string();
    Some(OutboxMessage::PasswordChanged { user: change.user, at: now, address })
}

/// The last mail to its owner. What belongs to the account in services behind must go, too.
pub(super) fn deleted(user: &User, now: Timestamp) -> Vec<OutboxMessage> {
    let (email, name) = (user.email.clone(), user.first_name.clone());
    vec![
        OutboxMessage::AccountDeleted { email, name, at: now },
        OutboxMessage::UserDeleted { user: user.id, at: now },
    ]
}
