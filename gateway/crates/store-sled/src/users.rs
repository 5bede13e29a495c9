//! Accounts: by id, with an index by e-mail address and counters that change with them.

use async_trait::async_trait;

use super::ending::SessionTermination;
use super::tickets::tickets_of;
use super::trees::{
    ADMINISTRATORS, ADMINISTRATORS_ACTIVE, Change, Fault, LAST_USER_ID, Stop, Trees, USERS_TOTAL, found,
    store_error,
};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_identity::{Email, UserId};
use gateway_store::{
    Account, Amended, Amendment, Committed, NewUser, PasswordChange, SessionScope, StoreError, StoredHash,
    Taken, UnitOfWork, User, UserCounts, UserPage, Users, rules,
};

#[async_trait]
impl Users for SledStore {
    async fn create(&self, new: NewUser, work: UnitOfWork) -> Result<Committed<User>, StoreError> {
        self.write(move |trees| trees.transact(|change| create(change, &new, &work))).await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|trees| user(trees, id))
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.read(|trees| {
            let id = trees.emails.get(email.as_str()).map_err(store_error)?;
            let Some(id) = id else { return Ok(None) };
            // An index entry and its account are written and kept together.
            let user = user(trees, codec::user_id(&id)?)?;
            user.map(Some).ok_or_else(|| codec::damaged("an account"))
        })
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<UserPage, StoreError> {
        self.scan(move |trees| page(trees, offset, limit)).await
    }

