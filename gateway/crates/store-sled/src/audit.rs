//! The audit trail: a line for each entry under its number, an index by user, and counts by hour.
//! Only the writer's thread appends, so that each entry finds the one before.

use async_trait::async_trait;

use super::revocations::SWEEP_MAX;
use super::trees::{AUDIT_HEAD, Change, Stop, Trees, found, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_store::{
    AuditPage, AuditQuery, AuditTrail, Break, Committed, Entry, EventCount, Hash, Proof, Prover, Sealed,
    StoreError, UnitOfWork, rules, seal,
};

#[async_trait]
impl AuditTrail for SledStore {
    async fn record(&self, work: UnitOfWork) -> Result<Committed<()>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| change.commit(rules::alone(&change.preconditions(&work)?)?, ()))
        })
        .await
    }

    async fn find(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.scan(move |trees| find(trees, query)).await
    }

    async fn lines(&self, first: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        self.scan(move |trees| {
            let (mut lines, mut held) = (Vec::new(), 0);
            for value in trees.audit.range(first.to_be_bytes()..).values().take(limit) {
                let line = text(&value.map_err(store_error)?)?;
                held += line.len();
                lines.push(line);
                if held >= rules::PAGE_BYTES_MAX {
                    break;
                }
            }
            Ok(lines)
        })
        .await
    }

    async fn prove(&self) -> Result<Result<Proof, Break>, StoreError> {
        // What is removed meanwhile, as its time is over, looks like a gap to who reads past it: then
        // it is read once more.
        match self.scan(prove).await? {
            Err(_) => self.scan(prove).await,
            proved => Ok(proved),
        }
    }

    async fn expire(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let some = self.write_freeing(move |trees| expire_some(trees, before, now)).await?;
            removed += some;
            if some < SWEEP_MAX as u64 {
                return Ok(removed);
            }
        }
    }

    async fn tally(&self, counts: Vec<EventCount>) -> Result<(), StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                counts.iter().try_for_each(|one| change.tally(one.hour, &one.word, one.count))
            })
        })
        .await
    }

    async fn tallies(&self, first: u64, last: u64) -> Result<Vec<(String, u64)>, StoreError> {
        self.scan(move |trees| {
            let mut sums = std::collections::BTreeMap::<String, u64>::new();
            let range = first.to_be_bytes().to_vec()..last.saturating_add(1).to_be_bytes().to_vec();
            for entry in trees.tallies.range(range) {
                let (key, value) = entry.map_err(store_error)?;
                let (_, word) = codec::tally(&key)?;
                *sums.entry(word.to_owned()).or_default() += codec::number("a count", &value)?;
            }
            Ok(sums.into_iter().collect())
        })
        .await
    }
}

fn prove(trees: &Trees) -> Result<Result<Proof, Break>, StoreError> {
    // Entries that are added meanwhile may be seen or not: at least these must be there.
    let written = trees.meta.get(AUDIT_HEAD).map_err(store_error)?;
    let written = written.map(|head| mark(&head)).transpose()?.map(|(seq, _)| seq);
    let mut prover = Prover::new(None);
    for value in trees.audit.iter().values() {
        let line = text(&value.map_err(store_error)?)?;
        if let Err(broken) = prover.take(&line) {
            return Ok(Err(broken));
        }
        // What a search by user finds is what there is.
        let sealed: Sealed = codec::decode("an entry of the audit trail", line.as_bytes())?;
        for user in sealed.entry.concerned() {
            let key = codec::pair_key(user.get(), sealed.seq);
            if !trees.user_audit.contains_key(key).map_err(store_error)? {
                return Ok(Err(Break::Hidden { seq: sealed.seq }));
            }
        }
    }
    Ok(prover.finish(written))
}

pub(super) fn text(value: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(value.to_vec()).map_err(|_| codec::damaged("an entry of the audit trail"))
}

/// A number and a hash.
fn mark(value: &[u8]) -> Result<(u64, Hash), StoreError> {
    let read = || {
        let (seq, hash) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        Some((seq.parse().ok()?, Hash::parse(hash)?))
    };
    read().ok_or_else(|| codec::damaged("the mark of the audit trail"))
}

