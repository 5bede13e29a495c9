//! Accounts from another system, with their own ids, times and hashes.

use super::trees::{Change, LAST_USER_ID, Stop, Trees, stop, store_error};
use super::{SledStore, codec};
use crate::identity::{Generation, UserId};
use crate::store::{Account, Along, StoreError, Taken, User};

/// What stands in the way of an account, if anything does.
fn taken(trees: &Trees, account: &Account) -> Result<Option<Taken>, StoreError> {
    if trees.emails.contains_key(account.email.as_str()).map_err(store_error)? {
        return Ok(Some(Taken::Email));
    }
    let last = trees.counter(LAST_USER_ID)?;
    Ok(account.id.filter(|id| id.get() <= last).map(|_| Taken::Id(last)))
}

impl SledStore {
    pub(super) async fn what_is_taken(
        &self,
        accounts: Vec<Account>,
    ) -> Result<Vec<Option<Taken>>, StoreError> {
        self.scan(move |trees| accounts.iter().map(|account| taken(trees, account)).collect()).await
    }

    /// One transaction: a batch is there whole or not at all.
    pub(super) async fn add_accounts(
        &self,
        mut accounts: Vec<Account>,
        along: Along,
    ) -> Result<(), StoreError> {
        // Those with an id of their own first, in the order of ids.
        accounts.sort_by_key(|account| account.id.map_or(u64::MAX, UserId::get));
        self.write(move |trees| {
            trees.transact(|change| {
                accounts.iter().try_for_each(|account| add_one(change, account))?;
                change.put_along(&along)
            })
        })
        .await
    }
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
        email_verified: account.email_verified,
        password_version: 0,
    })
}
