//! The port for what is to leave the house later: mails, and events for services behind. It waits in
//! the store until it was delivered, so that no restart loses it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Committed, StoreError, StoredHash, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{Email, UserId};

/// What is to be done. None of them holds a token: that is made when the mail is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum OutboxMessage {
    /// Somebody forgot the password of this address, which may have no account at all.
    PasswordReset {
        email: Email,
    },
    /// A password was changed: its owner is told.
    PasswordChanged {
        user: UserId,
        at: Timestamp,
        address: String,
    },
    EmailVerification {
        user: UserId,
    },
    Invitation {
        id: u64,
    },
    /// Somebody wants an account, where nobody may learn who has one already.
    Registration {
        email: Email,
        password_hash: StoredHash,
        first_name: String,
        last_name: String,
    },
    /// The last mail to somebody whose account is gone.
    AccountDeleted {
        email: Email,
        name: String,
        at: Timestamp,
    },
    /// Services behind are told that an account is gone, and what belongs to it must go, too.
    UserDeleted {
        user: UserId,
        at: Timestamp,
    },
}

impl OutboxMessage {
    /// The stable word, for the log, metrics and the audit trail.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => "password_reset",
            Self::PasswordChanged { .. } => "password_changed",
            Self::EmailVerification { .. } => "email_verification",
            Self::Invitation { .. } => "invitation",
            Self::Registration { .. } => "registration",
            Self::AccountDeleted { .. } => "account_deleted",
            Self::UserDeleted { .. } => "user_deleted",
        }
    }

    /// All of them, for metrics.
    pub const WORDS: [&'static str; 7] = [
        "password_reset",
        "password_changed",
        "email_verification",
        "invitation",
        "registration",
        "account_deleted",
        "user_deleted",
    ];

    pub const fn way(&self) -> Way {
        match self {
            Self::UserDeleted { .. } => Way::Webhook,
            Self::PasswordReset { .. }
            | Self::PasswordChanged { .. }
            | Self::EmailVerification { .. }
            | Self::Invitation { .. }
            | Self::Registration { .. }
            | Self::AccountDeleted { .. } => Way::Mail,
        }
    }

    /// The recipient: an account, or an address.
    pub fn recipient(&self) -> (Option<UserId>, Option<&Email>) {
        match self {
            Self::PasswordReset { email }
            | Self::Registration { email, .. }
            | Self::AccountDeleted { email, .. } => (None, Some(email)),
            Self::PasswordChanged { user, .. }
            | Self::EmailVerification { user }
            | Self::UserDeleted { user, .. } => (Some(*user), None),
            Self::Invitation { .. } => (None, None),
        }
    }
}

/// By which way an errand leaves the house: neither of them waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Mail,
    Webhook,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];
}

/// An errand that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    pub id: u64,
    pub errand: OutboxMessage,
    /// Of the request that it came from.
    pub request_id: Option<String>,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    /// How often it was tried in vain.
    pub attempts: u32,
}

impl Queued {
    /// Due at once.
    pub fn new(id: u64, errand: OutboxMessage, request_id: Option<String>, now: Timestamp) -> Self {
        Self { id, errand, request_id, created_at: now, due_at: now, attempts: 0 }
    }

    /// Tried in vain once more.
    #[must_use]
    pub fn postponed(self, due_at: Timestamp) -> Self {
        Self { due_at, attempts: self.attempts.saturating_add(1), ..self }
    }
}

/// The queue. Every method that changes something returns once the change is durable.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Puts what goes along with no other change, and is no event.
    async fn enqueue(
        &self,
        errand: OutboxMessage,
        now: Timestamp,
        request_id: Option<String>,
    ) -> Result<Committed<()>, StoreError>;

    /// What is due at `now` and leaves by this way, at most `limit`, the longest due first; without those
    /// that the caller has under way. Where several gateways ask, it is the caller's for a while, which
    /// begins again as long as it is told to be under way; when that is over, it may be another's.
    async fn due(
        &self,
        now: Timestamp,
        way: Way,
        limit: usize,
        under_way: &[u64],
    ) -> Result<Vec<Queued>, StoreError>;

    /// It was done.
    async fn acknowledge(&self, id: u64) -> Result<(), StoreError>;

    /// It was given up, which is recorded.
    async fn give_up(&self, id: u64, work: UnitOfWork) -> Result<Committed<()>, StoreError>;

    /// It did not work, and is to be tried again.
    async fn postpone(&self, id: u64, due_at: Timestamp) -> Result<(), StoreError>;

    /// How many wait.
    fn waiting(&self) -> usize;
}
