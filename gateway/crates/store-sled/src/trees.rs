//! The trees of the store, and the transaction over them: each change is applied whole or not at all.

use std::cell::Cell;

use sled::transaction::{
    ConflictableTransactionError, TransactionError, Transactional, TransactionalTree,
    UnabortableTransactionError,
};
use sled::{Db, IVec, Tree};

use super::codec;
use gateway_clock::Timestamp;
use gateway_durable_sled::{Failure, Layout, caught};
use gateway_identity::InstallationId;
use gateway_store::StoreError;
pub(super) use gateway_store::transfer::{LAST_ERRAND_ID, LAST_INVITATION_ID, LAST_USER_ID};

/// Keys of the tree `meta`, beside those of the layout's version and of the commits.
pub(super) const STORE_ID: &str = "store_id";
/// When the store was made, in milliseconds; not there in stores of before.
pub(super) const MADE_AT: &str = "made_at";
/// There while an import is under way: what is in the store then is a part only.
pub(super) const IMPORTING: &str = "importing";
pub(super) const USERS_TOTAL: &str = "users_total";
pub(super) const ADMINISTRATORS: &str = "administrators";
/// Number and hash of the last entry of the audit trail.
pub(super) const AUDIT_HEAD: &str = "audit_head";
pub(super) const ADMINISTRATORS_ACTIVE: &str = "administrators_active";

/// Everything that is stored, named once.
macro_rules! trees {
    ($($(#[doc = $what:literal])+ $tree:ident,)+) => {
        /// Everything that is stored. A `Trees` for looking, a `Trees<TransactionalTree>` for changing.
        #[derive(Clone)]
        pub(super) struct Trees<T = Tree> {
            $($(#[doc = $what])+ pub(super) $tree: T,)+
        }

        /// So many trees.
        const TREES: usize = [$(stringify!($tree)),+].len();

        impl Trees {
            pub(super) fn open(db: &Db) -> sled::Result<Self> {
                Ok(Self { $($tree: db.open_tree(stringify!($tree))?,)+ })
            }

            pub(super) fn all(&self) -> [&Tree; TREES] {
                [$(&self.$tree),+]
            }
        }

        impl Change {
            /// The trees in the order of [`Trees::all`].
            #[expect(clippy::indexing_slicing, reason = "a transaction hands out as many trees as it took")]
            fn over(trees: &[TransactionalTree]) -> Self {
                let [$($tree),+] = std::array::from_fn(|place| trees[place].clone());
                Self { $($tree),+ }
            }
        }
    };
}

trees! {
    /// Schema version, store id, counters.
    meta,
    /// User id → account.
    users,
    /// E-mail address → user id.
    emails,
    /// Session id → session.
    sessions,
    /// Expiry, session id → nothing.
    session_expiry,
    /// User id, session id → nothing.
    user_sessions,
    /// User id → networks from which the account is used.
    familiar,
    /// Kind, id → until when.
    revocations,
    /// Until when, kind, id → nothing.
    revocation_expiry,
    /// Hash of a token → ticket.
    tickets,
    /// Expiry, hash of a token → nothing.
    ticket_expiry,
    /// Invitation id → invitation.
    invitations,
    /// Errand id → errand.
    errands,
    /// When it is due, errand id → nothing: mails.
    errands_due,
    /// The same of what services behind are told: neither is searched for the other.
    announcements_due,
    /// Number → line of the audit trail.
    audit,
    /// User id, number → nothing.
    user_audit,
    /// Hour, word → how often.
    tallies,
}

/// A `Trees` inside of a transaction.
pub(super) type Change = Trees<TransactionalTree>;

/// Why a transaction's closure stops.
pub(super) enum Stop {
    /// Our own refusal: nothing is changed.
    Refused(StoreError),
    /// sled's: it fails, or runs the closure once more.
    Sled(UnabortableTransactionError),
}

impl From<StoreError> for Stop {
    fn from(refusal: StoreError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<UnabortableTransactionError> for Stop {
    fn from(fault: UnabortableTransactionError) -> Self {
        Self::Sled(fault)
    }
}

impl From<Stop> for ConflictableTransactionError<StoreError> {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => Self::Abort(refusal),
            Stop::Sled(fault) => fault.into(),
        }
    }
}

/// What the changing of trees failed with.
pub(super) type Fault = gateway_durable_sled::Fault<StoreError>;

impl Layout for Trees {
    type Error = StoreError;

    fn error(failure: Failure) -> StoreError {
        match failure {
            Failure::Full(why) => StoreError::Full(why),
            Failure::Unavailable(why) => StoreError::Unavailable(why),
            Failure::Corrupt(why) => StoreError::Corrupt(why),
        }
    }
}

impl Trees {
    /// Runs `work` as one transaction over all trees. sled may run it more than once: it must have
    /// no effect but on the trees.
    pub(super) fn transact<T>(&self, work: impl Fn(&Change) -> Result<T, Stop>) -> Result<T, Fault> {
        let applying = Cell::new(false);
        let outcome = caught(|| {
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

    pub(super) fn installation(&self) -> Result<InstallationId, StoreError> {
        let id = self.meta.get(STORE_ID).map_err(store_error)?;
        let id = id.and_then(|id| InstallationId::parse(std::str::from_utf8(&id).ok()?));
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

impl Change {
    pub(super) fn counter(&self, name: &str) -> Result<u64, Stop> {
        let value = self.meta.get(name)?;
        Ok(value.map_or(Ok(0), |value| codec::number(name, &value))?)
    }

    pub(super) fn set_counter(&self, name: &str, value: u64) -> Result<(), Stop> {
        self.meta.insert(name, &value.to_be_bytes()[..])?;
        Ok(())
    }
}

/// The record under `key`, decoded by `read`.
pub(super) fn found<T>(
    value: Result<Option<IVec>, UnabortableTransactionError>,
    read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<Option<T>, Stop> {
    Ok(value?.map(|value| read(&value)).transpose()?)
}

/// sled's error in our words. Nothing of sled's leaves this room.
pub(super) fn store_error(error: sled::Error) -> StoreError {
    <Trees as Layout>::error(error.into())
}
