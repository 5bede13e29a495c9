//! Accounts: by id, with their address, and counters that change with them.

use async_trait::async_trait;

use super::PostgresStore;
use super::fault::{Stop, damaged};
use super::load::{bounded, column, millis, record, unsigned, user_key};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_identity::{Email, SessionId, UserId};
use gateway_store::rules::{self, Leaving, Writes};
use gateway_store::{
    Account, Amended, Amendment, Committed, NewUser, PasswordChange, SessionScope, StoreError, StoredHash,
    Taken, TicketKey, UnitOfWork, User, UserCounts, UserPage, Users,
};

#[async_trait]
impl Users for PostgresStore {
    async fn create(&self, new: NewUser, work: UnitOfWork) -> Result<Committed<User>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let last = transaction.lock_accounts().await?;
            let is_taken = !transaction.taken(&[new.email.as_str()]).await?.is_empty();
            let preconditions = transaction.preconditions(&work).await?;
            let (user, writes) = rules::create(&new, last, is_taken, &preconditions)?;
            transaction.commit_with(writes, user).await
        })
        .await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT record FROM gateway.users WHERE id = $1";
        let rows = self.read(sql, &[&user_key(id)]).await?;
        rows.first().map(|row| record("an account", row)).transpose()
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let sql = "SELECT record FROM gateway.users WHERE email = $1";
        let rows = self.read(sql, &[&email.as_str()]).await?;
        rows.first().map(|row| record("an account", row)).transpose()
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<UserPage, StoreError> {
        let counters = self.read(COUNTERS, &[]).await?;
        let counters = counters.first().ok_or_else(|| damaged("a counter"))?;
        let (total, last): (i64, i64) = (column(counters, 0)?, column(counters, 1)?);
        let (offset, limit) = (bounded(offset), bounded(limit));
        // Ids are given in turn, so that the account in the n-th place has the id n, until one is removed
        // or an import brings some with gaps. Only then are those before it counted.
        let (first, skipped) = if total == last { (offset, 0) } else { (0, offset) };
        let sql = "SELECT record FROM gateway.users WHERE id > $1 ORDER BY id LIMIT $2 OFFSET $3";
        let rows = self.read(sql, &[&first, &limit, &skipped]).await?;
        let users = rows.iter().map(|row| record("an account", row)).collect::<Result<_, _>>()?;
        Ok(UserPage { users, total: unsigned(total, "a counter")? })
    }

    async fn amend(
        &self,
        id: UserId,
        amendment: Amendment,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<Amended>>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            transaction.lock_accounts().await?;
            let Some(before) = transaction.user(id).await? else {
                return Ok(Committed::unchanged(None, Vec::new()));
            };
            let active = transaction.active_administrators().await?;
            let preconditions = transaction.preconditions(&work).await?;
            let (amended, writes) = rules::amend(before, &amendment, active, revoked_until, &preconditions)?;
            transaction.commit_with(writes, Some(amended)).await
        })
        .await
    }

    async fn set_password(
        &self,
        change: PasswordChange,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let nothing = || Ok(Committed::unchanged(None, Vec::new()));
            let Some(user) = transaction.user(change.user).await? else { return nothing() };
            let ended = transaction.ending(change.user, change.closing()).await?;
            let leaving = transaction.leaving(user, change.closing(), &ended).await?;
            let preconditions = transaction.preconditions(&work).await?;
            let Some((user, writes)) = rules::set_password(leaving, &change, &preconditions)? else {
                return nothing();
            };
            transaction.commit_with(writes, Some(user)).await
        })
        .await
    }

    async fn delete(
        &self,
        id: UserId,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<Option<User>>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            transaction.lock_accounts().await?;
            let Some(user) = transaction.user(id).await? else {
                return Ok(Committed::unchanged(None, Vec::new()));
            };
            let active = transaction.active_administrators().await?;
            let tickets = transaction.tickets_of(&user).await?;
            let ended = transaction.ending(id, SessionScope::All).await?;
            let leaving = transaction.leaving(user, SessionScope::All, &ended).await?;
            let preconditions = transaction.preconditions(&work).await?;
            let (user, writes) = rules::delete(leaving, active, &tickets, revoked_until, &preconditions)?;
            transaction.commit_with(writes, Some(user)).await
        })
        .await
    }

    async fn rehash(&self, id: UserId, old: &StoredHash, new: StoredHash) -> Result<bool, StoreError> {
        let old = old.clone();
        self.transact(async move |transaction: &Transaction| {
            let Some(mut user) = transaction.user(id).await?.filter(|user| user.password_hash == old) else {
                return Ok(false);
            };
            user.password_hash = new.clone();
            let record = super::load::encode(&user)?;
            let sql = "UPDATE gateway.users SET record = $2 WHERE id = $1";
            transaction.execute(sql, &[&user_key(id), &record]).await?;
            Ok(true)
        })
        .await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        let rows = self.read("SELECT EXISTS (SELECT FROM gateway.users WHERE is_admin)", &[]).await?;
        column(rows.first().ok_or_else(|| damaged("a count"))?, 0)
    }

    async fn taken(&self, accounts: Vec<Account>) -> Result<Vec<Option<Taken>>, StoreError> {
        let emails: Vec<_> = accounts.iter().map(|account| account.email.as_str()).collect();
        let rows = self.read(TAKEN, &[&emails]).await?;
        let found = rows.iter().map(|row| column(row, 0)).collect::<Result<Vec<String>, _>>()?;
        let counters = self.read(COUNTERS, &[]).await?;
        let last = column(counters.first().ok_or_else(|| damaged("a counter"))?, 1)?;
        let last = unsigned(last, "a counter")?;
        let is_taken = |account: &Account| found.iter().any(|email| email == account.email.as_str());
        Ok(accounts.iter().map(|account| rules::taken(account, last, is_taken(account))).collect())
    }

    async fn import(
        &self,
        mut accounts: Vec<Account>,
        work: UnitOfWork,
    ) -> Result<Committed<()>, StoreError> {
        rules::in_order(&mut accounts);
        self.transact(async move |transaction: &Transaction| {
            let mut last = transaction.lock_accounts().await?;
            let emails: Vec<_> = accounts.iter().map(|account| account.email.as_str()).collect();
            let mut taken: std::collections::HashSet<_> =
                transaction.taken(&emails).await?.into_iter().collect();
            let mut added = Writes::default();
            for account in &accounts {
                let is_taken = !taken.insert(account.email.as_str().to_owned());
                let admitted = rules::admit(account, last, is_taken)?;
                last = account.id.map_or(last + 1, UserId::get);
                added.accounts.extend(admitted.accounts);
            }
            transaction.write(&added).await?;
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::alone(&preconditions)?, ()).await
        })
        .await
    }

    async fn count(&self, since: Timestamp, until: Timestamp) -> Result<UserCounts, StoreError> {
        let sql = "SELECT count(*), count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE is_admin), \
                   count(*) FILTER (WHERE created_at BETWEEN $1 AND $2) FROM gateway.users";
        let rows = self.read(sql, &[&millis(since), &millis(until)]).await?;
        let row = rows.first().ok_or_else(|| damaged("a count"))?;
        let number = |place| unsigned(column(row, place)?, "a count");
        Ok(UserCounts { total: number(0)?, active: number(1)?, admins: number(2)?, new: number(3)? })
    }
}

