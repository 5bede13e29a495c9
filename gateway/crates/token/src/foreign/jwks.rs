//! The keys that an issuer publishes (RFC 7517 §5), and why some of them are not used.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::json;
use crate::jwk::quoted;
use crate::{Algorithm, Jwk, JwkFault, VerifyingKey};

/// More keys than any issuer has at a time; a longer list is cut off, since each costs memory.
const KEYS_MAX: usize = 64;

/// What is published is no set of keys.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JwksFault {
    #[error("no JWK set (RFC 7517 §5)")]
    NoSet,
}

/// So many keys of one name are tried: RFC 7517 §4.5 asks for different names, and not all give them.
const OF_A_NAME_MAX: usize = 4;

/// The keys of one issuer, each for one algorithm. There may be none: an issuer can withdraw them all.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    left_out: Vec<LeftOut>,
    /// Whether a key is tried whatever the token calls it: so it is where keys have no names.
    any_name: bool,
}

#[derive(Clone, Debug)]
struct PublicKey {
    kid: Option<Box<str>>,
    key: VerifyingKey,
}

/// A key that is not used, by its place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    place: usize,
    kid: Option<Box<str>>,
    fault: JwkFault,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, kid, fault } = self;
        match kid {
            Some(kid) => write!(f, "key {place} (`kid` {}): {fault}", quoted(kid)),
            None => write!(f, "key {place}: {fault}"),
        }
    }
}

impl KeySet {
    /// Keys of other kinds, for other uses and too weak ones are left out, as RFC 7517 §5 wants it;
    /// a secret is never taken for a key.
    pub fn parse(text: &[u8], algorithms: &[Algorithm]) -> Result<Self, JwksFault> {
        let set = json::object(text).ok_or(JwksFault::NoSet)?;
        let Some(Value::Array(listed)) = set.get("keys") else { return Err(JwksFault::NoSet) };
        Ok(Self::from_list(listed, algorithms))
    }

    pub(super) fn from_list(listed: &[Value], algorithms: &[Algorithm]) -> Self {
        let mut read = Self::default();
        for (index, value) in listed.iter().take(KEYS_MAX).enumerate() {
            match Jwk::from_value(value).and_then(|jwk| Ok((jwk.all_verifying(algorithms)?, jwk))) {
                Ok((keys, jwk)) => {
                    let named = |key| PublicKey { kid: jwk.kid().map(Into::into), key };
                    read.keys.extend(keys.into_iter().map(named));
                }
                Err(fault) => {
                    let kid = value.get("kid").and_then(Value::as_str).map(Into::into);
                    read.left_out.push(LeftOut { place: index + 1, kid, fault });
                }
            }
        }
        read
    }

    /// Keys without names, of which any may have signed a token.
    pub(super) fn nameless(keys: Vec<VerifyingKey>) -> Self {
        let keys = keys.into_iter().map(|key| PublicKey { kid: None, key }).collect();
        Self { keys, left_out: Vec::new(), any_name: true }
    }

    /// The first key that is not used since it is no public one.
    pub(super) fn private(&self) -> Option<&LeftOut> {
        self.left_out.iter().find(|one| one.fault == JwkFault::Private)
    }

    /// The key that a header names. Without a name there must be one key only that it could be
    /// (OpenID Connect Core §10.1). Of keys without names it is each that fits; they are few.
    pub(super) fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &VerifyingKey> {
        let fits = move |key: &&PublicKey| {
            key.key.algorithm() == algorithm && (kid.is_none() || self.any_name || key.kid.as_deref() == kid)
        };
        let ambiguous = kid.is_none() && !self.any_name && self.keys.iter().filter(fits).count() > 1;
        let most = match (ambiguous, self.any_name) {
            (true, _) => 0,
            (false, true) => usize::MAX,
            (false, false) => OF_A_NAME_MAX,
        };
        self.keys.iter().filter(fits).take(most).map(|key| &key.key)
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that are not used, each with its fault.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether both have keys of the same names, and leave out the same: for a log that tells of a
    /// change only.
    pub fn looks_like(&self, other: &Self) -> bool {
        let ids =
            |set: &Self| -> Vec<Option<Box<str>>> { set.keys.iter().map(|key| key.kid.clone()).collect() };
        ids(self) == ids(other) && self.left_out == other.left_out
    }

    /// What there is to choose from, for a person.
    pub(super) fn in_words(&self) -> String {
        const SHOWN_MAX: usize = 6;
        let mut texts: Vec<_> = self.keys.iter().take(SHOWN_MAX).map(PublicKey::in_words).collect();
        texts.extend(self.left_out.iter().take(SHOWN_MAX / 2).map(|one| format!("not used is {one}")));
        if texts.is_empty() { "there are none".to_owned() } else { texts.join("; ") }
    }
}

impl PublicKey {
    fn in_words(&self) -> String {
        let algorithm = self.key.algorithm();
        match &self.kid {
            Some(kid) => format!("{} ({algorithm})", quoted(kid)),
            None => format!("one without a name ({algorithm})"),
        }
    }
}
