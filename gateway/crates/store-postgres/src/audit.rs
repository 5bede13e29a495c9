//! The audit trail: a row for each entry under its number, an index by user, and counts by hour. Whoever
//! reads it seals first what is committed by then.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::fault::damaged;
use super::load::{bounded, column, decode, signed, unsigned};
use super::sealing::ADD_TALLIES;
use super::sessions::SWEEP_MAX;
use super::transaction::Transaction;
use gateway_clock::Timestamp;
use gateway_store::{
    AuditPage, AuditQuery, AuditTrail, Break, Committed, EventCount, Hash, Proof, Prover, Sealed, StoreError,
    UnitOfWork, rules,
};

/// Entries that are read at once.
const READ_MAX: i64 = 1_000;

#[async_trait]
impl AuditTrail for PostgresStore {
    async fn record(&self, work: UnitOfWork) -> Result<Committed<()>, StoreError> {
        self.transact(async move |transaction: &Transaction| {
            let preconditions = transaction.preconditions(&work).await?;
            transaction.commit_with(rules::alone(&preconditions)?, ()).await
        })
        .await
    }

    async fn find(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.seal().await?;
        let mut before = query.before.map_or(i64::MAX, bounded);
        let mut search = rules::Search::new(query);
        loop {
            let rows = match search.query().user {
                Some(user) => self.read(OF_USER, &[&bounded(user.get()), &before, &READ_MAX]).await?,
                None => self.read(OF_ALL, &[&before, &READ_MAX]).await?,
            };
            for row in &rows {
                let (seq, line) = entry(row)?;
                before = signed(seq)?;
                let sealed: Sealed = decode("an entry of the audit trail", line)?;
                if !search.look(&sealed, line) {
                    return Ok(search.finish());
                }
            }
            if rows.len() < READ_MAX as usize {
                return Ok(search.finish());
            }
        }
    }

    async fn lines(&self, first: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        self.seal().await?;
        let limit = bounded(limit as u64).min(READ_MAX);
        let rows = self.read(FROM, &[&bounded(first), &limit]).await?;
        let (mut lines, mut held) = (Vec::new(), 0);
        for row in &rows {
            let (_, line) = entry(row)?;
            held += line.len();
            lines.push(line.to_owned());
            if held >= rules::PAGE_BYTES_MAX {
                break;
            }
        }
        Ok(lines)
    }

    async fn prove(&self) -> Result<Result<Proof, Break>, StoreError> {
        self.seal().await?;
        // What is removed meanwhile, as its time is over, looks like a gap to who reads past it: then
        // it is read once more.
        match self.prove_once().await? {
            Err(_) => self.prove_once().await,
            proved => Ok(proved),
        }
    }

    async fn expire(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.seal().await?;
        let mut removed = 0;
        loop {
            let some = self.expire_some(before, now).await?;
            removed += some;
            if some < SWEEP_MAX.unsigned_abs() {
                return Ok(removed);
            }
        }
    }

    async fn tally(&self, counts: Vec<EventCount>) -> Result<(), StoreError> {
        let mut sums = BTreeMap::<(i64, String), i64>::new();
        for EventCount { hour, word, count } in counts {
            *sums.entry((signed(hour)?, word)).or_default() += signed(count)?;
        }
        let (keys, counts): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
        let (hours, words): (Vec<i64>, Vec<String>) = keys.into_iter().unzip();
        self.transact(async move |transaction: &Transaction| {
            transaction.execute(ADD_TALLIES, &[&hours, &words, &counts]).await.map(drop)
        })
        .await
    }

    async fn tallies(&self, first: u64, last: u64) -> Result<Vec<(String, u64)>, StoreError> {
        self.seal().await?;
        let sql = "SELECT word, sum(count)::bigint FROM gateway.tallies WHERE hour BETWEEN $1 AND $2 \
                   GROUP BY word ORDER BY word";
        let rows = self.read(sql, &[&bounded(first), &bounded(last)]).await?;
        rows.iter().map(|row| Ok((column(row, 0)?, unsigned(column(row, 1)?, "a count")?))).collect()
    }
}

