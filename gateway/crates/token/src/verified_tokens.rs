//! Access tokens that were verified before: a signature is checked once for each token and not for
//! each request. What depends on the time or on anything else is asked again each time.
//!
//! Only tokens that we signed get in, so that nobody else chooses what is kept, and the whole token
//! is compared. A configuration that is read again has other keys, and begins with nothing.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use foldhash::fast::RandomState as Folded;
use parking_lot::Mutex;

use super::claims::AuthenticClaims;
use gateway_bounded::BoundedMap;
use gateway_clock::Timestamp;

/// Tokens in a part.
const PART_LEN: usize = 1_024;
const PARTS: usize = 256;
/// Tokens that may be kept in all.
pub const TOKENS_REMEMBERED_MAX: usize = PART_LEN * PARTS;
/// A longer token is verified each time. With the lengths above it bounds the memory: 256 MiB of
/// text, and less for tokens as we write them; only tokens that were used take any.
const KEPT_BYTES_MAX: usize = 1_024;
/// The end of a signature tells tokens apart as well as a whole token does.
const HASHED_BYTES: usize = 24;

/// The tokens, in parts that are locked one by one.
pub(super) struct VerifiedTokens {
    hasher: RandomState,
    parts: [Mutex<Part>; PARTS],
}

type Part = BoundedMap<u64, Kept, Folded>;

struct Kept {
    token: Box<str>,
    claims: AuthenticClaims,
    /// When its key ends, if it does.
    until: Option<Timestamp>,
}

impl VerifiedTokens {
    /// What the token claims, if it was seen before and its key still verifies.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<AuthenticClaims> {
        let hash = self.hash(token);
        let mut part = self.part(hash)?.lock();
        let kept = part.get(&hash).filter(|kept| *kept.token == *token)?;
        let live = kept.until.is_none_or(|until| now < until);
        live.then(|| AuthenticClaims { seen: true, ..kept.claims.clone() })
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().len()).sum()
    }

    /// Keeps a token that was verified just now; `until` is when its key ends.
    pub(super) fn keep(&self, token: &str, claims: &AuthenticClaims, until: Option<Timestamp>) {
        if token.len() > KEPT_BYTES_MAX {
            return;
        }
        let hash = self.hash(token);
        let kept = Kept { token: token.into(), claims: claims.clone(), until };
        if let Some(part) = self.part(hash) {
            part.lock().insert(hash, kept);
        }
    }

    fn hash(&self, token: &str) -> u64 {
        let token = token.as_bytes();
        let end = token.get(token.len().saturating_sub(HASHED_BYTES)..);
        self.hasher.hash_one(end.unwrap_or(token))
    }

    fn part(&self, hash: u64) -> Option<&Mutex<Part>> {
        self.parts.get(usize::try_from(hash).ok()? % PARTS)
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self { hasher: RandomState::new(), parts: std::array::from_fn(|_| Mutex::new(Part::new(PART_LEN))) }
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedTokens(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, VerifiedClaims};
    use gateway_identity::{Email, Generation, Role, SessionId, TokenId, UserId};

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn claims(user: u64) -> AuthenticClaims {
        let claims = VerifiedClaims {
            user: UserId::new(user).unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            role: Role::User,
            token: TokenId::random(),
            session: SessionId::random(),
            generation: Generation::default(),
            names_installation: true,
            issued_at: 0,
            not_before: 0,
            expires_at: 2_000,
        };
        AuthenticClaims { claims, algorithm: Algorithm::Hs256, seen: false }
    }

    fn user(seen: &VerifiedTokens, token: &str, now: Timestamp) -> Option<u64> {
        seen.find(token, now).map(|claims| claims.user().get())
    }

    #[test]
    fn a_token_is_found_again_whole_and_as_long_as_its_key_verifies() {
        let seen = VerifiedTokens::default();
        let token = format!("header.payload.{}", "s".repeat(43));
        seen.keep(&token, &claims(7), Some(Timestamp::from_seconds(1_001)));
        assert_eq!(user(&seen, &token, NOW), Some(7));
        assert_eq!(user(&seen, &token, Timestamp::from_seconds(1_001)), None, "its key is over");
        // The same signature below another payload has the same hash.
        assert_eq!(user(&seen, &token.replace("payload", "Payload"), NOW), None);
        assert_eq!(user(&seen, &token[1..], NOW), None);
        assert_eq!(user(&seen, "", NOW), None);
    }

    #[test]
    fn a_token_that_is_too_long_is_not_kept() {
        let seen = VerifiedTokens::default();
        for (length, kept) in [(KEPT_BYTES_MAX, Some(7)), (KEPT_BYTES_MAX + 1, None)] {
            let token = "t".repeat(length);
            seen.keep(&token, &claims(7), None);
            assert_eq!(user(&seen, &token, NOW), kept, "{length}");
        }
    }

    #[test]
    fn what_is_used_stays_however_many_others_come_and_there_is_an_end_to_them() {
        let seen = VerifiedTokens::default();
        seen.keep("used", &claims(7), None);
        for other in 0..2 * PART_LEN * PARTS {
            seen.keep(&other.to_string(), &claims(8), None);
            assert_eq!(user(&seen, "used", NOW), Some(7), "after {other} others");
        }
        for part in &seen.parts {
            assert!(part.lock().len() <= PART_LEN);
        }
        assert_eq!(user(&seen, "0", NOW), None, "forgotten long ago");
    }
}
