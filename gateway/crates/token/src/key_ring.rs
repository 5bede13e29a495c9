//! All keys of one use: the one that signs, the next one, and those that still verify. Which is
//! which follows from the time alone, so that several gateways with the same keys agree.

use std::time::Duration;

use thiserror::Error;

use super::{DatedKey, HmacKey, header};
use gateway_clock::Timestamp;

/// A secret of HS256. The first one of a ring may sign; the others only verify.
#[derive(Debug)]
pub struct Secret {
    pub key: HmacKey,
    /// Where it comes from, for its operator.
    pub source: String,
    /// `None`: as long as it is configured.
    pub verifies_until: Option<Timestamp>,
}

/// What the tokens of a ring are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignBy {
    Secret,
    Key,
}

/// The keys of one use: of access tokens, of refresh tokens, or of identity assertions. A token
/// that was signed for one use is unknown to the rings of the others.
#[derive(Debug)]
pub struct KeyRing {
    sign_by: SignBy,
    secrets: Vec<Secret>,
    /// The oldest first.
    keys: Vec<OwnKey>,
}

/// One key of a ring.
#[derive(Debug)]
pub struct OwnKey {
    pub dated: DatedKey,
    /// From then on it is as if it were not there; `None` while no key has followed it.
    pub ends_at: Option<Timestamp>,
    /// The header of each token that it signs, encoded.
    pub(super) header: String,
}

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and not used yet.
    Next,
    /// It signs.
    Current,
    /// It only verifies what it signed before.
    Previous,
    /// Everything that it signed has ended.
    Over,
}

impl KeyState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Over => "over",
        }
    }
}

/// Why there is no such ring.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RingFault {
    #[error("there is no key that could sign")]
    Empty,
    #[error("two keys have the name `{0}`, or are the same key")]
    Twice(String),
}

/// With what the next token is signed.
pub(super) enum Signer<'a> {
    Secret(&'a HmacKey),
    Key(&'a OwnKey),
}

impl KeyRing {
    /// HS256 with one secret.
    pub fn of_secret(key: HmacKey) -> Self {
        let secrets = vec![Secret { key, source: String::new(), verifies_until: None }];
        Self { sign_by: SignBy::Secret, secrets, keys: Vec::new() }
    }

    /// `outlives` is how long what a key signed can be in use after another one has followed it.
    pub fn new(
        sign_by: SignBy,
        secrets: Vec<Secret>,
        mut dated: Vec<DatedKey>,
        outlives: Duration,
    ) -> Result<Self, RingFault> {
        let signs = match sign_by {
            SignBy::Secret => !secrets.is_empty(),
            SignBy::Key => !dated.is_empty(),
        };
        if !signs {
            return Err(RingFault::Empty);
        }
        dated.sort_by(|one, other| (one.begins_at, &one.kid).cmp(&(other.begins_at, &other.kid)));
        for (index, one) in dated.iter().enumerate() {
            let same =
                |other: &&DatedKey| other.kid == one.kid || other.key.public().same_key_as(one.key.public());
            if let Some(other) = dated.iter().take(index).find(same) {
                return Err(RingFault::Twice(other.kid.clone()));
            }
        }
        let begins: Vec<_> = dated.iter().map(|key| key.begins_at).collect();
        let follows = |own: Timestamp| begins.iter().copied().find(|begins_at| *begins_at > own);
        let own = |dated: DatedKey| OwnKey {
            ends_at: follows(dated.begins_at).map(|follows| follows.plus(outlives)),
            header: header::write(dated.key.algorithm(), &dated.kid),
            dated,
        };
        Ok(Self { sign_by, secrets, keys: dated.into_iter().map(own).collect() })
    }

    /// The last one that has begun; where none has, the first one that will.
    fn current(&self, now: Timestamp) -> Option<&OwnKey> {
        let begun = self.keys.iter().rfind(|key| key.dated.begins_at <= now);
        begun.or(self.keys.first()).filter(|_| self.sign_by == SignBy::Key)
    }

    pub(super) fn signer(&self, now: Timestamp) -> Option<Signer<'_>> {
        match self.sign_by {
            SignBy::Secret => self.secrets.first().map(|secret| Signer::Secret(&secret.key)),
            SignBy::Key => self.current(now).map(Signer::Key),
        }
    }

    pub(super) fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let good = move |secret: &&Secret| secret.verifies_until.is_none_or(|until| now < until);
        self.secrets.iter().filter(good)
    }

    /// The key that may have signed a token with this encoded header.
    pub(super) fn by_header(&self, encoded: &str, now: Timestamp) -> Option<&OwnKey> {
        let good = |key: &&OwnKey| key.ends_at.is_none_or(|until| now < until);
        let own = self.keys.iter().filter(good).find(|key| key.header == encoded);
        own.or_else(|| {
            let decoded = super::verify::decode(encoded.as_bytes())?;
            let header = header::read(&decoded)?;
            let named = |key: &&OwnKey| header.says(key.dated.key.algorithm(), Some(&key.dated.kid));
            self.keys.iter().filter(good).find(named)
        })
    }

    /// By what new tokens are signed now, and by what a token may be signed that is accepted: names of keys,
    /// and fingerprints of secrets.
    pub fn names(&self, now: Timestamp) -> (String, Vec<String>) {
        let secrets = self.secrets(now).map(|secret| secret.key.fingerprint());
        let good = |key: &&OwnKey| key.ends_at.is_none_or(|until| now < until);
        let keys = self.keys.iter().filter(good).map(|key| key.dated.kid.clone());
        let signs = match self.signer(now) {
            Some(Signer::Secret(key)) => key.fingerprint(),
            Some(Signer::Key(key)) => key.dated.kid.clone(),
            None => String::new(),
        };
        (signs, secrets.chain(keys).collect())
    }

    /// All secrets, and what each of them does now.
    pub fn secret_states(&self, now: Timestamp) -> impl Iterator<Item = (&Secret, KeyState)> {
        self.secrets.iter().enumerate().map(move |(index, secret)| {
            let state = match secret.verifies_until {
                _ if index == 0 && self.sign_by == SignBy::Secret => KeyState::Current,
                Some(until) if until <= now => KeyState::Over,
                _ => KeyState::Previous,
            };
            (secret, state)
        })
    }

    /// All keys, and what each of them does now.
    pub fn states(&self, now: Timestamp) -> impl Iterator<Item = (&OwnKey, KeyState)> {
        let current = self.current(now).map(|key| &key.dated.kid);
        self.keys.iter().map(move |key| {
            let state = match key.ends_at {
                _ if current == Some(&key.dated.kid) => KeyState::Current,
                Some(ends_at) if ends_at <= now => KeyState::Over,
                _ if key.dated.begins_at > now && self.sign_by == SignBy::Key => KeyState::Next,
                _ => KeyState::Previous,
            };
            (key, state)
        })
    }
}

#[cfg(test)]
mod tests;
