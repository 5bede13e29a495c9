//! The queue of errands: one row each.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::fault::Stop;
use super::load::{bounded, column, decode, millis, timestamp, unsigned};
use super::transaction::Transaction;
use super::writes::{Batch, queued, way as named};
use gateway_clock::Timestamp;
use gateway_store::{Committed, Outbox, OutboxMessage, Queued, StoreError, UnitOfWork, Way, rules};

#[async_trait]
impl Outbox for PostgresStore {
    async fn enqueue(
        &self,
        errand: OutboxMessage,
        now: Timestamp,
        request_id: Option<String>,
    ) -> Result<Committed<()>, StoreError> {
        let committed = self
            .transact(async move |transaction: &Transaction| {
                let mut batch = Batch::default();
                queued(&mut batch, &errand, now, request_id.clone())?;
                transaction.execute_all(batch.0).await?;
                Ok(Committed::queued())
            })
            .await?;
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(committed)
    }

    async fn due(
        &self,
        now: Timestamp,
        way: Way,
        limit: usize,
        under_way: &[u64],
    ) -> Result<Vec<Queued>, StoreError> {
        let (limit, lease) = (bounded(limit as u64), bounded(self.0.lease.as_millis() as u64));
        let under_way = under_way.iter().map(|id| bounded(*id)).collect::<Vec<_>>();
        let mut rows = self
            .transact(async move |transaction: &Transaction| {
                transaction.execute(RENEW, &[&under_way, &lease]).await?;
                transaction.rows(LEASE, &[&named(way), &millis(now), &limit, &under_way, &lease]).await
            })
            .await?;
        rows.sort_by_key(|row| {
            (column::<i64>(row, 4).unwrap_or_default(), column::<i64>(row, 0).unwrap_or_default())
        });
        let mut due = Vec::new();
        for row in &rows {
            match read(row) {
                Ok(queued) => due.push(queued),
                // One that cannot be read holds up no other.
                Err(fault) => tracing::error!(error = %fault, "an errand in the outbox is damaged"),
            }
        }
        self.count_waiting().await?;
        Ok(due)
    }

    async fn acknowledge(&self, id: u64) -> Result<(), StoreError> {
        self.transact(async move |transaction: &Transaction| transaction.remove_errand(id).await).await?;
        self.count_waiting().await
    }

    async fn give_up(&self, id: u64, work: UnitOfWork) -> Result<Committed<()>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            transaction.remove_errand(id).await?;
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::alone(&preconditions)?, ()).await
        })
        .await
    }

    async fn postpone(&self, id: u64, due_at: Timestamp) -> Result<(), StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let sql = "UPDATE gateway.outbox SET due_at = $2, attempts = attempts + 1, leased_until = 0 WHERE id = $1";
            transaction.execute(sql, &[&bounded(id), &millis(due_at)]).await.map(drop)
        })
        .await
    }

    fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }
}

/// Those that are nobody's, or were whose gateway did not come to an end with them in time.
const LEASE: &str = "UPDATE gateway.outbox SET leased_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $5 \
     WHERE id IN (SELECT id FROM gateway.outbox WHERE way = $1 AND due_at <= $2 \
     AND leased_until <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint AND id <> ALL($4) \
     ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) \
     RETURNING id, errand, request_id, created_at, due_at, attempts";

const RENEW: &str = "UPDATE gateway.outbox SET leased_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $2 \
     WHERE id = ANY($1)";

pub(crate) fn read(row: &Row) -> Result<Queued, StoreError> {
    let attempts = u32::try_from(column::<i64>(row, 5)?).unwrap_or(u32::MAX);
    Ok(Queued {
        id: unsigned(column(row, 0)?, "the id of an errand")?,
        errand: decode("an errand", column(row, 1)?)?,
        request_id: column(row, 2)?,
        created_at: timestamp(column(row, 3)?)?,
        due_at: timestamp(column(row, 4)?)?,
        attempts,
    })
}

impl Transaction {
    async fn remove_errand(&self, id: u64) -> Result<(), Stop> {
        self.execute("DELETE FROM gateway.outbox WHERE id = $1", &[&bounded(id)]).await.map(drop)
    }
}

impl PostgresStore {
    /// Counts anew: others put something in, and take something out.
    pub(crate) async fn count_waiting(&self) -> Result<(), StoreError> {
        let waiting = self.number("SELECT count(*) FROM gateway.outbox", &[]).await?;
        self.0.waiting.store(usize::try_from(waiting).unwrap_or(usize::MAX), Ordering::Relaxed);
        Ok(())
    }
}
