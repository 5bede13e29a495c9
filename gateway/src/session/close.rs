//! Logging out: durably first, then visibly to every check.

use std::time::Duration;

use super::{Lifecycle, SessionFault};
use crate::clock::Timestamp;
use crate::identity::{SessionId, UserId};
use crate::store::{Along, Closing, Revocation};
use crate::token::{AuthenticClaims, ForeignClaims};

/// Two gateways' clocks may be this far apart.
const SKEW: Duration = Duration::from_secs(5);

impl Lifecycle {
    /// Ends the session of an access token that is ours, whether or not it is still in force.
    ///
    /// Answers whether it was not over before. Once this returned, this gateway refuses the token and its session's other tokens at once.
    /// An error of the revocation view leaves the session closed durably all the same.
    pub async fn close(&self, claims: &AuthenticClaims, along: Along) -> Result<bool, SessionFault> {
        let now = self.clock.now();
        let session = Revocation::Session { id: claims.session(), until: self.access_tokens_end(now) };
        let token = Revocation::Token { id: claims.token(), until: claims.expires_at().plus(SKEW) };
        let alive = claims.expires_at() > now;
        let revoked = if alive { vec![token, session] } else { vec![session] };
        let ended = self.sessions.close(claims.session(), &revoked, along).await?;
        self.revocations.publish(&revoked).await?;
        Ok(ended)
    }

    /// Ends a session by its id; answers whether it was not over before.
    pub async fn close_session(&self, id: SessionId, along: Along) -> Result<bool, SessionFault> {
        let until = self.access_tokens_end(self.clock.now());
        let revoked = [Revocation::Session { id, until }];
        let ended = self.sessions.close(id, &revoked, along).await?;
        self.revocations.publish(&revoked).await?;
        Ok(ended)
    }

    /// Ends sessions of a user; answers whether there is one.
    pub async fn close_of(&self, user: UserId, closing: Closing, along: Along) -> Result<bool, SessionFault> {
        let until = self.access_tokens_end(self.clock.now());
        let Some(revoked) = self.sessions.close_of(user, closing, until, along).await? else {
            return Ok(false);
        };
        self.revocations.publish(&revoked).await?;
        Ok(true)
    }

    /// Ends a token of another issuer, by itself: its session, if it has one, is kept there. Answers
    /// whether it was not over before.
    pub async fn revoke(&self, token: &ForeignClaims, along: Along) -> Result<bool, SessionFault> {
        // One that is over may still carry a stream, which is looked at within that time.
        let until = token.refused_from().max(self.clock.now()).plus(SKEW);
        let revoked = [Revocation::Token { id: token.token(), until }];
        let ended = self.ledger.record(&revoked, along).await?;
        self.revocations.publish(&revoked).await?;
        Ok(ended)
    }

    /// After this moment no access token that was issued until now can be accepted: what revokes
    /// them must be remembered until then, and no longer.
    pub fn access_tokens_end(&self, now: Timestamp) -> Timestamp {
        now.plus(self.issuer.terms.access_lifetime).plus(SKEW)
    }
}
