//! The trees of the store, and the transaction over them: each change is applied whole or not at all.

use std::cell::Cell;

use sled::transaction::{
    ConflictableTransactionError, TransactionError, Transactional, TransactionalTree,
    UnabortableTransactionError,
};
use sled::{Db, IVec, Tree};

use super::{codec, panics};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// Keys of the tree `meta`.
pub(super) const SCHEMA: &str = "schema";
pub(super) const STORE_ID: &str = "store_id";
pub(super) const COMMITS: &str = "commits";
/// There while an import is under way: what is in the store then is a part only.
pub(super) const IMPORTING: &str = "importing";
pub(super) const LAST_USER_ID: &str = "last_user_id";
pub(super) const USERS_TOTAL: &str = "users_total";
pub(super) const ADMINISTRATORS: &str = "administrators";
pub(super) const LAST_INVITATION_ID: &str = "last_invitation_id";
pub(super) const LAST_ERRAND_ID: &str = "last_errand_id";
/// Number and hash of the last entry of the audit trail.
pub(super) const AUDIT_HEAD: &str = "audit_head";
pub(super) const ADMINISTRATORS_ACTIVE: &str = "administrators_active";

/// So many trees.
const TREES: usize = 16;

/// Everything that is stored. A `Trees` for looking, a `Trees<TransactionalTree>` for changing.
#[derive(Clone)]
pub(super) struct Trees<T = Tree> {
    /// Schema version, store id, counters.
    pub(super) meta: T,
    /// User id → account.
    pub(super) users: T,
    /// E-mail address → user id.
    pub(super) emails: T,
    /// Session id → session.
    pub(super) sessions: T,
    /// Expiry, session id → nothing.
    pub(super) session_expiry: T,
    /// User id, session id → nothing.
    pub(super) user_sessions: T,
    /// Kind, id → until when.
    pub(super) revocations: T,
    /// Until when, kind, id → nothing.
    pub(super) revocation_expiry: T,
    /// Hash of a token → ticket.
    pub(super) tickets: T,
    /// Expiry, hash of a token → nothing.
    pub(super) ticket_expiry: T,
    /// Invitation id → invitation.
    pub(super) invitations: T,
    /// Errand id → errand.
    pub(super) errands: T,
    /// When it is due, errand id → nothing.
    pub(super) errands_due: T,
    /// Number → line of the audit trail.
    pub(super) audit: T,
    /// User id, number → nothing.
    pub(super) user_audit: T,
    /// Hour, word → how often.
    pub(super) tallies: T,
}

/// A `Trees` inside of a transaction.
pub(super) type Change = Trees<TransactionalTree>;

/// Why a transaction's closure stops: our own refusal, or sled's.
pub(super) type Stop = ConflictableTransactionError<StoreError>;

/// What the changing of trees failed with.
pub(super) enum Fault {
    /// Nothing was changed.
    Refused(StoreError),
    /// It failed while the changes were applied: in memory they may be there in part. On the disk
    /// sled drops an unfinished batch when it opens, so that nothing must be written after this.
    HalfApplied(StoreError),
}

impl Trees {
    pub(super) fn open(db: &Db) -> sled::Result<Self> {
        Ok(Self {
            meta: db.open_tree("meta")?,
            users: db.open_tree("users")?,
            emails: db.open_tree("emails")?,
            sessions: db.open_tree("sessions")?,
            session_expiry: db.open_tree("session_expiry")?,
            user_sessions: db.open_tree("user_sessions")?,
            revocations: db.open_tree("revocations")?,
            revocation_expiry: db.open_tree("revocation_expiry")?,
            tickets: db.open_tree("tickets")?,
            ticket_expiry: db.open_tree("ticket_expiry")?,
            invitations: db.open_tree("invitations")?,
            errands: db.open_tree("errands")?,
            errands_due: db.open_tree("errands_due")?,
            audit: db.open_tree("audit")?,
            user_audit: db.open_tree("user_audit")?,
            tallies: db.open_tree("tallies")?,
        })
    }

