//! Ports: what the product needs from a store, as traits and records, and the rules of what
//! becomes of them. No driver is named here.

mod along;
mod audit;
mod error;
mod outbox;
mod revocations;
pub(crate) mod rules;
mod sessions;
mod tickets;
mod users;

pub use along::{AccountState, Along};
pub use audit::{
    Actor, AuditPage, AuditQuery, AuditTrail, Break, ENTRY_TEXT_BYTES_MAX, Entry, Hash, Proof, Prover,
    Sealed, Tally, seal,
};
pub use error::StoreError;
pub use outbox::{Errand, Outbox, Queued, Way};
pub use revocations::{Check, Revocation, RevocationLedger, Revocations, Standing, Subject, Unreachable};
pub use sessions::{Closing, Familiar, RefreshToken, Room, Rotation, RotationRequest, Session, Sessions};
pub use tickets::{Invitation, Purpose, Ticket, TicketKey, Tickets};
pub use users::{
    Account, Amended, Amendment, NewUser, PasswordChange, StoredHash, Taken, User, UserCounts, UserPage,
    Users,
};
