//! Entries of the trail are written with what they are about, unsealed, and sealed here: by whoever has
//! the head, in batches. What is sealed and what was unsealed change in one transaction, so that whoever
//! seals may be killed at any moment.

use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::fault::{Stop, damaged};
use super::load::{column, decode, signed, timestamp, unsigned};
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_store::{Entry, Hash, StoreError, rules, seal};

/// Units of work that one transaction seals.
const BATCH_MAX: i64 = 500;

/// Where the trail ends: number and hash of its last entry, to oneself.
pub(crate) struct Head {
    seq: u64,
    hash: Hash,
}

/// What is added to the trail, as columns.
#[derive(Default)]
struct Added {
    seqs: Vec<i64>,
    lines: Vec<String>,
    users: Vec<i64>,
    user_seqs: Vec<i64>,
    tallies: std::collections::BTreeMap<(i64, String), i64>,
}

impl PostgresStore {
    /// Seals what is committed by now; answers how many units of work that were.
    pub async fn seal(&self) -> Result<u64, StoreError> {
        let mut sealed = 0;
        loop {
            let some = self
                .transact(async move |transaction: &Transaction| {
                    let mut head = transaction.head().await?;
                    transaction.seal_some(&mut head).await
                })
                .await?;
            sealed += some;
            if some < BATCH_MAX.unsigned_abs() {
                return Ok(sealed);
            }
        }
    }
}

impl Transaction {
    /// The end of the trail, to oneself.
    pub(crate) async fn head(&self) -> Result<Head, Stop> {
        let row = self.row("SELECT seq, hash FROM gateway.audit_head FOR UPDATE", &[]).await?;
        let row = row.ok_or_else(|| damaged("the mark of the audit trail"))?;
        let hash = Hash::parse(column(&row, 1)?).ok_or_else(|| damaged("the mark of the audit trail"))?;
        Ok(Head { seq: unsigned(column(&row, 0)?, "the mark of the audit trail")?, hash })
    }

    /// Seals a batch; answers how many units of work it had.
    pub(crate) async fn seal_some(&self, head: &mut Head) -> Result<u64, Stop> {
        let sql = "DELETE FROM gateway.audit_unsealed WHERE id IN (SELECT id FROM gateway.audit_unsealed \
                   ORDER BY id LIMIT $1) RETURNING id, at, entries";
        let mut rows = self.rows(sql, &[&BATCH_MAX]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        rows.sort_by_key(|row| column::<i64>(row, 0).unwrap_or_default());
        let mut added = Added::default();
        for row in &rows {
            let at = timestamp(column(row, 1)?)?;
            let entries: Vec<Entry> = decode("an entry of the audit trail", column(row, 2)?)?;
            for entry in entries {
                added.append(head, at, entry)?;
            }
        }
        self.write_sealed(head, added).await?;
        Ok(rows.len() as u64)
    }

    /// Appends an entry that is sealed at once.
    pub(crate) async fn append_sealed(
        &self,
        head: &mut Head,
        now: Timestamp,
        entry: Entry,
    ) -> Result<(), Stop> {
        let mut added = Added::default();
        added.append(head, now, entry)?;
        self.write_sealed(head, added).await
    }

    async fn write_sealed(&self, head: &Head, added: Added) -> Result<(), Stop> {
        let Added { seqs, lines, users, user_seqs, tallies } = added;
        let (keys, counts): (Vec<_>, Vec<_>) = tallies.into_iter().unzip();
        let (hours, words): (Vec<i64>, Vec<String>) = keys.into_iter().unzip();
        let (seq, hash) = (signed(head.seq)?, head.hash.to_string());
        let lines: [&(dyn ToSql + Sync); 2] = [&seqs, &lines];
        let users: [&(dyn ToSql + Sync); 2] = [&users, &user_seqs];
        let tallies: [&(dyn ToSql + Sync); 3] = [&hours, &words, &counts];
        let end: [&(dyn ToSql + Sync); 2] = [&seq, &hash];
        tokio::try_join!(
            biased;
            self.execute(ADD_LINES, &lines),
            self.execute(ADD_USERS, &users),
            self.execute(ADD_TALLIES, &tallies),
            self.execute("UPDATE gateway.audit_head SET seq = $1, hash = $2", &end),
        )?;
        Ok(())
    }
}

pub(crate) const ADD_LINES: &str = "INSERT INTO gateway.audit SELECT * FROM unnest($1::bigint[], $2::text[])";

pub(crate) const ADD_USERS: &str =
    "INSERT INTO gateway.audit_users SELECT * FROM unnest($1::bigint[], $2::bigint[])";

/// Adds to counts; those of one statement are of different hours or words.
pub(crate) const ADD_TALLIES: &str = "INSERT INTO gateway.tallies AS known SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[]) \
     ON CONFLICT (hour, word) DO UPDATE SET count = known.count + excluded.count";

impl Added {
    fn append(&mut self, head: &mut Head, at: Timestamp, entry: Entry) -> Result<(), StoreError> {
        let seq = head.seq + 1;
        for user in entry.concerned() {
            self.users.push(signed(user.get())?);
            self.user_seqs.push(signed(seq)?);
        }
        let hour = (signed(rules::hour(at))?, entry.event.clone().into_owned());
        *self.tallies.entry(hour).or_default() += 1;
        let sealed = seal(seq, at, entry, head.hash);
        let (line, hash) =
            sealed.ok_or_else(|| StoreError::Corrupt("an event cannot be written".to_owned()))?;
        self.seqs.push(signed(seq)?);
        self.lines.push(line);
        *head = Head { seq, hash };
        Ok(())
    }
}
