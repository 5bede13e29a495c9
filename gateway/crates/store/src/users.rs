//! The port for accounts.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Committed, Revocation, StoreError, UnitOfWork};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, Role, SessionId, UserId};

/// A password hash as a PHC string. It never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHash(pub String);

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash(…)")
    }
}

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub password_hash: StoredHash,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub is_active: bool,
    /// Access tokens with a lower `gen` are refused.
    pub generation: Generation,
    pub created_at: Timestamp,
    /// Whether somebody proved that mails to the address arrive.
    #[serde(default)]
    pub email_verified: bool,
    /// Raised when the password is changed or set: what was granted for an earlier one is void.
    #[serde(default)]
    pub password_version: u64,
}

impl User {
    /// Role and activity, in words of ours.
    pub fn standing(&self) -> String {
        let activity = if self.is_active { "active" } else { "inactive" };
        format!("{}, {activity}", self.role)
    }
}

/// What a registration brings; the store gives it an id.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: Email,
    pub password_hash: StoredHash,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub email_verified: bool,
    /// Whether a mail is to ask for a proof of the address.
    pub ask_to_verify: bool,
}

/// What to change in an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    pub email_verified: Option<bool>,
}

/// An account after an amendment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    pub user: User,
    /// Whether anything is another than before.
    pub is_changed: bool,
    pub revoked: Option<Revocation>,
}

/// A new password for an account.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    pub user: UserId,
    /// Only if the password still is of this version.
    pub version: u64,
    pub hash: StoredHash,
    /// The session that goes on; all others end.
    pub keep: Option<SessionId>,
    /// From where its owner chose it: that address stays familiar, and that of the session that goes on;
    /// all others are forgotten.
    pub from: Option<IpAddr>,
    /// Whether it also proves the address, as a mailed token does.
    pub proves_email: bool,
    pub revoked_until: Timestamp,
}

/// An account from another system, with its own id, time and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub email_verified: bool,
}

/// What stands in an account's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    Email,
    /// Ids are never given twice, not even those of accounts that are gone; this was the last one.
    Id(u64),
    /// The gateway that runs does not take hashes that were made like that.
    Method(String),
}

/// One page of accounts in the order of their ids.
#[derive(Clone, Debug)]
pub struct UserPage {
    pub users: Vec<User>,
    pub total: u64,
}

/// Accounts. Every method that changes something returns once the change is durable, and what it is
/// recorded by with it.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account under a fresh id; ids are never reused.
    ///
    /// `StoreError::Conflict` when the address has an account: of parallel calls with one address,
    /// exactly one succeeds.
    async fn create(&self, new: NewUser, work: UnitOfWork) -> Result<Committed<User>, StoreError>;

    async fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError>;

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;

    /// The accounts from `offset` (0 = the first), at most `limit`, and how many there are in all.
    async fn page(&self, offset: u64, limit: u64) -> Result<UserPage, StoreError>;

    /// Changes an account; `None` when there is no such user.
    ///
    /// When `role` or `is_active` really change, the generation is raised and
    /// `Revocation::Generation` (living until `revoked_until`) is recorded in the same transaction,
    /// and returned, so that tokens already issued are refused whatever happens next.
    /// Deactivation also ends the grace of the user's sessions, for good: the caller need not do more.
    /// `StoreError::LastAdministrator` when no active administrator would be left.
    async fn amend(
        &self,
        id: UserId,
        amendment: Amendment,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<Amended>>, StoreError>;

    /// Replaces the password and ends sessions, as it says; its owner is told where it was chosen from
    /// somewhere. `None` when there is no such user, or the password was changed meanwhile.
    async fn set_password(
        &self,
        change: PasswordChange,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError>;

    /// Removes an account and what belongs to it, and refuses its tokens until `revoked_until`; its owner
    /// and services behind are told. Its id is never given again. `None` when there is no such user.
    /// `StoreError::LastAdministrator` when no active administrator would be left.
    async fn delete(
        &self,
        id: UserId,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError>;

    /// Replaces the password hash if it still is `old`; answers whether it was.
    async fn rehash(&self, id: UserId, old: &StoredHash, new: StoredHash) -> Result<bool, StoreError>;

    /// Whether any account, active or not, has the administrator's role.
    async fn has_administrator(&self) -> Result<bool, StoreError>;

    /// What stands in the way of each of these accounts.
    async fn taken(&self, accounts: Vec<Account>) -> Result<Vec<Option<Taken>>, StoreError>;

    /// Adds accounts for which nothing is taken, all of them or none, those with an id of their own
    /// first.
    async fn import(&self, accounts: Vec<Account>, work: UnitOfWork) -> Result<Committed<()>, StoreError>;

    /// How many there are, by what they are.
    async fn count(&self, since: Timestamp, until: Timestamp) -> Result<UserCounts, StoreError>;
}

/// Accounts, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    pub total: u64,
    pub active: u64,
    pub admins: u64,
    /// Made in the time that was asked about.
    pub new: u64,
}

impl UserCounts {
    /// Counts one more; `time` is what was asked about.
    pub fn add(&mut self, user: &User, time: RangeInclusive<Timestamp>) {
        self.total += 1;
        self.active += u64::from(user.is_active);
        self.admins += u64::from(user.is_administrator());
        self.new += u64::from(time.contains(&user.created_at));
    }
}
