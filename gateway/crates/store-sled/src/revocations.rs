//! The ledger of revocations: one record for each thing revoked, and an index by expiry.

use async_trait::async_trait;

use super::trees::{Change, Fault, Stop, Trees, found, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_identity::{Generation, InstallationId, UserId};
use gateway_store::{Committed, Revocation, RevocationLedger, StoreError, UnitOfWork, rules};

/// What one transaction of a sweep removes at most, so that other writers get their turn.
pub(super) const SWEEP_MAX: usize = 256;

#[async_trait]
impl RevocationLedger for SledStore {
    async fn record(&self, revoked: &[Revocation], work: UnitOfWork) -> Result<Committed<bool>, StoreError> {
        let revoked = revoked.to_vec();
        self.write(move |trees| {
            // Looked at here, so that it is on the disk before anybody is told that it is known.
            if rules::is_known(&revoked, &trees.recorded(&revoked)?) {
                return Ok(Committed::unchanged(false, revoked));
            }
            trees.transact(|change| {
                change.commit(rules::record(&revoked, &change.preconditions(&work)?)?, true)
            })
        })
        .await
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        self.scan(move |trees| {
            let mut live = Vec::new();
            for entry in trees.revocations.iter() {
                let (key, value) = entry.map_err(store_error)?;
                let revocation = codec::revocation(&key, &value)?;
                if revocation.until() >= now {
                    live.push(revocation);
                }
            }
            Ok(live)
        })
        .await
    }

    async fn count(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.scan(move |trees| Ok(trees.revocation_expiry.range(now.millis().to_be_bytes()..).count() as u64))
            .await
    }

    async fn installation(&self) -> Result<InstallationId, StoreError> {
        self.read(Trees::installation)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let (found, removed) = self.write_freeing(move |trees| sweep_some(trees, now)).await?;
            swept += removed;
            if found < SWEEP_MAX {
                return Ok(swept);
            }
        }
    }
}

impl Trees {
    /// What is recorded of each of these.
    pub(super) fn recorded(&self, revoked: &[Revocation]) -> Result<Vec<Option<Revocation>>, StoreError> {
        let recorded = |one| {
            let key = codec::revocation_key(one);
            let known = self.revocations.get(&key).map_err(store_error)?;
            known.map(|value| codec::revocation(&key, &value)).transpose()
        };
        revoked.iter().map(recorded).collect()
    }
}

impl Change {
    /// Records a revocation, beside what is known of the same thing.
    pub(super) fn revoke(&self, revocation: &Revocation) -> Result<(), Stop> {
        let key = codec::revocation_key(revocation);
        let known = found(self.revocations.get(&key), |value| codec::revocation(&key, value))?;
        let revocation = known.map_or(*revocation, |known| rules::widest(known, *revocation));
        if let Some(known) = known {
            self.revocation_expiry.remove(codec::expiry_key(known.until(), &key))?;
        }
        self.revocation_expiry.insert(codec::expiry_key(revocation.until(), &key), &[][..])?;
        self.revocations.insert(key, codec::revocation_value(&revocation))?;
        Ok(())
    }

    /// Until when it is remembered that the user's generation was raised, if it is.
    pub(super) fn generation_raised_until(&self, user: UserId) -> Result<Option<Timestamp>, Stop> {
        let any =
            Revocation::Generation { user, minimum: Generation::default(), until: Timestamp::from_millis(0) };
        let key = codec::revocation_key(&any);
        let known = found(self.revocations.get(&key), |value| codec::revocation(&key, value))?;
        Ok(known.map(|known| known.until()))
    }
}

/// Removes a batch of what expired; answers how many were found in the index, and removed.
fn sweep_some(trees: &Trees, now: Timestamp) -> Result<(usize, u64), Fault> {
    let expired = trees.expired(&trees.revocation_expiry, now, SWEEP_MAX)?;
    let removed = trees.transact(|change| {
        let mut removed = 0;
        for entry in &expired {
            let key = codec::expired_key(entry)?;
            removed += u64::from(change.revocations.remove(key)?.is_some());
            change.revocation_expiry.remove(&**entry)?;
        }
        Ok(removed)
    })?;
    Ok((expired.len(), removed))
}
