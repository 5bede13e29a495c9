//! Revoked tokens that are used all the same: somebody has them who should not, and the audit trail
//! says so, once in a while for each.

use std::time::Duration;

use parking_lot::Mutex;

use super::verify::Verified;
use super::{Pipeline, Refusal};
use gateway_bounded::BoundedMap;
use gateway_clock::Timestamp;
use gateway_identity::{SessionId, TokenId, UserId};
use gateway_store::{AuditEvent, Event, Requester, record_at_least_in_the_log};

/// A token is recorded again after so long.
const PAUSE: Duration = Duration::from_secs(600);

/// So many tokens are remembered; who has more revoked ones is recorded more often.
const TOKENS_MAX: usize = 10_000;

/// A token that was revoked, and whose it is.
#[derive(Clone, Debug)]
pub struct RevokedToken {
    token: TokenId,
    session: Option<SessionId>,
    user: Option<UserId>,
    /// As it may be logged, and who vouches for it.
    foreign: Option<(String, String)>,
}

impl RevokedToken {
    pub(super) fn new(verified: &Verified) -> Self {
        match verified {
            Verified::Own(claims) => Self {
                token: claims.token(),
                session: Some(claims.session()),
                user: Some(claims.user()),
                foreign: None,
            },
            Verified::Foreign(claims) => Self {
                token: claims.token(),
                session: None,
                user: None,
                foreign: Some((claims.subject().to_string(), claims.issuer().to_string())),
            },
        }
    }
}

/// When each was last recorded.
pub(super) struct Recorded(Mutex<BoundedMap<TokenId, Timestamp>>);

impl Default for Recorded {
    fn default() -> Self {
        Self(Mutex::new(BoundedMap::new(TOKENS_MAX)))
    }
}

impl Recorded {
    fn is_due(&self, token: TokenId, now: Timestamp) -> bool {
        let mut recorded = self.0.lock();
        if recorded.get(&token).is_some_and(|before| now.since(*before) < PAUSE) {
            return false;
        }
        recorded.insert(token, now);
        true
    }
}

impl Refusal {
    /// Whether more is done about it than to answer it: see [`Pipeline::note`].
    pub fn is_noted(&self) -> bool {
        matches!(self, Self::TokenRevoked(_))
    }
}

impl Pipeline {
    /// Records the use of a revoked token. Durable on return, unless the store takes nothing: the
    /// refusal must not wait for that to be mended.
    pub async fn note(&self, refusal: &Refusal, by: Requester<'_>) {
        let Refusal::TokenRevoked(revoked) = refusal else { return };
        let now = self.clock.now();
        if !self.recorded.is_due(revoked.token, now) {
            return;
        }
        // Rare, and large: a plain request does not carry it.
        let used = AuditEvent::requested(Event::TokenRefused, now, by);
        let used = used.about(revoked.user).in_session(revoked.session);
        Box::pin(self.record_use(match &revoked.foreign {
            Some((subject, issuer)) => used.of_foreign(subject, issuer),
            None => used,
        }))
        .await;
    }

    async fn record_use(&self, used: AuditEvent) {
        let Some((trail, announce)) = &self.trail else { return self.metrics.security.record(&used) };
        if let Err(fault) = record_at_least_in_the_log(trail, announce, used).await {
            tracing::error!(error = %fault, "the use of a revoked token could not be recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recorded_once_in_a_while_and_the_memory_is_bounded() {
        let recorded = Recorded::default();
        let (token, at) = (TokenId::random(), Timestamp::from_seconds);
        assert!(recorded.is_due(token, at(0)));
        assert!(!recorded.is_due(token, at(599)));
        assert!(recorded.is_due(token, at(600)));
        for _ in 0..TOKENS_MAX {
            assert!(recorded.is_due(TokenId::random(), at(600)));
        }
        assert!(recorded.is_due(token, at(600)), "the oldest was forgotten");
        assert!(recorded.0.lock().len() <= TOKENS_MAX);
    }
}
