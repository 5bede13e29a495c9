//! Sessions: one row each. The rotation of refresh tokens is one transaction, which has the account and the
//! session to itself.

use async_trait::async_trait;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::fault::{Stop, damaged};
use super::load::{
    FAMILIAR, USER, bounded, column, decode, millis, networks, record, timestamp, unsigned, user_key,
};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_identity::{Email, Network, SessionId, UserId};
use gateway_store::rules::{self, Opening, RefreshState};
use gateway_store::{
    Committed, KnownNetwork, Revocation, Rotation, RotationRequest, Session, SessionLimit, SessionScope,
    Sessions, StoreError, UnitOfWork,
};

/// Rows that one statement of a sweep removes at most.
pub(crate) const SWEEP_MAX: i64 = 1_000;

#[async_trait]
impl Sessions for PostgresStore {
    async fn open(
        &self,
        session: Session,
        room: SessionLimit,
        work: UnitOfWork,
    ) -> Result<Committed<()>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let limit = bounded(room.sessions_max as u64);
            let (user, id) = (user_key(session.user), session.id.as_bytes().as_slice());
            let by_id: [&(dyn ToSql + Sync); 1] = [&id];
            let of_user: [&(dyn ToSql + Sync); 2] = [&user, &limit];
            transaction.prepare(&[USER, IS_THERE, OTHERS, FAMILIAR]).await?;
            let (owner, is_there, others, familiar) = tokio::try_join!(
                biased;
                transaction.user(session.user),
                transaction.rows(IS_THERE, &by_id),
                transaction.rows(OTHERS, &of_user),
                transaction.familiar_of(session.user),
            )?;
            let others: Vec<Session> =
                others.iter().map(|row| record("a session", row)).collect::<Result<_, _>>()?;
            let found = Opening {
                session: &session,
                is_there: !is_there.is_empty(),
                has_owner: owner.is_some(),
                ending_max: others.len(),
                others: &others,
                familiar: &familiar,
            };
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::open(found, &room, &preconditions)?, ()).await
        })
        .await
    }

    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT record FROM gateway.sessions WHERE id = $1";
        let rows = self.read(sql, &[&id.as_bytes().as_slice()]).await?;
        rows.first().map(|row| record("a session", row)).transpose()
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT record FROM gateway.sessions WHERE user_id = $1";
        let rows = self.read(sql, &[&user_key(user)]).await?;
        let mut sessions: Vec<Session> =
            rows.iter().map(|row| record("a session", row)).collect::<Result<_, _>>()?;
        sessions.retain(|session| session.lives_at(now));
        sessions.sort_by_key(|session| (session.created_at, session.id));
        Ok(sessions)
    }

    async fn are_more_than(&self, few: usize, user: UserId) -> Result<bool, StoreError> {
        let sql = "SELECT FROM gateway.sessions WHERE user_id = $1 LIMIT $2";
        let more = bounded(few as u64).saturating_add(1);
        Ok(self.read(sql, &[&user_key(user), &more]).await?.len() > few)
    }

    async fn living(&self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM gateway.sessions WHERE expires_at > $1";
        self.number(sql, &[&millis(now)]).await
    }

    async fn is_familiar(&self, email: &Email, network: Network, now: Timestamp) -> Result<bool, StoreError> {
        // The same question, whether there is such an account or not.
        let sql = "SELECT networks FROM gateway.familiar \
                   WHERE user_id = (SELECT id FROM gateway.users WHERE email = $1)";
        let rows = self.read(sql, &[&email.as_str()]).await?;
        let known: Vec<KnownNetwork> =
            rows.first().map_or(Ok(Vec::new()), |row| record("the networks of an account", row))?;
        Ok(rules::is_familiar(&known, network, now))
    }

    async fn familiar_to(&self, user: UserId) -> Result<Vec<KnownNetwork>, StoreError> {
        let rows = self.read(FAMILIAR, &[&user_key(user)]).await?;
        rows.first().map_or(Ok(Vec::new()), |row| record("the networks of an account", row))
    }

    async fn rotate(&self, request: RotationRequest) -> Result<Committed<Rotation>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let id = request.session.as_bytes().as_slice();
            let by_id: [&(dyn ToSql + Sync); 1] = [&id];
            transaction.prepare(&[OWNER, SESSION, RAISED_UNTIL, OWNERS_FAMILIAR]).await?;
            let (owner, session, raised, familiar) = tokio::try_join!(
                biased;
                transaction.row(OWNER, &by_id),
                transaction.session(request.session),
                transaction.row(RAISED_UNTIL, &by_id),
                transaction.row(OWNERS_FAMILIAR, &by_id),
            )?;
            let until = raised.map(|row| timestamp(column(&row, 0)?)).transpose()?;
            let found = RefreshState {
                session,
                owner: owner.map(|row| record("an account", &row)).transpose()?,
                raised_until: until,
                familiar: networks(familiar)?,
            };
            let (rotation, writes) = rules::rotate(found, &request);
            transaction.commit_with(writes, rotation).await
        })
        .await
    }

    async fn close(
        &self,
        id: SessionId,
        revoked: &[Revocation],
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError> {
        let revoked = revoked.to_vec();
        self.transact(async move |transaction: &Transaction| {
            transaction.lock_revocations(&revoked).await?;
            let is_there = transaction.session(id).await?.is_some();
            if rules::is_over(is_there, &transaction.recorded(&revoked).await?) {
                return Ok(Committed::unchanged(false, revoked.clone()));
            }
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::close(id, &revoked, &preconditions)?, true).await
        })
        .await
    }

    async fn close_of(
        &self,
        user: UserId,
        closing: SessionScope,
        revoked_until: Timestamp,
        work: UnitOfWork,
    ) -> Result<Committed<bool>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let Some(owner) = transaction.user(user).await? else {
                return Ok(Committed::unchanged(false, Vec::new()));
            };
            let ended = transaction.ending(user, closing).await?;
            let leaving = transaction.leaving(owner, closing, &ended).await?;
            let preconditions = transaction.preconditions(&work).await?;
            let writes = rules::close_of(leaving, closing, revoked_until, &preconditions)?;
            transaction.commit_with(writes, true).await
        })
        .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM gateway.sessions WHERE id IN (SELECT id FROM gateway.sessions \
                           WHERE expires_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)";
        self.sweep_by(SQL, now).await
    }
}

