//! The form in which a store leaves and comes back: JSON Lines, a header first and an end line last,
//! so that neither another file nor half a file is taken for an export.

mod digest;
mod import_check;
mod reading;
mod writing;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Invitation, KnownNetwork, Queued, Revocation, Session, StoreError, Ticket, User};
use gateway_identity::{InstallationId, UserId};

pub use digest::Digest;
pub use import_check::{ImportCheck, ticket_key};
pub use reading::{read, verify};
pub use writing::Lines;

/// Counters in an export.
pub const LAST_USER_ID: &str = "last_user_id";
pub const LAST_INVITATION_ID: &str = "last_invitation_id";
pub const LAST_ERRAND_ID: &str = "last_errand_id";

/// Ids that an import leaves out above those of the export: an export is older than the store that was
/// lost, and what was given out in between is not given again, to somebody else. An account costs the
/// hash of a password, so that these are more than can have been made since any backup that is of use.
pub const IDS_SKIPPED: u64 = 1_000_000;

const FORMAT: &str = "gateway-store";
/// The versions before: 2 without networks of accounts, and 1 without tickets, invitations, errands and
/// the audit trail, too.
const FORMAT_VERSION: u32 = 3;
const FORMAT_VERSION_FIRST: u32 = 1;

/// Bytes of a line, for who writes one and for who reads one. What is recorded now takes some thousand;
/// an entry of an older version may hold a whole head of 32 KiB, each byte of it escaped twice.
const LINE_BYTES_MAX: usize = 16 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    store_id: InstallationId,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Line {
    User(User),
    Session(Session),
    /// From where an account is used.
    Familiar {
        user: UserId,
        networks: Vec<KnownNetwork>,
    },
    Revocation(Revocation),
    Ticket {
        /// The hash of the token, in hexadecimal digits.
        key: String,
        ticket: Ticket,
    },
    Invitation(Invitation),
    Errand(Queued),
    /// A line of the audit trail, as it is: its hash is of this very text.
    Audit {
        line: String,
    },
    Tally {
        hour: u64,
        word: String,
        count: u64,
    },
    Counter {
        name: String,
        value: u64,
    },
    End(TransferCounts),
}

/// How many records were written or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferCounts {
    pub users: u64,
    pub sessions: u64,
    pub revocations: u64,
    #[serde(default)]
    pub tickets: u64,
    #[serde(default)]
    pub invitations: u64,
    #[serde(default)]
    pub errands: u64,
    #[serde(default)]
    pub audit: u64,
}

/// Why an export or an import did not come to its end.
#[derive(Debug, Error)]
pub enum TransferError {
    /// Nothing was written to the store.
    #[error("line {line}: {fault}; nothing was imported")]
    Line { line: u64, fault: String },
    /// All of it was written; what is wrong is in the store.
    #[error("line {line}: {fault}; the export was written, but no store can be made of it")]
    Unreadable { line: u64, fault: String },
    #[error("there is something in this store already: import into a new folder")]
    NotEmpty,
    #[error("the export cannot be read: {0}")]
    Read(std::io::Error),
    #[error("the export cannot be written: {0}")]
    Write(std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}
