//! How a store fails. A driver's own error stays inside its adapter and in the log.

use thiserror::Error;

/// Why a store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another record holds what must be unique.
    #[error("a record with this key exists already")]
    Conflict,
    /// The change would leave nobody who can administer the accounts.
    #[error("the last active administrator cannot be demoted, deactivated or deleted")]
    LastAdministrator,
    /// The single-use token that the change needs was used, or withdrawn.
    #[error("the ticket was used up")]
    TicketGone,
    /// The account on which the change rests was changed meanwhile, or is gone.
    #[error("the account was changed meanwhile")]
    Outdated,
    /// The disk is (nearly) full: reads go on, writes are refused before they could harm the store.
    #[error("no space is left for the store: {0}")]
    Full(String),
    /// The store cannot be asked right now; a retry makes sense.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}