const TAKEN: &str = "SELECT email FROM gateway.users WHERE email = ANY($1)";

const COUNTERS: &str = "SELECT (SELECT value FROM gateway.counters WHERE name = 'users_total'), \
                        (SELECT value FROM gateway.counters WHERE name = 'last_user_id')";

impl Transaction {
    /// Which of these addresses have an account.
    async fn taken(&self, emails: &[&str]) -> Result<Vec<String>, Stop> {
        let rows = self.rows(TAKEN, &[&emails]).await?;
        Ok(rows.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?)
    }

    /// The sessions of a user that are to end, to oneself.
    pub(crate) async fn ending(&self, user: UserId, scope: SessionScope) -> Result<Vec<SessionId>, Stop> {
        let sql = "SELECT id FROM gateway.sessions WHERE user_id = $1 ORDER BY id FOR UPDATE";
        let rows = self.rows(sql, &[&user_key(user)]).await?;
        let mut ending = Vec::new();
        for row in &rows {
            let id: &[u8] = column(row, 0)?;
            let id = SessionId::from_bytes(id.try_into().map_err(|_| damaged("the id of a session"))?);
            ending.extend(Some(id).filter(|id| scope.ends(*id)));
        }
        Ok(ending)
    }

    pub(crate) async fn leaving<'a>(
        &self,
        user: User,
        scope: SessionScope,
        sessions: &'a [SessionId],
    ) -> Result<Leaving<'a>, Stop> {
        let stays = match scope {
            SessionScope::All => None,
            SessionScope::AllBut(session) => self.session(session).await?,
        };
        let familiar = self.familiar_of(user.id).await?;
        Ok(Leaving { user, sessions, stays, familiar })
    }

    /// What goes with an account. There are few tickets: each ends after some days.
    async fn tickets_of(&self, user: &User) -> Result<Vec<TicketKey>, Stop> {
        let rows = self.rows("SELECT record, key FROM gateway.tickets ORDER BY key", &[]).await?;
        let mut found = Vec::new();
        for row in &rows {
            if rules::goes_with(&record("a ticket", row)?, user) {
                let key: &[u8] = column(row, 1)?;
                let key = key.try_into().map_err(|_| damaged("the key of a ticket"))?;
                found.push(TicketKey::from_bytes(key));
            }
        }
        Ok(found)
    }
}
