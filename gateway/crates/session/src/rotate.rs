//! Refreshing: a new access token, and a new refresh token where the client wants one. The reuse
//! of a refresh token that was replaced closes the whole session (RFC 9700 §4.14.2).

use super::{Lifecycle, SessionFault, TokenPair};
use gateway_identity::{Network, TokenId};
use gateway_store::{AuditEvent, CommitFault, RefreshToken, Rotation, RotationRequest, User};
use gateway_token::RefreshClaims;

/// Whether the refresh token is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    Keep,
    Rotate,
}

/// What became of a refresh.
#[derive(Clone)]
pub enum Refreshed {
    /// The presented refresh token stays in force.
    Kept { access: String, expires_in_seconds: u64 },
    /// The refresh token was replaced, by this request or by one a moment ago.
    Rotated(TokenPair),
    /// Not in force (any more).
    Refused,
    /// It was replaced, and came again: the session is closed now (RFC 9700 §4.14.2), whether or not
    /// all gateways could be told already.
    Reused { told: bool },
}

impl Lifecycle {
    /// Whether it is the refresh token that is in force, and none that was replaced.
    pub async fn is_current(&self, claims: &RefreshClaims) -> Result<bool, SessionFault> {
        let stored = self.sessions.by_id(claims.session).await?;
        Ok(stored.is_some_and(|session| session.current.id == claims.token))
    }

    /// `claims` come from a verified refresh token of `user`, who exists and is active. Of the two
    /// events, the one that fits what happened is recorded.
    pub async fn rotate(
        &self,
        claims: &RefreshClaims,
        user: &User,
        from: Network,
        renewal: Renewal,
        (renewed, replayed): (AuditEvent, AuditEvent),
    ) -> Result<Refreshed, SessionFault> {
        let now = self.clock.now();
        let Some(stored) = self.sessions.by_id(claims.session).await? else {
            return Ok(Refreshed::Refused);
        };
        // The life of a session is fixed at its login: rotation does not prolong it.
        let successor = RefreshToken { id: TokenId::random(), issued_at: now, expires_at: stored.expires_at };
        let grace_millis = u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX);
        let request = RotationRequest {
            session: claims.session,
            presented: claims.token,
            from,
            successor: (renewal == Renewal::Rotate).then_some(successor),
            now,
            grace_since: gateway_clock::Timestamp::from_millis(now.millis().saturating_sub(grace_millis)),
            revoked_until: self.access_tokens_end(now),
            renewed,
            replayed,
        };
        let rotated = self.commit(|sessions| async move { sessions.rotate(request).await }).await;
        match rotated {
            // Only what came again revokes anything.
            Err(CommitFault::Unpublished { fault, .. }) => {
                tracing::error!(error = %fault, "a session that was closed is not yet refused everywhere");
                Ok(Refreshed::Reused { told: false })
            }
            Err(fault) => Err(fault.into()),
            Ok(Rotation::Kept(session)) if session.user == user.id => Ok(Refreshed::Kept {
                access: self.access_token(user, session.id)?,
                expires_in_seconds: self.issuer.terms.access_lifetime.as_secs(),
            }),
            Ok(Rotation::Rotated(session) | Rotation::Graced(session)) if session.user == user.id => {
                self.pair(user, &session).map(Refreshed::Rotated)
            }
            Ok(Rotation::Replayed(_)) => Ok(Refreshed::Reused { told: true }),
            Ok(_) => Ok(Refreshed::Refused),
        }
    }
}
