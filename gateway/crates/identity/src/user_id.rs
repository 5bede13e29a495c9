//! Which user: a positive integer that is never reused, and the generation of their tokens.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An account, for ever. Zero is no user, so that a default never becomes somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct UserId(NonZeroU64);

impl UserId {
    /// The largest id: beyond 2^53 a JavaScript client would read another number (RFC 8259 §6).
    pub const MAX: u64 = (1 << 53) - 1;

    pub fn new(id: u64) -> Option<Self> {
        (id <= Self::MAX).then(|| NonZeroU64::new(id).map(Self)).flatten()
    }

    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl TryFrom<u64> for UserId {
    type Error = &'static str;

    fn try_from(id: u64) -> Result<Self, Self::Error> {
        Self::new(id).ok_or("a user id is between 1 and 2^53 - 1")
    }
}

impl From<UserId> for u64 {
    fn from(id: UserId) -> Self {
        id.get()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = ();

    /// Canonical decimal only: no sign, no leading zero, so that one user has one spelling.
    fn from_str(text: &str) -> Result<Self, ()> {
        let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        if !canonical {
            return Err(());
        }
        text.parse().ok().and_then(Self::new).ok_or(())
    }
}

/// The generation of a user's tokens (`gen`): once raised, all earlier access tokens are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_has_one_spelling() {
        assert_eq!("42".parse(), UserId::new(42).ok_or(()));
        for wrong in ["0", "042", "+42", "-1", "", " 1", "1 ", "9007199254740992", "٤"] {
            assert_eq!(UserId::from_str(wrong), Err(()), "{wrong:?}");
        }
    }
}
