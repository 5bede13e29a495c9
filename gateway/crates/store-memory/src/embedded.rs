//! The revocation view in this process's memory: everything that its own ledger holds.
//!
//! Of a single gateway it is exact, because nobody but this process revokes. It is no store: what it
//! holds is in the ledger first, and is loaded from there at start.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use async_trait::async_trait;
use parking_lot::RwLock;

use gateway_clock::Timestamp;
use gateway_identity::{Generation, SessionId, TokenId, UserId};
use gateway_store::{
    Check, Revocation, RevocationLedger, Revocations, StoreError, Subject, TokenStatus, Unreachable,
};

/// Parts of a map, each under a lock of its own: a sweep then stops the checks of one part at a
/// time, for well under a millisecond, instead of all of them for as long as it takes.
const PARTS: usize = 64;

/// The view. An entry leaves it by `sweep` only: `check` asks no clock, as a token whose revocation
/// expired has expired itself, and was refused before it was looked up here.
///
/// Measured with a million revoked tokens: 53 MB (29 to 57 bytes each, by how full the tables of the
/// maps are), 40 ns for a check, 15 ms for a sweep of all of them in 64 pauses.
#[derive(Default)]
pub struct EmbeddedRevocations {
    tokens: Parted<TokenId, Timestamp>,
    sessions: Parted<SessionId, Timestamp>,
    users: Parted<UserId, (Generation, Timestamp)>,
}

/// How many entries of each kind the view holds, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub tokens: usize,
    pub sessions: usize,
    pub users: usize,
}

impl EmbeddedRevocations {
    /// A view of what `ledger` holds. Whatever is recorded there from then on must be published to it.
    pub async fn load(ledger: &dyn RevocationLedger, now: Timestamp) -> Result<Self, StoreError> {
        let view = Self::default();
        for revocation in ledger.live(now).await? {
            view.insert(&revocation);
        }
        Ok(view)
    }

    /// Forgets what stopped mattering before `now`; answers how many.
    pub fn sweep(&self, now: Timestamp) -> u64 {
        let forgotten = self.tokens.retain(|until| *until >= now)
            + self.sessions.retain(|until| *until >= now)
            + self.users.retain(|(_, until)| *until >= now);
        forgotten as u64
    }

    pub fn sizes(&self) -> Sizes {
        Sizes { tokens: self.tokens.len(), sessions: self.sessions.len(), users: self.users.len() }
    }

    fn insert(&self, revocation: &Revocation) {
        let later = |known: &mut Timestamp, until: Timestamp| *known = until.max(*known);
        match *revocation {
            Revocation::Token { id, until } => self.tokens.merge(id, until, later),
            Revocation::Session { id, until } => self.sessions.merge(id, until, later),
            Revocation::Generation { user, minimum, until } => {
                self.users.merge(user, (minimum, until), |known, (minimum, until)| {
                    *known = (minimum.max(known.0), until.max(known.1));
                });
            }
        }
    }

    fn is_revoked(&self, subject: &Subject) -> bool {
        let outdated = |(minimum, _): &(Generation, Timestamp)| subject.generation < *minimum;
        self.tokens.any(&subject.token, |_| true)
            || self.sessions.any(&subject.session, |_| true)
            || self.users.any(&subject.user, outdated)
    }
}

#[async_trait]
impl Revocations for EmbeddedRevocations {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        let revoked = self.is_revoked(subject);
        Check::Ready(Ok(if revoked { TokenStatus::Revoked } else { TokenStatus::Active }))
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        let revoked = self.tokens.any(&token, |_| true);
        Check::Ready(Ok(if revoked { TokenStatus::Revoked } else { TokenStatus::Active }))
    }

    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        revoked.iter().for_each(|one| self.insert(one));
        Ok(())
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        Ok(())
    }
}

/// A map in parts. No lock outlives a call, so that none is ever held across an await.
struct Parted<K, V>(Box<[Part<K, V>]>);

type Part<K, V> = RwLock<HashMap<K, V, BuildHasherDefault<Fold>>>;

impl<K, V> Default for Parted<K, V> {
    fn default() -> Self {
        Self(std::iter::repeat_with(RwLock::default).take(PARTS).collect())
    }
}

impl<K: Hash + Eq, V> Parted<K, V> {
    #[expect(clippy::indexing_slicing, reason = "the remainder is below PARTS, and so many there are")]
    fn part(&self, key: &K) -> &Part<K, V> {
        // Bits that the map itself uses least: it takes its bucket from the lowest ones and its
        // tag from the highest.
        let hash = BuildHasherDefault::<Fold>::default().hash_one(key);
        &self.0[(hash >> 40) as usize % PARTS]
    }

    fn any(&self, key: &K, holds: impl FnOnce(&V) -> bool) -> bool {
        self.part(key).read().get(key).is_some_and(holds)
    }

    fn merge(&self, key: K, value: V, merge: impl FnOnce(&mut V, V)) {
        match self.part(&key).write().entry(key) {
            Entry::Occupied(mut known) => merge(known.get_mut(), value),
            Entry::Vacant(place) => drop(place.insert(value)),
        }
    }

    /// Keeps what `matters`, gives memory back where a part became much too large, and answers how
    /// many it dropped.
    fn retain(&self, matters: impl Fn(&V) -> bool) -> usize {
        let mut dropped = 0;
        for part in &self.0 {
            let mut part = part.write();
            let before = part.len();
            part.retain(|_, value| matters(value));
            dropped += before - part.len();
            if part.capacity() > 4 * part.len() {
                // Room to grow again, so that a steady load does not shrink and grow for ever.
                let room = 2 * part.len();
                part.shrink_to(room);
            }
        }
        dropped
    }

    fn len(&self) -> usize {
        self.0.iter().map(|part| part.read().len()).sum()
    }
}

/// Folds a key into a hash by one multiplication for each eight bytes.
///
/// It has no secret and needs none: an attacker cannot choose keys. Ids of tokens and sessions are
/// 122 random bits drawn by us, or 122 bits of a SHA-256 for tokens of other issuers; ids of users
/// are a counter of ours. They come here out of tokens whose signature was verified, or out of the
/// ledger. SipHash would cost more than the look-up.
#[derive(Default)]
struct Fold(u64);

impl Fold {
    fn add(&mut self, word: u64) {
        // 2^64 divided by the golden ratio: odd, and with its bits well spread.
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            self.add(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    /// The length of a key, which is the same for all keys of a map.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
