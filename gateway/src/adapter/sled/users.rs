//! Accounts: by id, with an index by e-mail address and counters that change with them.

use async_trait::async_trait;

use super::ending::Ending;
use super::tickets::tickets_of;
use super::trees::{
    ADMINISTRATORS, ADMINISTRATORS_ACTIVE, Change, Fault, LAST_USER_ID, Stop, Trees, USERS_TOTAL, found,
    stop, store_error,
};
use super::{SledStore, codec};
use crate::clock::Timestamp;
use crate::identity::{Email, Generation, Role, UserId};
use crate::store::{
    Account, Along, Amended, Amendment, Closing, Errand, NewUser, PasswordChange, Revocation, StoreError,
    StoredHash, Taken, User, UserCounts, UserPage, Users,
};

#[async_trait]
impl Users for SledStore {
    async fn create(&self, new: NewUser, along: Along) -> Result<User, StoreError> {
        self.write(move |trees| trees.transact(|change| create(change, &new, &along))).await
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
        along: Along,
    ) -> Result<Option<Amended>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                let amended = amend(change, id, &amendment, revoked_until)?;
                if let Some(Amended { user, is_changed, .. }) = &amended
                    && (*is_changed || along.redeem.is_some())
                {
                    // As it is now, and not as it was when somebody looked.
                    let mut along = along.clone();
                    let unsaid = along.audit.iter_mut().filter(|entry| entry.now.is_none());
                    let changed = unsaid.filter(|entry| entry.event == ACCOUNT_CHANGED);
                    changed.for_each(|entry| entry.now = Some(user.standing()));
                    change.put_along(&along)?;
                }
                Ok(amended)
            })
        })
        .await
    }

    async fn set_password(
        &self,
        change: PasswordChange,
        along: Along,
    ) -> Result<Option<(User, Vec<Revocation>)>, StoreError> {
        let (user, until) = (change.user, change.revoked_until);
        let closing = change.keep.map_or(Closing::All, Closing::AllBut);
        let set = self.write(move |trees| set_password(trees, &change, closing, &along)).await?;
        match set {
            Some((owner, revoked, false)) => {
                let revoked = self.close_rest(user, closing, until, revoked).await?;
                Ok(Some((owner, revoked)))
            }
            set => Ok(set.map(|(owner, revoked, _)| (owner, revoked))),
        }
    }

    async fn delete(
        &self,
        id: UserId,
        revoked_until: Timestamp,
        along: Along,
    ) -> Result<Option<(User, Revocation)>, StoreError> {
        let deleted = self.write(move |trees| delete(trees, id, revoked_until, &along)).await?;
        if let Some((_, _, false)) = &deleted {
            // The account is gone, and its tokens must be refused at once: the rest is nobody's.
            let rest = self.close_rest(id, Closing::All, revoked_until, Vec::new()).await;
            rest.inspect_err(
                |fault| tracing::error!(error = %fault, "sessions of a deleted account stay until they end"),
            )
            .ok();
        }
        Ok(deleted.map(|(user, revoked, _)| (user, revoked)))
    }

    async fn taken(&self, accounts: Vec<Account>) -> Result<Vec<Option<Taken>>, StoreError> {
        self.what_is_taken(accounts).await
    }

    async fn import(&self, accounts: Vec<Account>, along: Along) -> Result<(), StoreError> {
        self.add_accounts(accounts, along).await
    }

    async fn count(&self, since: Timestamp, until: Timestamp) -> Result<UserCounts, StoreError> {
        self.scan(move |trees| {
            let mut counts = UserCounts::default();
            for value in trees.users.iter().values() {
                let user: User = codec::decode("an account", &value.map_err(store_error)?)?;
                counts.total += 1;
                counts.active += u64::from(user.is_active);
                counts.admins += u64::from(user.role == Role::Admin);
                counts.new += u64::from((since..=until).contains(&user.created_at));
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
                    change.put_user(&user)?;
                    Ok(true)
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

fn create(change: &Change, new: &NewUser, along: &Along) -> Result<User, Stop> {
    if change.emails.get(new.email.as_str())?.is_some() {
        return Err(stop(StoreError::Conflict));
    }
    let id = change.counter(LAST_USER_ID)? + 1;
    let user = User {
        id: UserId::new(id).ok_or_else(|| stop(codec::damaged("the counter of user ids")))?,
        email: new.email.clone(),
        password_hash: new.password_hash.clone(),
        first_name: new.first_name.clone(),
        last_name: new.last_name.clone(),
        role: new.role,
        is_active: true,
        generation: Generation::default(),
        created_at: new.created_at,
        email_verified: new.email_verified,
        password_version: 0,
    };
    change.set_counter(LAST_USER_ID, id)?;
    change.add_user(&user)?;
    // Whose id was not known before.
    let mut along = along.clone();
    along.audit.iter_mut().for_each(|entry| entry.user_id = entry.user_id.or(Some(user.id)));
    if new.ask_to_verify {
        along = along.errand(Errand::EmailVerification { user: user.id });
    }
    change.put_along(&along)?;
    Ok(user)
}

/// Whether all of the sessions that end were ended is told, too.
type Set = Option<(User, Vec<Revocation>, bool)>;

fn set_password(
    trees: &Trees,
    asked: &PasswordChange,
    closing: Closing,
    along: &Along,
) -> Result<Set, Fault> {
    let ending = Ending::of(trees, asked.user, closing)?;
    trees.transact(|change| {
        let user = change.user(asked.user)?;
        let Some(mut user) = user.filter(|user| user.password_version == asked.version) else {
            return Ok(None);
        };
        user.password_hash = asked.hash.clone();
        user.password_version += 1;
        user.email_verified |= asked.proves_email;
        change.put_user(&user)?;
        let revoked = ending.apply(change, asked.revoked_until)?.unwrap_or_default();
        change.familiarize(asked.user, asked.from.map(Into::into), along.now)?;
        change.put_along(along)?;
        // The generation may have been raised just now.
        let user = change.user(asked.user)?.unwrap_or(user);
        Ok(Some((user, revoked, ending.is_whole())))
    })
}

fn delete(
    trees: &Trees,
    id: UserId,
    revoked_until: Timestamp,
    along: &Along,
) -> Result<Option<(User, Revocation, bool)>, Fault> {
    let ending = Ending::of(trees, id, Closing::All)?;
    let email = user(trees, id)?.map(|user| user.email);
    let tickets = email.as_ref().map_or(Ok(Vec::new()), |email| tickets_of(trees, id, email))?;
    trees.transact(|change| {
        let Some(user) = change.user(id)? else { return Ok(None) };
        tickets.iter().try_for_each(|(key, ticket)| change.remove_ticket(key, ticket))?;
        change.count_administrator(&user, -1)?;
        if is_active_administrator(&user) && change.counter(ADMINISTRATORS_ACTIVE)? == 0 {
            return Err(stop(StoreError::LastAdministrator));
        }
        ending.apply(change, revoked_until)?;
        let revocation =
            Revocation::Generation { user: id, minimum: user.generation.next(), until: revoked_until };
        change.revoke(&revocation)?;
        change.users.remove(&codec::user_key(id)[..])?;
        change.emails.remove(user.email.as_str())?;
        change.count(USERS_TOTAL, -1)?;
        change.put_along(along)?;
        Ok(Some((user, revocation, ending.is_whole())))
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

/// What it is then, what that revokes, and whether anything changed.
fn amend(
    change: &Change,
    id: UserId,
    amendment: &Amendment,
    revoked_until: Timestamp,
) -> Result<Option<Amended>, Stop> {
    let Some(before) = change.user(id)? else {
        return Ok(None);
    };
    let mut user = before.clone();
    user.first_name = amendment.first_name.clone().unwrap_or(user.first_name);
    user.last_name = amendment.last_name.clone().unwrap_or(user.last_name);
    user.role = amendment.role.unwrap_or(user.role);
    user.is_active = amendment.is_active.unwrap_or(user.is_active);
    user.email_verified = amendment.email_verified.unwrap_or(user.email_verified);
    if user == before {
        return Ok(Some(Amended { user, is_changed: false, revoked: None }));
    }
    let standing_changed = (user.role, user.is_active) != (before.role, before.is_active);
    let revoked = standing_changed.then(|| {
        user.generation = user.generation.next();
        Revocation::Generation { user: id, minimum: user.generation, until: revoked_until }
    });
    change.count_administrator(&before, -1)?;
    change.count_administrator(&user, 1)?;
    if is_active_administrator(&before) && change.counter(ADMINISTRATORS_ACTIVE)? == 0 {
        return Err(stop(StoreError::LastAdministrator));
    }
    if let Some(revocation) = &revoked {
        change.revoke(revocation)?;
    }
    change.put_user(&user)?;
    Ok(Some(Amended { user, is_changed: true, revoked }))
}

/// The event whose entry says what the account is then.
const ACCOUNT_CHANGED: &str = "account_changed";

fn is_active_administrator(user: &User) -> bool {
    user.role == Role::Admin && user.is_active
}

impl Change {
    pub(super) fn user(&self, id: UserId) -> Result<Option<User>, Stop> {
        found(self.users.get(codec::user_key(id)), |value| codec::decode("an account", value))
    }

    pub(super) fn put_user(&self, user: &User) -> Result<(), Stop> {
        let key = codec::user_key(user.id);
        self.users.insert(&key[..], codec::encode(user).map_err(stop)?)?;
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

    fn count_administrator(&self, user: &User, by: i64) -> Result<(), Stop> {
        if user.role == Role::Admin {
            self.count(ADMINISTRATORS, by)?;
        }
        if is_active_administrator(user) {
            self.count(ADMINISTRATORS_ACTIVE, by)?;
        }
        Ok(())
    }

    fn count(&self, name: &str, by: i64) -> Result<(), Stop> {
        let count = self.counter(name)?.checked_add_signed(by);
        self.set_counter(name, count.ok_or_else(|| stop(codec::damaged(name)))?)
    }
}
