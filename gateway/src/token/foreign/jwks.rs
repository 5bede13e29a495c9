//! The keys that an issuer publishes (RFC 7517 §5).

use serde_json::Value;
use thiserror::Error;

use super::json;
use crate::token::{Algorithm, Jwk, VerifyingKey};

/// More keys than any issuer has at a time; a longer list is cut off, since each costs memory.
const KEYS_MAX: usize = 64;

/// What is published is no set of keys.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JwksFault {
    #[error("no JWK set (RFC 7517 §5)")]
    NoSet,
}

/// The keys of one issuer, each for one algorithm. There may be none: an issuer can withdraw them all.
#[derive(Debug)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    kid: Option<Box<str>>,
    key: VerifyingKey,
}

impl KeySet {
    /// Keys of other kinds, for other uses and too weak ones are left out, as RFC 7517 §5 wants it;
    /// a secret is never taken for a key.
    pub fn parse(text: &[u8], algorithms: &[Algorithm]) -> Result<Self, JwksFault> {
        let set = json::object(text).ok_or(JwksFault::NoSet)?;
        let Some(Value::Array(listed)) = set.get("keys") else { return Err(JwksFault::NoSet) };
        let mut keys = Vec::new();
        for jwk in listed.iter().take(KEYS_MAX).filter_map(|jwk| Jwk::from_value(jwk).ok()) {
            let usable = algorithms.iter().filter_map(|algorithm| jwk.verifying(*algorithm).ok());
            keys.extend(usable.map(|key| PublicKey { kid: jwk.kid().map(Into::into), key }));
        }
        Ok(Self(keys))
    }

    /// The key that a header names. Without a name there must be one key only that it could be
    /// (OpenID Connect Core §10.1).
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let fits = |key: &&PublicKey| key.key.algorithm() == algorithm;
        let mut fitting = self.0.iter().filter(fits);
        match kid {
            Some(_) => fitting.find(|key| key.kid.as_deref() == kid).map(|key| &key.key),
            None => fitting.next().filter(|_| fitting.next().is_none()).map(|key| &key.key),
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both have keys of the same names, for a log that tells of a change only.
    pub fn has_same_ids(&self, other: &Self) -> bool {
        let ids = |set: &Self| -> Vec<Option<Box<str>>> { set.0.iter().map(|key| key.kid.clone()).collect() };
        ids(self) == ids(other)
    }
}
