//! Accounts from another system, with their own ids, times and hashes.

use super::SledStore;
use super::trees::{Change, LAST_USER_ID, Stop, Trees, store_error};
use gateway_store::{Account, Committed, StoreError, Taken, UnitOfWork, rules};

/// What stands in the way of an account, if anything does.
fn taken(trees: &Trees, account: &Account) -> Result<Option<Taken>, StoreError> {
    let is_taken = trees.emails.contains_key(account.email.as_str()).map_err(store_error)?;
    Ok(rules::taken(account, trees.counter(LAST_USER_ID)?, is_taken))
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
        work: UnitOfWork,
    ) -> Result<Committed<()>, StoreError> {
        rules::in_order(&mut accounts);
        self.write(move |trees| {
            trees.transact(|change| {
                accounts.iter().try_for_each(|account| admit(change, account))?;
                change.commit(rules::alone(&change.preconditions(&work)?)?, ())
            })
        })
        .await
    }
}

fn admit(change: &Change, account: &Account) -> Result<(), Stop> {
    let is_taken = change.emails.get(account.email.as_str())?.is_some();
    change.write(&rules::admit(account, change.counter(LAST_USER_ID)?, is_taken)?)
}
