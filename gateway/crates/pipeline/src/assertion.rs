//! The identity assertion: made once for each token and upstream, and kept while it is good.

use std::sync::Arc;

use http::header::HeaderValue;
use parking_lot::Mutex;

use super::Refusal;
use gateway_bounded::BoundedMap;
use gateway_clock::Timestamp;
use gateway_identity::TokenId;
use gateway_token::{AssertionFacts, AssertionIssuer};

/// Assertions that are kept, in all; about a kilobyte each. Beyond that some are made again.
const KEPT_MAX: usize = 16_384;
const SHARDS: usize = 16;

/// Makes assertions, and keeps them so that a token's next request costs no signature.
pub struct Assertions {
    issuer: AssertionIssuer,
    shards: [Mutex<Kept>; SHARDS],
}

type Kept = BoundedMap<(TokenId, Arc<str>), Entry>;

#[derive(Clone)]
struct Entry {
    /// What it says: a token's id alone would not be enough, should two tokens ever share one.
    facts: AssertionFacts,
    value: HeaderValue,
    /// From then on another one is made.
    good_until: Timestamp,
}

impl Assertions {
    pub fn new(issuer: AssertionIssuer) -> Self {
        Self { issuer, shards: std::array::from_fn(|_| Mutex::new(Kept::new(KEPT_MAX / SHARDS))) }
    }

    pub fn issuer(&self) -> &AssertionIssuer {
        &self.issuer
    }

    /// The assertion about who sent this token, for this audience, as a header.
    pub(super) fn about(
        &self,
        id: TokenId,
        facts: AssertionFacts,
        audience: &Arc<str>,
        now: Timestamp,
    ) -> Result<HeaderValue, Refusal> {
        let key = (id, Arc::clone(audience));
        #[expect(clippy::indexing_slicing, reason = "the remainder is below SHARDS, and so many there are")]
        let shard = &self.shards[usize::from(id.as_bytes()[0]) % SHARDS];
        let kept = shard.lock().get(&key).cloned();
        if let Some(entry) = kept.filter(|entry| now < entry.good_until && entry.facts == facts) {
            return Ok(entry.value);
        }
        // Not under the lock: a signature takes its time. Two at once make two, and both are good.
        let entry = self.make(facts, audience, now)?;
        let value = entry.value.clone();
        shard.lock().insert(key, entry);
        Ok(value)
    }

    fn make(&self, facts: AssertionFacts, audience: &str, now: Timestamp) -> Result<Entry, Refusal> {
        let signed = self.issuer.sign(&facts, audience, now).map_err(|fault| {
            tracing::error!(error = %fault, "an identity assertion could not be made");
            Refusal::NoAssertion
        })?;
        let mut value = HeaderValue::try_from(signed.text).map_err(|_| Refusal::NoAssertion)?;
        value.set_sensitive(true);
        // An upstream gets at least half of the lifetime, unless the token itself ends before.
        let half = now.plus(self.issuer.lifetime / 2);
        let last = signed.expires_at >= facts.token_expires_at;
        let good_until = if last { signed.expires_at } else { half.min(signed.expires_at) };
        Ok(Entry { facts, value, good_until })
    }
}

#[cfg(test)]
mod tests;
