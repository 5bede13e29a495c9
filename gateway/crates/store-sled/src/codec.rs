//! How records become bytes and come back. Keys are big-endian, so that their order is the order
//! of the numbers; a record that cannot be read is `StoreError::Corrupt`, never a panic.

use serde::Serialize;
use serde::de::DeserializeOwned;

use gateway_clock::Timestamp;
use gateway_identity::{Generation, SessionId, TokenId, UserId};
use gateway_store::{Revocation, StoreError};

/// JSON: records are small, and a person with a problem can read them.
pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record)
        .map_err(|cause| StoreError::Corrupt(format!("a record cannot be written: {cause}")))
}

/// `what` names the record in the error, never its content.
pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|cause| StoreError::Corrupt(format!("{what} cannot be read: {cause}")))
}

pub(super) fn number(what: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes.try_into().map_err(|_| damaged(what))?;
    Ok(u64::from_be_bytes(bytes))
}

pub(super) fn user_key(id: UserId) -> [u8; 8] {
    id.get().to_be_bytes()
}

pub(super) fn user_id(bytes: &[u8]) -> Result<UserId, StoreError> {
    UserId::new(number("a user id", bytes)?).ok_or_else(|| damaged("a user id"))
}

/// A key of the index of a user's sessions.
pub(super) fn user_session_key(user: UserId, session: SessionId) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&user_key(user));
    key[8..].copy_from_slice(session.as_bytes());
    key
}

/// The session in such a key.
pub(super) fn session_of(key: &[u8]) -> Result<&[u8], StoreError> {
    key.get(8..24).ok_or_else(|| damaged("an index of sessions"))
}

/// Two numbers, one after the other.
pub(super) fn pair_key(first: u64, second: u64) -> [u8; 16] {
    (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
}

/// The hour and the word of a count.
pub(super) fn tally(key: &[u8]) -> Result<(u64, &str), StoreError> {
    let (hour, word) = key.split_first_chunk::<8>().ok_or_else(|| damaged("a count"))?;
    let word = std::str::from_utf8(word).map_err(|_| damaged("a count"))?;
    Ok((u64::from_be_bytes(*hour), word))
}

/// The last eight bytes of a key, as a number.
pub(super) fn last_number(what: &str, key: &[u8]) -> Result<u64, StoreError> {
    let (_, number) = key.split_last_chunk::<8>().ok_or_else(|| damaged(what))?;
    Ok(u64::from_be_bytes(*number))
}

/// A key of an expiry index: until when, and the key of what expires then.
pub(super) fn expiry_key(until: Timestamp, key: &[u8]) -> Vec<u8> {
    [&until.millis().to_be_bytes(), key].concat()
}

/// The key in an expiry index's key.
pub(super) fn expired_key(expiry_key: &[u8]) -> Result<&[u8], StoreError> {
    expiry_key.get(8..).ok_or_else(|| damaged("an expiry"))
}

const TOKEN: u8 = b't';
const SESSION: u8 = b's';
const GENERATION: u8 = b'g';

/// Kind and id: there is one revocation for each.
pub(super) fn revocation_key(revocation: &Revocation) -> Vec<u8> {
    match revocation {
        Revocation::Token { id, .. } => [&[TOKEN], &id.as_bytes()[..]].concat(),
        Revocation::Session { id, .. } => [&[SESSION], &id.as_bytes()[..]].concat(),
        Revocation::Generation { user, .. } => [&[GENERATION], &user_key(*user)[..]].concat(),
    }
}

/// Until when, and for a generation the minimum: these exist by the million, so no JSON here.
pub(super) fn revocation_value(revocation: &Revocation) -> Vec<u8> {
    let until = revocation.until().millis().to_be_bytes();
    match revocation {
        Revocation::Token { .. } | Revocation::Session { .. } => until.to_vec(),
        Revocation::Generation { minimum, .. } => [until, minimum.0.to_be_bytes()].concat(),
    }
}

pub(super) fn revocation(key: &[u8], value: &[u8]) -> Result<Revocation, StoreError> {
    read_revocation(key, value).ok_or_else(|| damaged("a revocation"))
}

fn read_revocation(key: &[u8], value: &[u8]) -> Option<Revocation> {
    let (kind, id) = key.split_first()?;
    let (until, rest) = value.split_first_chunk()?;
    let until = Timestamp::from_millis(u64::from_be_bytes(*until));
    let found = match (*kind, rest) {
        (TOKEN, []) => Revocation::Token { id: TokenId::from_bytes(id.try_into().ok()?), until },
        (SESSION, []) => Revocation::Session { id: SessionId::from_bytes(id.try_into().ok()?), until },
        (GENERATION, minimum) => Revocation::Generation {
            user: user_id(id).ok()?,
            minimum: Generation(u64::from_be_bytes(minimum.try_into().ok()?)),
            until,
        },
        _ => return None,
    };
    Some(found)
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read"))
}