fn find(trees: &Trees, query: AuditQuery) -> Result<AuditPage, StoreError> {
    let (user, before) = (query.user, query.before.unwrap_or(u64::MAX));
    let mut search = rules::Search::new(query);
    let mut look = |value: &[u8]| -> Result<bool, StoreError> {
        let line = text(value)?;
        Ok(search.look(&codec::decode("an entry of the audit trail", line.as_bytes())?, &line))
    };
    if let Some(user) = user {
        let range = codec::pair_key(user.get(), 0)..codec::pair_key(user.get(), before);
        for key in trees.user_audit.range(range).keys().rev() {
            let seq = codec::last_number("an index of the audit trail", &key.map_err(store_error)?)?;
            // One that is gone was removed since.
            let Some(value) = trees.audit.get(seq.to_be_bytes()).map_err(store_error)? else { continue };
            if !look(&value)? {
                break;
            }
        }
    } else {
        for value in trees.audit.range(..before.to_be_bytes()).values().rev() {
            if !look(&value.map_err(store_error)?)? {
                break;
            }
        }
    }
    Ok(search.finish())
}

fn expire_some(trees: &Trees, before: Timestamp, now: Timestamp) -> Result<u64, super::trees::Fault> {
    let mut old = Vec::new();
    for entry in trees.audit.iter().take(SWEEP_MAX) {
        let (key, value) = entry.map_err(store_error)?;
        let line = text(&value)?;
        let sealed: Sealed = codec::decode("an entry of the audit trail", line.as_bytes())?;
        if Timestamp::parse(&sealed.time).is_none_or(|at| at >= before) {
            break;
        }
        old.push((
            key,
            sealed,
            Hash::of_line(&line).ok_or_else(|| codec::damaged("an entry of the audit trail"))?,
        ));
    }
    let hour = rules::hour(before).to_be_bytes();
    let counts: Vec<_> = trees.tallies.range(..&hour[..]).keys().take(SWEEP_MAX).collect();
    let counts: Vec<_> = counts.into_iter().collect::<Result<_, _>>().map_err(store_error)?;
    let last = old.last().map(|(_, last, hash)| (last.seq, *hash));
    if last.is_none() && counts.is_empty() {
        return Ok(0);
    }
    trees.transact(|change| {
        for (key, sealed, _) in &old {
            change.audit.remove(key)?;
            for user in sealed.entry.concerned() {
                change.user_audit.remove(&codec::pair_key(user.get(), sealed.seq)[..])?;
            }
        }
        for key in &counts {
            change.tallies.remove(key)?;
        }
        if let Some((last, hash)) = last {
            change.append(now, &[rules::expired(last, hash)])?;
        }
        Ok(old.len().max(counts.len()) as u64)
    })
}

impl Change {
    /// Appends entries to the trail, each sealed to the one before.
    pub(super) fn append(&self, now: Timestamp, entries: &[Entry]) -> Result<(), Stop> {
        if entries.is_empty() {
            return Ok(());
        }
        let head = found(self.meta.get(AUDIT_HEAD), mark)?;
        let (mut seq, mut prev) = head.unwrap_or_default();
        for entry in entries {
            seq += 1;
            let sealed = seal(seq, now, entry.clone(), prev);
            let (line, hash) =
                sealed.ok_or_else(|| StoreError::Corrupt("an event cannot be written".into()))?;
            prev = hash;
            self.audit.insert(&seq.to_be_bytes()[..], line.as_bytes())?;
            for user in entry.concerned() {
                self.user_audit.insert(&codec::pair_key(user.get(), seq)[..], &[][..])?;
            }
            self.tally(rules::hour(now), &entry.event, 1)?;
        }
        self.meta.insert(AUDIT_HEAD, format!("{seq} {prev}").as_bytes())?;
        Ok(())
    }

    /// A line that was proved, in its place, as the last one. It is not counted anew.
    pub(super) fn put_line(&self, line: &str) -> Result<(), Stop> {
        let sealed: Sealed = codec::decode("an entry of the audit trail", line.as_bytes())?;
        let hash = Hash::of_line(line).ok_or_else(|| codec::damaged("an entry of the audit trail"))?;
        self.audit.insert(&sealed.seq.to_be_bytes()[..], line.as_bytes())?;
        for user in sealed.entry.concerned() {
            self.user_audit.insert(&codec::pair_key(user.get(), sealed.seq)[..], &[][..])?;
        }
        self.meta.insert(AUDIT_HEAD, format!("{} {hash}", sealed.seq).as_bytes())?;
        Ok(())
    }

    pub(super) fn tally(&self, hour: u64, word: &str, count: u64) -> Result<(), Stop> {
        let key = [&hour.to_be_bytes(), word.as_bytes()].concat();
        let before = found(self.tallies.get(&key), |value| codec::number("a count", value))?;
        let sum = before.unwrap_or(0).saturating_add(count);
        self.tallies.insert(key, &sum.to_be_bytes()[..])?;
        Ok(())
    }
}
