//! The ledger of revocations: one row for each thing revoked.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::fault::{Stop, damaged};
use super::load::{column, millis, timestamp, unsigned};
use super::transaction::Transaction;
use super::writes::{GENERATION, SESSION, TOKEN, key};
use gateway_clock::Timestamp;
use gateway_identity::{Generation, InstallationId, SessionId, TokenId, UserId};
use gateway_store::{Committed, Revocation, RevocationLedger, StoreError, UnitOfWork, rules};

/// Of the locks by which two who revoke one thing at once are told apart. Others in the same database have
/// their own.
const LOCK: i32 = 0x6761_7465;

#[async_trait]
impl RevocationLedger for PostgresStore {
    async fn record(&self, revoked: &[Revocation], work: UnitOfWork) -> Result<Committed<bool>, StoreError> {
        let revoked = revoked.to_vec();
        self.transact(async move |transaction: &Transaction| {
            transaction.lock_revocations(&revoked).await?;
            if rules::is_known(&revoked, &transaction.recorded(&revoked).await?) {
                return Ok(Committed::unchanged(false, revoked.clone()));
            }
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::record(&revoked, &preconditions)?, true).await
        })
        .await
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let sql = "SELECT kind, id, minimum, until FROM gateway.revocations WHERE until >= $1";
        let rows = self.read(sql, &[&millis(now)]).await?;
        rows.iter().map(revocation).collect()
    }

    async fn count(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.number("SELECT count(*) FROM gateway.revocations WHERE until >= $1", &[&millis(now)]).await
    }

    async fn installation(&self) -> Result<InstallationId, StoreError> {
        let rows = self.read("SELECT value FROM gateway.meta WHERE name = 'installation'", &[]).await?;
        let value = rows.first().map(|row| column::<String>(row, 0)).transpose()?;
        value.and_then(|value| InstallationId::parse(&value)).ok_or_else(|| damaged("the store's id"))
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM gateway.revocations WHERE (kind, id) IN (SELECT kind, id FROM \
                           gateway.revocations WHERE until < $1 ORDER BY kind, id LIMIT $2 \
                           FOR UPDATE SKIP LOCKED)";
        self.sweep_by(SQL, now).await
    }
}

/// A row of the ledger: kind, id, minimum, until.
pub(crate) fn revocation(row: &Row) -> Result<Revocation, StoreError> {
    let (kind, id): (i8, &[u8]) = (column(row, 0)?, column(row, 1)?);
    let until = timestamp(column(row, 3)?)?;
    let broken = || damaged("a revocation");
    Ok(match kind {
        TOKEN => Revocation::Token { id: TokenId::from_bytes(id.try_into().map_err(|_| broken())?), until },
        SESSION => {
            Revocation::Session { id: SessionId::from_bytes(id.try_into().map_err(|_| broken())?), until }
        }
        GENERATION => {
            let user = UserId::new(u64::from_be_bytes(id.try_into().map_err(|_| broken())?));
            let minimum = Generation(unsigned(column(row, 2)?, "a revocation")?);
            Revocation::Generation { user: user.ok_or_else(broken)?, minimum, until }
        }
        _ => return Err(broken()),
    })
}

impl Transaction {
    /// Nobody else revokes these meanwhile: of two who do, one finds that it is known.
    pub(crate) async fn lock_revocations(&self, revoked: &[Revocation]) -> Result<(), Stop> {
        let mut keys = Vec::new();
        for one in revoked {
            let (_, id, _) = key(one)?;
            let tail = id.last_chunk().copied().unwrap_or_default();
            keys.push(i32::from_be_bytes(tail));
        }
        keys.sort_unstable();
        keys.dedup();
        let sql = "SELECT pg_advisory_xact_lock($1, key) FROM unnest($2::integer[]) AS key";
        self.execute(sql, &[&LOCK, &keys]).await.map(drop)
    }

    /// What is recorded of each of these.
    pub(crate) async fn recorded(&self, revoked: &[Revocation]) -> Result<Vec<Option<Revocation>>, Stop> {
        let keys = revoked.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let kinds: Vec<_> = keys.iter().map(|(kind, _, _)| *kind).collect();
        let ids: Vec<_> = keys.iter().map(|(_, id, _)| id.clone()).collect();
        let sql = "SELECT known.kind, known.id, known.minimum, known.until FROM \
                   unnest($1::\"char\"[], $2::bytea[]) WITH ORDINALITY AS asked (kind, id, place) \
                   LEFT JOIN gateway.revocations AS known USING (kind, id) ORDER BY asked.place";
        let rows = self.rows(sql, &[&kinds, &ids]).await?;
        let known = rows.iter().map(|row| {
            let is_known = column::<Option<i8>>(row, 0)?.is_some();
            is_known.then(|| revocation(row)).transpose()
        });
        Ok(known.collect::<Result<_, StoreError>>()?)
    }
}
