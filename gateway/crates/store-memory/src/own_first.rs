//! The view of what this gateway's own ledger holds, asked before one that others share: what is revoked
//! here is refused whatever becomes of the other.

use std::sync::Arc;

use async_trait::async_trait;

use gateway_identity::TokenId;
use gateway_store::{Check, Revocation, Revocations, Subject, TokenStatus, Unreachable};

/// Two views, of which either may revoke.
pub struct OwnFirst {
    /// In memory: it answers at once, and allocates nothing.
    own: Arc<dyn Revocations>,
    shared: Arc<dyn Revocations>,
}

impl OwnFirst {
    /// `own` must hold all that the ledger does.
    pub fn new(own: Arc<dyn Revocations>, shared: Arc<dyn Revocations>) -> Self {
        Self { own, shared }
    }
}

#[async_trait]
impl Revocations for OwnFirst {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        match self.own.check(subject) {
            Check::Ready(Ok(TokenStatus::Active)) => self.shared.check(subject),
            settled => settled,
        }
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        match self.own.check_token(token) {
            Check::Ready(Ok(TokenStatus::Active)) => self.shared.check_token(token),
            settled => settled,
        }
    }

    /// Here first: what the other does not take is refused here all the same.
    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        self.own.publish(revoked).await?;
        self.shared.publish(revoked).await
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        self.shared.ping().await
    }
}
