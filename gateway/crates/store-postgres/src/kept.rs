//! What all gateways of a database have in common and none of them is told: made by the first that asks.

use super::PostgresStore;
use super::fault::damaged;
use super::load::column;
use super::transaction::Transaction;
use gateway_store::StoreError;

impl PostgresStore {
    /// The text of this name; `fresh` where there was none.
    pub async fn kept(&self, name: &'static str, fresh: String) -> Result<String, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let insert = "INSERT INTO gateway.meta VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
            transaction.execute(insert, &[&name, &fresh]).await?;
            let row = transaction.row("SELECT value FROM gateway.meta WHERE name = $1", &[&name]).await?;
            Ok(column(&row.ok_or_else(|| damaged("what gateways have in common"))?, 0)?)
        })
        .await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read("SELECT", &[]).await.map(drop)
    }

    /// Bytes that the tables and their indexes take.
    pub async fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                   WHERE relnamespace = 'gateway'::regnamespace AND relkind = 'r'";
        self.number(sql, &[]).await
    }
}
