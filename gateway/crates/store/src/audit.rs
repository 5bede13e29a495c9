//! The port for the audit trail: what happened, appended and never changed, each entry sealed to the
//! one before.

mod audit_event;
mod chain;
mod event;

use std::borrow::Cow;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use audit_event::{AuditEvent, Requester};
pub use chain::{Break, Hash, Proof, Prover, Sealed, seal};
pub(super) use chain::{EXPIRED, vouch};
pub use event::Event;

use super::{Committed, StoreError, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{SessionId, UserAgent, UserId};

/// The actor of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// An account, by its token.
    User { user_id: UserId },
    /// Somebody on this machine, at the command line, by the system's user id.
    Operator { uid: u32 },
    /// The gateway by itself.
    Gateway,
}

/// What happened: everything but its place in the trail. What does not apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// A word of the list of events.
    pub event: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The account that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The address that was given, whether there is an account or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The subject that another issuer vouches for, and the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why it was refused, or how it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// What is now, in words of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "now")]
    pub detail: Option<String>,
}

impl Entry {
    pub fn new(event: &'static str) -> Self {
        Self { event: Cow::Borrowed(event), ..Self::default() }
    }

    /// With each text in its bounds: the last door before the trail, from which no line is taken back.
    fn bounded(mut self) -> Self {
        let given = [&mut self.email, &mut self.subject, &mut self.issuer, &mut self.address];
        let ours = [&mut self.request_id, &mut self.detail];
        given.into_iter().chain(ours).flatten().for_each(shorten);
        self.reason = self.reason.map(|reason| match reason {
            Cow::Owned(mut text) => {
                shorten(&mut text);
                Cow::Owned(text)
            }
            ours @ Cow::Borrowed(_) => ours,
        });
        self
    }
}

/// Bytes of a text in an entry. What clients choose has narrower bounds where it comes in; this one holds
/// for all the rest, such as which settings a reload changed, and what a mail server said.
pub const ENTRY_TEXT_BYTES_MAX: usize = 4_096;

fn shorten(text: &mut String) {
    const MARK: char = '…';
    if text.len() > ENTRY_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(ENTRY_TEXT_BYTES_MAX - MARK.len_utf8()));
        text.push(MARK);
    }
}

/// What is looked for, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The actor, or the account that it is about.
    pub user: Option<UserId>,
    pub event: Option<String>,
    /// The e-mail address that was given, with an account or without.
    pub email: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    pub since: Option<Timestamp>,
    /// Not after this moment.
    pub until: Option<Timestamp>,
    /// Only entries before this one.
    pub before: Option<u64>,
    pub limit: usize,
}

/// What was found, as it stands in the trail (JSON), and where to go on looking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    pub lines: Vec<String>,
    /// There may be more before this one.
    pub next: Option<u64>,
}

/// How often something happened in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCount {
    /// Hours since the epoch.
    pub hour: u64,
    pub word: String,
    pub count: u64,
}

/// The trail. What is recorded is durable on return.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Where nothing is changed but the trail, and perhaps the outbox.
    async fn record(&self, work: UnitOfWork) -> Result<Committed<()>, StoreError>;

    /// A page, bounded in bytes, too: it may have fewer than `limit`, and more before it.
    async fn find(&self, query: AuditQuery) -> Result<AuditPage, StoreError>;

    /// The lines from number `first` on, in their order: at most `limit`, and fewer where they are long.
    /// None where there are no more. For an export.
    async fn lines(&self, first: u64, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Reads the whole trail, and proves that nothing in it was changed, removed or reordered.
    async fn prove(&self) -> Result<Result<Proof, Break>, StoreError>;

    /// Removes what is older than `before`, and records that; answers how many.
    async fn expire(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError>;

    /// Adds to the counts of an hour, for reports.
    async fn tally(&self, counts: Vec<EventCount>) -> Result<(), StoreError>;

    /// The counts of the hours from `first` to `last`, both included, summed up by word.
    async fn tallies(&self, first: u64, last: u64) -> Result<Vec<(String, u64)>, StoreError>;
}