const OF_ALL: &str = "SELECT seq, line FROM gateway.audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2";

const OF_USER: &str = "SELECT seq, line FROM gateway.audit_users JOIN gateway.audit USING (seq) \
                       WHERE user_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";

const FROM: &str = "SELECT seq, line FROM gateway.audit WHERE seq >= $1 ORDER BY seq LIMIT $2";

fn entry(row: &Row) -> Result<(u64, &str), StoreError> {
    Ok((unsigned(column(row, 0)?, "the number of an entry")?, column(row, 1)?))
}

impl PostgresStore {
    async fn prove_once(&self) -> Result<Result<Proof, Break>, StoreError> {
        // Entries that are added meanwhile may be seen or not: at least these must be there.
        let written = self.number("SELECT seq FROM gateway.audit_head", &[]).await?;
        let (mut prover, mut next) = (Prover::new(None), 0);
        loop {
            let rows = self.read(FROM, &[&next, &READ_MAX]).await?;
            let (mut users, mut seqs) = (Vec::new(), Vec::new());
            for row in &rows {
                let (seq, line) = entry(row)?;
                if let Err(broken) = prover.take(line) {
                    return Ok(Err(broken));
                }
                let sealed: Sealed = decode("an entry of the audit trail", line)?;
                for user in sealed.entry.concerned() {
                    users.push(signed(user.get())?);
                    seqs.push(signed(sealed.seq)?);
                }
                next = signed(seq)?.saturating_add(1);
            }
            // What a search by user finds is what there is.
            let sql = "SELECT seq FROM unnest($1::bigint[], $2::bigint[]) AS told (user_id, seq) \
                       WHERE NOT EXISTS (SELECT FROM gateway.audit_users AS known WHERE \
                       known.user_id = told.user_id AND known.seq = told.seq) ORDER BY seq LIMIT 1";
            if let Some(row) = self.read(sql, &[&users, &seqs]).await?.first() {
                return Ok(Err(Break::Hidden { seq: unsigned(column(row, 0)?, "the number of an entry")? }));
            }
            if rows.len() < READ_MAX as usize {
                return Ok(prover.finish(Some(written).filter(|written| *written > 0)));
            }
        }
    }

    /// Removes some entries, or counts, that are too old; answers how many.
    async fn expire_some(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let hour = bounded(rules::hour(before));
        self.transact(async move |transaction: &Transaction| {
            let mut head = transaction.head().await?;
            let rows = transaction.rows(FROM, &[&0_i64, &SWEEP_MAX]).await?;
            let (mut last, mut old) = (None, 0);
            let (mut users, mut seqs) = (Vec::new(), Vec::new());
            for row in &rows {
                let (seq, line) = entry(row)?;
                let sealed: Sealed = decode("an entry of the audit trail", line)?;
                if Timestamp::parse(&sealed.time).is_none_or(|at| at >= before) {
                    break;
                }
                let hash = Hash::of_line(line).ok_or_else(|| damaged("an entry of the audit trail"))?;
                (last, old) = (Some((seq, hash)), old + 1);
                for user in sealed.entry.concerned() {
                    users.push(signed(user.get())?);
                    seqs.push(signed(seq)?);
                }
            }
            let sql = "DELETE FROM gateway.tallies WHERE (hour, word) IN (SELECT hour, word FROM \
                       gateway.tallies WHERE hour < $1 ORDER BY hour, word LIMIT $2)";
            let counts = transaction.execute(sql, &[&hour, &SWEEP_MAX]).await?;
            if let Some((seq, hash)) = last {
                let through = signed(seq)?;
                transaction.execute("DELETE FROM gateway.audit WHERE seq <= $1", &[&through]).await?;
                let sql = "DELETE FROM gateway.audit_users WHERE (user_id, seq) IN \
                           (SELECT * FROM unnest($1::bigint[], $2::bigint[]))";
                transaction.execute(sql, &[&users, &seqs]).await?;
                transaction.append_sealed(&mut head, now, rules::expired(seq, hash)).await?;
            }
            Ok(counts.max(old))
        })
        .await
    }
}