    pub(super) fn all(&self) -> [&Tree; TREES] {
        [
            &self.meta,
            &self.users,
            &self.emails,
            &self.sessions,
            &self.session_expiry,
            &self.user_sessions,
            &self.revocations,
            &self.revocation_expiry,
            &self.tickets,
            &self.ticket_expiry,
            &self.invitations,
            &self.errands,
            &self.errands_due,
            &self.audit,
            &self.user_audit,
            &self.tallies,
        ]
    }

    /// Runs `work` as one transaction over all trees. sled may run it more than once: it must have
    /// no effect but on the trees.
    pub(super) fn transact<T>(&self, work: impl Fn(&Change) -> Result<T, Stop>) -> Result<T, Fault> {
        let applying = Cell::new(false);
        let outcome = panics::caught(|| {
            self.all()[..].transaction(|trees| {
                applying.set(false);
                let done = work(&Change::over(trees))?;
                applying.set(true);
                Ok(done)
            })
        });
        let error = match outcome {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(TransactionError::Abort(refusal))) => return Err(Fault::Refused(refusal)),
            Ok(Err(TransactionError::Storage(error))) => store_error(error),
            Err(panic) => StoreError::Corrupt(panic),
        };
        Err(if applying.get() { Fault::HalfApplied(error) } else { Fault::Refused(error) })
    }

    /// A number in `meta`; zero while it was never set.
    pub(super) fn counter(&self, name: &str) -> Result<u64, StoreError> {
        let value = self.meta.get(name).map_err(store_error)?;
        value.map_or(Ok(0), |value| codec::number(name, &value))
    }

    pub(super) fn store_id(&self) -> Result<String, StoreError> {
        let id = self.meta.get(STORE_ID).map_err(store_error)?;
        let id = id.and_then(|id| String::from_utf8(id.to_vec()).ok());
        id.ok_or_else(|| codec::damaged("the store's id"))
    }

    /// The first entries of an expiry index that expired before `now`, at most `limit`.
    pub(super) fn expired(
        &self,
        index: &Tree,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<IVec>, StoreError> {
        let before = ..now.millis().to_be_bytes();
        index.range(before).keys().take(limit).map(|key| key.map_err(store_error)).collect()
    }
}

impl From<StoreError> for Fault {
    fn from(refusal: StoreError) -> Self {
        Self::Refused(refusal)
    }
}

impl Change {
    fn over(trees: &[TransactionalTree]) -> Self {
        let [
            meta,
            users,
            emails,
            sessions,
            session_expiry,
            user_sessions,
            revocations,
            revocation_expiry,
            tickets,
            ticket_expiry,
            invitations,
            errands,
            errands_due,
            audit,
            user_audit,
            tallies,
        ] = std::array::from_fn(|place| trees[place].clone());
        Self {
            meta,
            users,
            emails,
            sessions,
            session_expiry,
            user_sessions,
            revocations,
            revocation_expiry,
            tickets,
            ticket_expiry,
            invitations,
            errands,
            errands_due,
            audit,
            user_audit,
            tallies,
        }
    }

    pub(super) fn counter(&self, name: &str) -> Result<u64, Stop> {
        let value = self.meta.get(name)?;
        value.map_or(Ok(0), |value| codec::number(name, &value).map_err(stop))
    }

    pub(super) fn set_counter(&self, name: &str, value: u64) -> Result<(), Stop> {
        self.meta.insert(name, &value.to_be_bytes()[..])?;
        Ok(())
    }
}

pub(super) fn stop(refusal: StoreError) -> Stop {
    ConflictableTransactionError::Abort(refusal)
}

/// The record under `key`, decoded by `read`.
pub(super) fn found<T>(
    value: Result<Option<IVec>, UnabortableTransactionError>,
    read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<Option<T>, Stop> {
    value?.map(|value| read(&value)).transpose().map_err(stop)
}

/// sled's error in our words. Nothing of sled's leaves this room.
pub(super) fn store_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt(error.to_string()),
        sled::Error::Io(cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Full(cause.to_string())
        }
        error => StoreError::Unavailable(error.to_string()),
    }
}
