//! How keys are spelled: the user first, so that a look-up cannot reach into somebody else's todos.

use crate::todo::{TodoId, UserId};

pub(super) fn user(user: UserId) -> [u8; 8] {
    user.get().to_be_bytes()
}

pub(super) fn todo(user: UserId, id: TodoId) -> [u8; 16] {
    pair(user, id.get())
}

pub(super) fn block(user: UserId, block: u64) -> [u8; 16] {
    pair(user, block)
}

pub(super) fn state(user: UserId, completed: bool, id: TodoId) -> [u8; 17] {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&user.get().to_be_bytes());
    key[8] = completed.into();
    key[9..].copy_from_slice(&id.get().to_be_bytes());
    key
}

fn pair(user: UserId, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&user.get().to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The id at the end of a key of `todos` or `by_state`.
pub(super) fn id_of(key: &[u8]) -> Option<TodoId> {
    key.last_chunk().and_then(|bytes| TodoId::new(u64::from_be_bytes(*bytes)))
}

/// The user at the start of a key of any tree but `meta`.
pub(super) fn user_of(key: &[u8]) -> Option<UserId> {
    key.first_chunk().and_then(|bytes| UserId::new(u64::from_be_bytes(*bytes)))
}
