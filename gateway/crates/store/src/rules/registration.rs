//! How an account begins: by a registration, or from another system with its own id, time and hash.

use super::{AccountWrite, LoadedPreconditions, Writes, mail};
use crate::{Account, NewUser, StoreError, Taken, UnitOfWork, User};
use gateway_identity::{Generation, UserId};

/// `last` is the last id that was given, and `is_taken` whether the address has an account.
pub fn create(
    new: &NewUser,
    last: u64,
    is_taken: bool,
    preconditions: &LoadedPreconditions,
) -> Result<(User, Writes), StoreError> {
    if is_taken {
        return Err(StoreError::Conflict);
    }
    let user = User {
        id: user_id(last + 1)?,
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
    let accounts = vec![AccountWrite::Added(user.clone())];
    let mut work =
        mail::registered(new, user.id).into_iter().fold(preconditions.work.clone(), UnitOfWork::sending);
    // An account whose id was not known before.
    work.cause_mut().entry_mut().user_id.get_or_insert(user.id);
    let writes = preconditions.accompany(work, Writes { accounts, ..Writes::default() })?;
    Ok((user, writes))
}

/// Those with an id of their own come first, in the order of ids.
pub fn in_order(accounts: &mut [Account]) {
    accounts.sort_by_key(|account| account.id.map_or(u64::MAX, UserId::get));
}

/// An account from elsewhere; each after the one before, by which `last` is raised.
pub fn admit(account: &Account, last: u64, is_taken: bool) -> Result<Writes, StoreError> {
    if taken(account, last, is_taken).is_some() {
        return Err(StoreError::Conflict);
    }
    let user = User {
        id: account.id.map_or_else(|| user_id(last + 1), Ok)?,
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
    };
    Ok(Writes { accounts: vec![AccountWrite::Added(user)], ..Writes::default() })
}

/// What stands in the way of an account from elsewhere. Ids are never given twice.
pub fn taken(account: &Account, last: u64, is_taken: bool) -> Option<Taken> {
    let of_id = account.id.filter(|id| id.get() <= last).map(|_| Taken::Id(last));
    if is_taken { Some(Taken::Email) } else { of_id }
}

fn user_id(id: u64) -> Result<UserId, StoreError> {
    UserId::new(id).ok_or_else(|| StoreError::Corrupt("the counter of user ids cannot be read".to_owned()))
}