const SESSION: &str = "SELECT record FROM gateway.sessions WHERE id = $1 FOR UPDATE";

const IS_THERE: &str = "SELECT FROM gateway.sessions WHERE id = $1";

/// All sessions of a user where there are as many as are allowed, and otherwise none.
const OTHERS: &str = "SELECT record FROM gateway.sessions WHERE user_id = $1 \
                      AND $2 <= (SELECT count(*) FROM gateway.sessions WHERE user_id = $1)";

const OWNER: &str = "SELECT record FROM gateway.users \
                     WHERE id = (SELECT user_id FROM gateway.sessions WHERE id = $1) FOR NO KEY UPDATE";

const RAISED_UNTIL: &str = "SELECT until FROM gateway.revocations WHERE kind = 'g' \
                            AND id = (SELECT int8send(user_id) FROM gateway.sessions WHERE id = $1)";

const OWNERS_FAMILIAR: &str = "SELECT networks FROM gateway.familiar \
                               WHERE user_id = (SELECT user_id FROM gateway.sessions WHERE id = $1)";

impl Transaction {
    /// A session, to oneself.
    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<Session>, Stop> {
        let row = self.row(SESSION, &[&id.as_bytes().as_slice()]).await?;
        row.map(|row| Ok(decode("a session", column(&row, 0)?)?)).transpose()
    }
}

impl PostgresStore {
    /// A count.
    pub(crate) async fn number(
        &self,
        sql: &'static str,
        parameters: super::transaction::Parameters<'_>,
    ) -> Result<u64, StoreError> {
        let rows = self.read(sql, parameters).await?;
        unsigned(column(rows.first().ok_or_else(|| damaged("a count"))?, 0)?, "a count")
    }

    /// Removes what `sql` says, batch by batch; its parameters are the moment and how many.
    pub(crate) async fn sweep_by(&self, sql: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let sql = sql.to_owned();
            let removed = self
                .transact(async move |transaction: &Transaction| {
                    transaction.execute(&sql, &[&millis(now), &SWEEP_MAX]).await
                })
                .await?;
            swept += removed;
            if removed < SWEEP_MAX.unsigned_abs() {
                return Ok(swept);
            }
        }
    }
}
