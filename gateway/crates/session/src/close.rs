//! Logging out: durably first, then visibly to every check.

use std::sync::Arc;
use std::time::Duration;

use super::{Lifecycle, SessionFault};
use gateway_clock::Timestamp;
use gateway_identity::{SessionId, UserId};
use gateway_store::{AuditEvent, Revocation, SessionScope, UnitOfWork, commit};
use gateway_token::{AuthenticClaims, ForeignClaims};

/// Two gateways' clocks may be this far apart.
const SKEW: Duration = Duration::from_secs(5);

impl Lifecycle {
    /// Ends the session of an access token that is ours, whether or not it is still in force.
    ///
    /// Answers whether it was not over before: only then it is recorded. Once this returned, this gateway
    /// refuses the token and its session's other tokens at once.
    /// An error of the revocation view leaves the session closed durably all the same.
    pub async fn close(&self, claims: &AuthenticClaims, because: AuditEvent) -> Result<bool, SessionFault> {
        let now = self.clock.now();
        let session = Revocation::Session { id: claims.session(), until: self.access_tokens_end(now) };
        let token = Revocation::Token { id: claims.token(), until: claims.expires_at().plus(SKEW) };
        let alive = claims.expires_at() > now;
        let revoked = if alive { vec![token, session] } else { vec![session] };
        self.close_revoking(claims.session(), revoked, because).await
    }

    /// Ends a session by its id; answers whether it was not over before.
    pub async fn close_session(&self, id: SessionId, because: AuditEvent) -> Result<bool, SessionFault> {
        let until = self.access_tokens_end(self.clock.now());
        self.close_revoking(id, vec![Revocation::Session { id, until }], because).await
    }

    async fn close_revoking(
        &self,
        id: SessionId,
        revoked: Vec<Revocation>,
        because: AuditEvent,
    ) -> Result<bool, SessionFault> {
        let work = UnitOfWork::because(because);
        Ok(self.commit(|sessions| async move { sessions.close(id, &revoked, work).await }).await?)
    }

    /// Ends sessions of a user; answers whether there is one.
    pub async fn close_of(
        &self,
        user: UserId,
        closing: SessionScope,
        because: AuditEvent,
    ) -> Result<bool, SessionFault> {
        let until = self.access_tokens_end(self.clock.now());
        let work = UnitOfWork::because(because);
        Ok(self.commit(|sessions| async move { sessions.close_of(user, closing, until, work).await }).await?)
    }

    /// Ends a token of another issuer, by itself: its session, if it has one, is kept there. Answers
    /// whether it was not over before.
    pub async fn revoke(&self, token: &ForeignClaims, because: AuditEvent) -> Result<bool, SessionFault> {
        // One that is over may still carry a stream, which is looked at within that time.
        let until = token.refused_from().max(self.clock.now()).plus(SKEW);
        let revoked = [Revocation::Token { id: token.token(), until }];
        let (ledger, work) = (Arc::clone(&self.ledger), UnitOfWork::because(because));
        Ok(commit(&self.announce, async move { ledger.record(&revoked, work).await }).await?)
    }

    /// After this moment no access token that was issued until now can be accepted: what revokes
    /// them must be remembered until then, and no longer.
    pub fn access_tokens_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.issuer.terms.access_lifetime).plus(SKEW)
    }
}
