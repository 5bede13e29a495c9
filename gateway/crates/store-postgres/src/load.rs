//! Records as they are read, and what a rule needs to know. Whatever a change decides by is locked first.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::{Stop, damaged};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_identity::UserId;
use gateway_store::rules::{self, LoadedPreconditions};
use gateway_store::{Invitation, KnownNetwork, StoreError, Ticket, TicketKey, UnitOfWork, User};

/// A column of a row.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, place: usize) -> Result<T, StoreError> {
    row.try_get(place).map_err(|fault| StoreError::Corrupt(format!("a column cannot be read: {fault}")))
}

/// The record in a row's only column. `what` names it in the error, never its content.
pub(crate) fn record<T: DeserializeOwned>(what: &str, row: &Row) -> Result<T, StoreError> {
    decode(what, column(row, 0)?)
}

pub(crate) fn decode<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|cause| StoreError::Corrupt(format!("{what} cannot be read: {cause}")))
}

pub(crate) fn encode(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record)
        .map_err(|cause| StoreError::Corrupt(format!("a record cannot be written: {cause}")))
}

/// A number that is to be kept: the database's have a sign, and the highest stands for all beyond it.
pub(crate) fn signed(number: u64) -> Result<i64, StoreError> {
    let kept = bounded(number);
    let is_kept = kept < i64::MAX;
    is_kept
        .then_some(kept)
        .ok_or_else(|| StoreError::Corrupt(format!("{number} is beyond what the database can hold")))
}

/// A number that is looked for.
pub(crate) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged(what))
}

/// The key of an account that is looked for; none has the highest.
pub(crate) fn user_key(id: UserId) -> i64 {
    bounded(id.get())
}

/// A moment; those after the year 292 million are that one.
pub(crate) fn millis(at: Timestamp) -> i64 {
    bounded(at.millis())
}

pub(crate) fn timestamp(millis: i64) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_millis(unsigned(millis, "a time")?))
}

pub(crate) const USER: &str = "SELECT record FROM gateway.users WHERE id = $1 FOR NO KEY UPDATE";

pub(crate) const FAMILIAR: &str = "SELECT networks FROM gateway.familiar WHERE user_id = $1";

impl Transaction {
    /// A number, and with it the right to change what depends on it.
    pub(crate) async fn counter(&self, name: &str) -> Result<u64, Stop> {
        let sql = "SELECT value FROM gateway.counters WHERE name = $1 FOR UPDATE";
        let row = self.row(sql, &[&name]).await?.ok_or_else(|| damaged("a counter"))?;
        Ok(unsigned(column(&row, 0)?, "a counter")?)
    }

    /// The accounts, to oneself: nobody else is added, removed or made an administrator meanwhile. Answers
    /// the last id that was given.
    pub(crate) async fn lock_accounts(&self) -> Result<u64, Stop> {
        self.counter("last_user_id").await
    }

    /// An account, to oneself.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<User>, Stop> {
        let row = self.row(USER, &[&user_key(id)]).await?;
        Ok(row.map(|row| record("an account", &row)).transpose()?)
    }

    pub(crate) async fn familiar_of(&self, user: UserId) -> Result<Vec<KnownNetwork>, Stop> {
        networks(self.row(FAMILIAR, &[&user_key(user)]).await?)
    }

    pub(crate) async fn active_administrators(&self) -> Result<u64, Stop> {
        let sql = "SELECT count(*) FROM gateway.users WHERE is_admin AND is_active";
        let row = self.row(sql, &[]).await?.ok_or_else(|| damaged("a count"))?;
        Ok(unsigned(column(&row, 0)?, "a count")?)
    }

    async fn ticket(&self, key: TicketKey) -> Result<Option<Ticket>, Stop> {
        let sql = "SELECT record FROM gateway.tickets WHERE key = $1 FOR UPDATE";
        let row = self.row(sql, &[&key.as_bytes().as_slice()]).await?;
        Ok(row.map(|row| record("a ticket", &row)).transpose()?)
    }

    pub(crate) async fn invitation(&self, id: u64) -> Result<Option<Invitation>, Stop> {
        let sql = "SELECT record FROM gateway.invitations WHERE id = $1 FOR UPDATE";
        let row = self.row(sql, &[&bounded(id)]).await?;
        Ok(row.map(|row| record("an invitation", &row)).transpose()?)
    }

    /// A unit of work, and what that rests on.
    pub(crate) async fn preconditions<'a>(
        &self,
        work: &'a UnitOfWork,
    ) -> Result<LoadedPreconditions<'a>, Stop> {
        let account = match rules::account(work) {
            Some(seen) => self.user(seen.user).await?,
            None => None,
        };
        let ticket = match rules::ticket(work) {
            Some(key) => self.ticket(key).await?,
            None => None,
        };
        let invitation = match ticket.as_ref().and_then(Ticket::invitation) {
            Some(id) => self.invitation(id).await?,
            None => None,
        };
        let inviter = match invitation.as_ref().and_then(|invitation| invitation.invited_by) {
            Some(id) => self.user(id).await?,
            None => None,
        };
        Ok(LoadedPreconditions { work, account, ticket, invitation, inviter })
    }
}

pub(crate) fn networks(row: Option<Row>) -> Result<Vec<KnownNetwork>, Stop> {
    Ok(row.map_or(Ok(Vec::new()), |row| record("the networks of an account", &row))?)
}
