//! Ports: what the product needs from a store, as traits and records, and the rules of what
//! becomes of them. No driver is named here.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod audit;
mod error;
mod outbox;
mod revocations;
pub mod rules;
mod sessions;
mod tickets;
pub mod transfer;
mod unit_of_work;
mod users;

pub use audit::{
    Actor, AuditEvent, AuditPage, AuditQuery, AuditTrail, Break, ENTRY_TEXT_BYTES_MAX, Entry, Event,
    EventCount, Hash, Proof, Prover, Requester, Sealed, seal,
};
pub use commit::{UnderWay, commit};
pub use error::StoreError;
pub use outbox::{Outbox, OutboxMessage, Queued, Way};
pub use revocations::{
    Check, Revocation, RevocationFeed, RevocationLedger, Revocations, StalenessBounds, Subject, TokenStatus,
    Unreachable,
};
pub use sessions::{
    KnownNetwork, RefreshToken, Rotation, RotationRequest, Session, SessionLimit, SessionScope, Sessions,
};
pub use tickets::{Invitation, Purpose, Ticket, TicketKey, Tickets};
pub use unit_of_work::{
    AccountState, Announce, CommitFault, Committed, Precondition, UnitOfWork, Words,
    record_at_least_in_the_log,
};
pub use users::{
    Account, Amended, Amendment, NewUser, PasswordChange, StoredHash, Taken, User, UserCounts, UserPage,
    Users,
};
