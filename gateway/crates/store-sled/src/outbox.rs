//! The queue of errands: one record each, and an index by when they are due.

use async_trait::async_trait;

use super::trees::{Change, Stop, Trees, found, store_error};
use super::{SledStore, codec};
use gateway_clock::Timestamp;
use gateway_store::{Committed, Outbox, OutboxMessage, Queued, StoreError, UnitOfWork, Way, rules};

#[async_trait]
impl Outbox for SledStore {
    async fn enqueue(
        &self,
        errand: OutboxMessage,
        now: Timestamp,
        request_id: Option<String>,
    ) -> Result<Committed<()>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                change.enqueue(&errand, now, request_id.clone()).map(|()| Committed::queued())
            })
        })
        .await
    }

    async fn due(
        &self,
        now: Timestamp,
        way: Way,
        limit: usize,
        under_way: &[u64],
    ) -> Result<Vec<Queued>, StoreError> {
        let under_way = under_way.to_vec();
        self.scan(move |trees| {
            let mut due = Vec::new();
            let until = codec::pair_key(now.millis(), u64::MAX);
            for key in trees.due(way).range(..=&until[..]).keys() {
                let id = codec::last_number("a due errand", &key.map_err(store_error)?)?;
                if due.len() == limit {
                    break;
                }
                if under_way.contains(&id) {
                    continue;
                }
                let value = trees.errands.get(id.to_be_bytes()).map_err(store_error)?;
                match value.map(|value| codec::decode("an errand", &value)).transpose() {
                    Ok(queued) => due.extend(queued),
                    // One that cannot be read holds up no other.
                    Err(fault) => tracing::error!(id, error = %fault, "an errand in the outbox is damaged"),
                }
            }
            Ok(due)
        })
        .await
    }

    async fn acknowledge(&self, id: u64) -> Result<(), StoreError> {
        self.write(move |trees| trees.transact(|change| change.take_errand(id).map(drop))).await
    }

    async fn give_up(&self, id: u64, work: UnitOfWork) -> Result<Committed<()>, StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                change.take_errand(id)?;
                change.commit(rules::alone(&change.preconditions(&work)?)?, ())
            })
        })
        .await
    }

    async fn postpone(&self, id: u64, due_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |trees| {
            trees.transact(|change| {
                let Some(queued) = change.take_errand(id)? else { return Ok(()) };
                change.put_errand(&queued.postponed(due_at))
            })
        })
        .await
    }

    fn waiting(&self) -> usize {
        // Few wait, so that counting them is cheap.
        self.trees().errands.iter().keys().flatten().count()
    }
}

impl<T> Trees<T> {
    /// When what leaves by this way is due.
    fn due(&self, way: Way) -> &T {
        match way {
            Way::Mail => &self.errands_due,
            Way::Webhook => &self.announcements_due,
        }
    }
}

impl Change {
    pub(super) fn put_errand(&self, queued: &Queued) -> Result<(), Stop> {
        let record = codec::encode(queued)?;
        self.errands.insert(&queued.id.to_be_bytes()[..], record)?;
        let due = self.due(queued.errand.way());
        due.insert(&codec::pair_key(queued.due_at.millis(), queued.id)[..], &[][..])?;
        Ok(())
    }

    fn take_errand(&self, id: u64) -> Result<Option<Queued>, Stop> {
        let key = id.to_be_bytes();
        let queued: Option<Queued> =
            found(self.errands.get(&key[..]), |value| codec::decode("an errand", value))?;
        if let Some(queued) = &queued {
            self.errands.remove(&key[..])?;
            let due = codec::pair_key(queued.due_at.millis(), id);
            self.due(queued.errand.way()).remove(&due[..])?;
            // All of them stood there before announcements had an index of their own.
            self.errands_due.remove(&due[..])?;
        }
        Ok(queued)
    }
}
