//! The names of what lies in Redis, built on the stack: four of them are needed for each request.

use std::fmt::Write;
use std::time::Duration;

use uuid::Uuid;

use gateway_clock::Timestamp;
use gateway_identity::{SessionId, TokenId, UserId};
use gateway_store::Revocation;

/// `<store id>:<revision>`: whose revocations these are, and how many publications they contain.
pub(super) const EPOCH: &str = "revoked:epoch";

/// What all keys of generations begin with.
pub(super) const GENERATION: &str = "revoked:generation:";

/// The longest name is that of a session: 16 bytes and a UUID of 36.
const KEY_BYTES_MAX: usize = 64;

/// A key of Redis.
pub(super) struct Key {
    text: [u8; KEY_BYTES_MAX],
    length: usize,
}

impl Key {
    pub(super) fn token(id: TokenId) -> Self {
        Self::of_uuid("blacklist:", id.as_bytes())
    }

    pub(super) fn session(id: SessionId) -> Self {
        Self::of_uuid("revoked:session:", id.as_bytes())
    }

    #[expect(
        clippy::expect_used,
        reason = "what is cut off would be another's key, whose revocation is not ours"
    )]
    pub(super) fn generation(user: UserId) -> Self {
        let mut key = Self { text: [0; KEY_BYTES_MAX], length: 0 };
        write!(key, "{GENERATION}{user}").expect("64 bytes hold a prefix and 16 digits");
        key
    }

    /// As `Display` writes it, without its detour: there are two of them for each request.
    #[expect(clippy::indexing_slicing, reason = "64 bytes hold a prefix and a UUID of 36")]
    fn of_uuid(prefix: &'static str, id: &[u8; 16]) -> Self {
        let mut text = [0; KEY_BYTES_MAX];
        text[..prefix.len()].copy_from_slice(prefix.as_bytes());
        let id = Uuid::from_bytes(*id);
        let length = prefix.len() + id.as_hyphenated().encode_lower(&mut text[prefix.len()..]).len();
        Self { text, length }
    }

    #[expect(clippy::indexing_slicing, reason = "writing lets it grow no longer than the text")]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

impl Write for Key {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        let room = self.text.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A revocation as it lies in Redis.
pub(super) struct Entry {
    pub(super) key: Key,
    /// The lowest generation that is in force; 1 for a token or a session.
    pub(super) value: u64,
    /// How long Redis keeps it.
    pub(super) keep: Duration,
}

/// A revocation at its very end is written all the same: what is late by a moment does no harm.
const KEEP_MIN: Duration = Duration::from_secs(1);

/// Redis refuses a lifetime that overflows its clock; nothing is accepted for so long anyway.
const KEEP_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Entry {
    /// The lifetime is relative on purpose. A moment by the gateway's clock (`PXAT`) would be
    /// judged by the clock of Redis, and one that is ahead would un-revoke the last minutes of a
    /// token. Reckoned anew from `until` each time, a repetition ends at the same moment; a write
    /// that Redis carries out late lives longer by as much, which does no harm.
    pub(super) fn new(revocation: &Revocation, now: Timestamp) -> Self {
        let (key, value) = match *revocation {
            Revocation::Token { id, .. } => (Key::token(id), 1),
            Revocation::Session { id, .. } => (Key::session(id), 1),
            Revocation::Generation { user, minimum, .. } => (Key::generation(user), minimum.0),
        };
        let keep = revocation.until().since(now).clamp(KEEP_MIN, KEEP_MAX);
        Self { key, value, keep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit() {
        let session = SessionId::random();
        assert_eq!(Key::session(session).as_bytes(), format!("revoked:session:{session}").as_bytes());
        let token = TokenId::random();
        assert_eq!(Key::token(token).as_bytes(), format!("blacklist:{token}").as_bytes());
        let user = UserId::new(UserId::MAX).unwrap();
        assert_eq!(Key::generation(user).as_bytes(), b"revoked:generation:9007199254740991");
    }
}
