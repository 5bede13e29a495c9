//! Accounts from another system, with their own ids, times and hashes.

use super::trees::{Change, Fault, LAST_USER_ID, Stop, Trees, stop, store_error};
use super::{SledStore, codec};
use crate::clock::Timestamp;
use crate::identity::{Email, Generation, Role, UserId};
use crate::store::{StoreError, StoredHash, User};

/// Records in one transaction: sled holds a transaction in memory until it is complete.
const TRANSACTION_RECORDS: usize = 512;

/// An account as it is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The one that it had; a new one where there is none.
    pub id: Option<UserId>,
    pub email: Email,
    pub password_hash: StoredHash,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub is_active: bool,
    pub created_at: Timestamp,
}

/// What stands in an account's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Email,
    /// Ids are never given twice, not even those of accounts that are gone; this was the last one.
    Id(u64),
}

impl SledStore {
    /// What stands in the way of this account, if anything does.
    pub fn taken(&self, account: &Account) -> Result<Option<Taken>, StoreError> {
        self.read(|trees| {
            if trees.emails.contains_key(account.email.as_str()).map_err(store_error)? {
                return Ok(Some(Taken::Email));
            }
            let last = trees.counter(LAST_USER_ID)?;
            Ok(account.id.filter(|id| id.get() <= last).map(|_| Taken::Id(last)))
        })
    }

    /// Adds accounts for which nothing is taken, those with an id of their own first, and tells how
    /// many are on the disk. All are on return; on an error some may be. Blocks.
    pub fn add_accounts(
        &self,
        mut accounts: Vec<Account>,
        mut on_added: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        // In the order of ids, so that the rest can be added after an interruption.
        accounts.sort_by_key(|account| account.id.map_or(u64::MAX, UserId::get));
        let mut added = 0;
        for some in accounts.chunks(TRANSACTION_RECORDS) {
            let some = some.to_vec();
            added += some.len();
            self.0.writer.write_blocking(move |trees| add(trees, &some))?;
            on_added(added);
        }
        Ok(())
    }
}

fn add(trees: &Trees, accounts: &[Account]) -> Result<(), Fault> {
    trees.transact(|change| accounts.iter().try_for_each(|account| add_one(change, account)))
}

fn add_one(change: &Change, account: &Account) -> Result<(), Stop> {
    let last = change.counter(LAST_USER_ID)?;
    let id = account.id.map_or(last + 1, UserId::get);
    if id <= last || change.emails.get(account.email.as_str())?.is_some() {
        return Err(stop(StoreError::Conflict));
    }
    change.set_counter(LAST_USER_ID, id)?;
    change.add_user(&User {
        id: UserId::new(id).ok_or_else(|| stop(codec::damaged("the counter of user ids")))?,
        email: account.email.clone(),
        password_hash: account.password_hash.clone(),
        first_name: account.first_name.clone(),
        last_name: account.last_name.clone(),
        role: account.role,
        is_active: account.is_active,
        generation: Generation::default(),
        created_at: account.created_at,
        email_verified: false,
        password_version: 0,
    })
}