    async fn amend(
        &self,
        id: UserId,
        amendment: Amendment,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<Amended>>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                let Some(before) = change.user(id)? else {
                    return Ok(Committed::unchanged(None, Vec::new()));
                };
                let active = change.counter(ADMINISTRATORS_ACTIVE)?;
                let preconditions = change.preconditions(&work)?;
                let (amended, writes) =
                    rules::amend(before, &amendment, active, revoked_until, &preconditions)?;
                change.commit(writes, Some(amended))
            })
        })
        .await
    }

    async fn set_password(
        &self,
        change: PasswordChange,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError> {
        let (user, until) = (change.user, change.revoked_until);
        let closing = change.closing();
        let (set, is_whole) = self.write(move |trees| set_password(trees, &change, &work)).await?;
        Ok(self.with_rest(set, (!is_whole).then_some((user, closing, until))).await)
    }

    async fn delete(
        &self,
        id: UserId,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError> {
        let (deleted, is_whole) = self.write(move |trees| delete(trees, id, revoked_until, &work)).await?;
        let mut revoked = Vec::new();
        if !is_whole {
            // The account is gone, and its tokens must be refused at once: the rest is nobody's.
            let rest = self.close_rest(id, SessionScope::All, revoked_until, &mut revoked).await;
            rest.inspect_err(
                |fault| tracing::error!(error = %fault, "sessions of a deleted account stay until they end"),
            )
            .ok();
        }
        Ok(deleted.revoking(revoked))
    }

    async fn taken(&self, accounts: Vec<Account>) -> Result<Vec<Option<Taken>>, StoreError> {
        self.what_is_taken(accounts).await
    }

    async fn import(&self, accounts: Vec<Account>, work: UnitOfWork) -> Result<Committed<()>, StoreError> {
        self.add_accounts(accounts, work).await
    }

    async fn count(&self, since: Timestamp, until: Timestamp) -> Result<UserCounts, StoreError> {
        self.scan(move |trees| {
            let mut counts = UserCounts::default();
            for value in trees.users.iter().values() {
                let user: User = codec::decode("an account", &value.map_err(store_error)?)?;
                counts.add(&user, since..=until);
            }
            Ok(counts)
        })
        .await
    }

    async fn rehash(&self, id: UserId, old: &StoredHash, new: StoredHash) -> Result<bool, StoreError> {
        let old = old.clone();
        self.write(move |trees| {
            trees.transact(|change| match change.user(id)? {
                Some(mut user) if user.password_hash == old => {
                    user.password_hash = new.clone();
                    change.put_user(&user).map(|()| true)
                }
                _ => Ok(false),
            })
        })
        .await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.read(|trees| Ok(trees.counter(ADMINISTRATORS)? > 0))
    }
}

fn user(trees: &Trees, id: UserId) -> Result<Option<User>, StoreError> {
    let value = trees.users.get(codec::user_key(id)).map_err(store_error)?;
    value.map(|value| codec::decode("an account", &value)).transpose()
}

fn create(change: &Change, new: &NewUser, work: &UnitOfWork) -> Result<Committed<User>, Stop> {
    let is_taken = change.emails.get(new.email.as_str())?.is_some();
    let last = change.counter(LAST_USER_ID)?;
    let (user, writes) = rules::create(new, last, is_taken, &change.preconditions(work)?)?;
    change.commit(writes, user)
}

/// Whether all of the sessions that end were ended is told, too.
type Ended = (Committed<Option<User>>, bool);

fn set_password(trees: &Trees, asked: &PasswordChange, work: &UnitOfWork) -> Result<Ended, Fault> {
    let ending = SessionTermination::load(trees, asked.user, asked.closing())?;
    trees.transact(|change| {
        let nothing = || Ok((Committed::unchanged(None, Vec::new()), true));
        let Some(leaving) = ending.leaving(change)? else { return nothing() };
        let set = rules::set_password(leaving, asked, &change.preconditions(work)?)?;
        let Some((user, writes)) = set else { return nothing() };
        Ok((change.commit(writes, Some(user))?, ending.is_whole()))
    })
}

fn delete(trees: &Trees, id: UserId, revoked_until: Timestamp, work: &UnitOfWork) -> Result<Ended, Fault> {
    let ending = SessionTermination::load(trees, id, SessionScope::All)?;
    let tickets = user(trees, id)?.map_or(Ok(Vec::new()), |user| tickets_of(trees, &user))?;
    trees.transact(|change| {
        let Some(leaving) = ending.leaving(change)? else {
            return Ok((Committed::unchanged(None, Vec::new()), true));
        };
        let active = change.counter(ADMINISTRATORS_ACTIVE)?;
        let preconditions = change.preconditions(work)?;
        let (user, writes) = rules::delete(leaving, active, &tickets, revoked_until, &preconditions)?;
        Ok((change.commit(writes, Some(user))?, ending.is_whole()))
    })
}

/// The accounts are read from the wanted one on; those before it are not even decoded.
fn page(trees: &Trees, offset: u64, limit: u64) -> Result<UserPage, StoreError> {
    let total = trees.counter(USERS_TOTAL)?;
    let place = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    // Ids are given in turn, so that the account in the n-th place has the id n, until one is removed
    // or an import brings a store with gaps.
    let without_gaps = total == trees.counter(LAST_USER_ID)?;
    let (first, skipped) = if without_gaps { (offset.saturating_add(1), 0) } else { (1, offset) };
    let entries = trees.users.range(first.to_be_bytes()..);
    let mut users = Vec::new();
    for entry in entries.skip(place(skipped)).take(place(limit)) {
        let (_, value) = entry.map_err(store_error)?;
        users.push(codec::decode("an account", &value)?);
    }
    Ok(UserPage { users, total })
}

impl Change {
    pub(super) fn user(&self, id: UserId) -> Result<Option<User>, Stop> {
        found(self.users.get(codec::user_key(id)), |value| codec::decode("an account", value))
    }

    fn put_user(&self, user: &User) -> Result<(), Stop> {
        let key = codec::user_key(user.id);
        self.users.insert(&key[..], codec::encode(user)?)?;
        Ok(())
    }

    /// Puts an account with its address, and counts it.
    pub(super) fn add_user(&self, user: &User) -> Result<(), Stop> {
        self.put_user(user)?;
        let key = codec::user_key(user.id);
        self.emails.insert(user.email.as_str().as_bytes(), &key[..])?;
        self.count(USERS_TOTAL, 1)?;
        self.count_administrator(user, 1)
    }

    pub(super) fn replace_user(&self, before: &User, after: &User) -> Result<(), Stop> {
        self.put_user(after)?;
        if (before.role, before.is_active) != (after.role, after.is_active) {
            self.count_administrator(before, -1)?;
            self.count_administrator(after, 1)?;
        }
        Ok(())
    }

    pub(super) fn remove_user(&self, user: &User) -> Result<(), Stop> {
        self.users.remove(&codec::user_key(user.id)[..])?;
        self.emails.remove(user.email.as_str())?;
        self.count(USERS_TOTAL, -1)?;
        self.count_administrator(user, -1)
    }

    fn count_administrator(&self, user: &User, by: i64) -> Result<(), Stop> {
        if user.is_administrator() {
            self.count(ADMINISTRATORS, by)?;
        }
        if user.is_active_administrator() {
            self.count(ADMINISTRATORS_ACTIVE, by)?;
        }
        Ok(())
    }

    fn count(&self, name: &str, by: i64) -> Result<(), Stop> {
        let count = self.counter(name)?.checked_add_signed(by);
        self.set_counter(name, count.ok_or_else(|| codec::damaged(name))?)
    }
}
