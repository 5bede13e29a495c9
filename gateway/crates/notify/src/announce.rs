//! The port through which services behind learn what they must know of accounts.

use async_trait::async_trait;

use super::NotSent;
use gateway_clock::Timestamp;
use gateway_identity::UserId;

/// Tells a service. `Ok` means that it has taken note for good.
#[async_trait]
pub trait EventPublisher: Send + Sync {
    /// An account is gone since `at`, and what belongs to it must go, too. `id` is the same at each
    /// try, so that a service can tell that it heard it before.
    async fn user_deleted(&self, id: &str, user: UserId, at: Timestamp) -> Result<(), NotSent>;
}
