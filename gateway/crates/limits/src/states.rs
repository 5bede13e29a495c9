//! The limiter's memory: bounded, sharded, and never a way to exhaust ours.
//!
//! When it is full, new keys share one state: a flood of new keys then limits itself, while the
//! keys that are known keep their own.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use governor::nanos::Nanos;
use governor::state::StateStore;
use parking_lot::Mutex;

const SHARDS: usize = 64;

/// One theoretical arrival time (GCRA) for each key.
struct BoundedStates<K> {
    /// For shards alone. Clients choose some of the keys: that they must not choose their buckets is for the
    /// keyed hashing of the maps.
    hasher: RandomState,
    shards: Box<[Mutex<HashMap<K, NonZeroU64>>]>,
    held: AtomicUsize,
    keys_max: usize,
    overflow: Mutex<Option<NonZeroU64>>,
}

impl<K: Hash + Eq + Clone> BoundedStates<K> {
    fn new(keys_max: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            held: AtomicUsize::new(0),
            keys_max,
            overflow: Mutex::new(None),
        }
    }

    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Forgets the keys whose allowance is whole again: they are as if never seen.
    fn forget_before(&self, moment: Nanos) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let before = shard.len();
            shard.retain(|_, arrival| arrival.get() > moment.as_u64());
            if shard.capacity() > 4 * shard.len().max(16) {
                shard.shrink_to_fit();
            }
            self.held.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    /// Gives back what one request was charged: to the key, or to what all new keys share.
    fn refund(&self, key: &K, charge: Nanos) {
        let less = |state: NonZeroU64| stored(Nanos::new(state.get().saturating_sub(charge.as_u64())));
        if let Some(state) = self.shard(key).lock().get_mut(key) {
            *state = less(*state);
        } else if let Some(state) = self.overflow.lock().as_mut() {
            *state = less(*state);
        }
    }

    /// As if it was never charged.
    fn forget(&self, key: &K) {
        if self.shard(key).lock().remove(key).is_some() {
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below SHARDS, and so many there are")]
    fn shard(&self, key: &K) -> &Mutex<HashMap<K, NonZeroU64>> {
        let hash = self.hasher.hash_one(key);
        // The upper bits choose the shard, as the map uses the lower ones.
        let index = usize::try_from(hash >> 58).unwrap_or(0) % SHARDS;
        &self.shards[index]
    }
}

impl<K: Hash + Eq + Clone> StateStore for BoundedStates<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(key).lock();
        if let Some(state) = shard.get_mut(key) {
            let (answer, next) = measure(Some(Nanos::new(state.get())))?;
            *state = stored(next);
            return Ok(answer);
        }
        if self.held.load(Ordering::Relaxed) >= self.keys_max {
            drop(shard);
            let mut overflow = self.overflow.lock();
            let state = overflow.map(|state| Nanos::new(state.get()));
            let (answer, next) = measure(state)?;
            *overflow = Some(stored(next));
            return Ok(answer);
        }
        let (answer, next) = measure(None)?;
        shard.insert(key.clone(), stored(next));
        self.held.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}

/// The limiter owns its memory, and we keep a handle to tidy and to count it.
pub(super) struct SharedStates<K>(std::sync::Arc<BoundedStates<K>>);

impl<K> Clone for SharedStates<K> {
    fn clone(&self) -> Self {
        Self(std::sync::Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> SharedStates<K> {
    pub(super) fn new(keys_max: usize) -> Self {
        Self(std::sync::Arc::new(BoundedStates::new(keys_max)))
    }

    pub(super) fn held(&self) -> usize {
        self.0.held()
    }

    pub(super) fn forget_before(&self, moment: Nanos) {
        self.0.forget_before(moment);
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.forget(key);
    }

    pub(super) fn refund(&self, key: &K, charge: Nanos) {
        self.0.refund(key, charge);
    }
}

impl<K: Hash + Eq + Clone> StateStore for SharedStates<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, measure)
    }
}

fn stored(state: Nanos) -> NonZeroU64 {
    NonZeroU64::new(state.as_u64()).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(states: &BoundedStates<u32>, key: u32, next: u64) -> Option<u64> {
        states
            .measure_and_replace(&key, |seen| Ok::<_, ()>((seen.map(Nanos::as_u64), Nanos::new(next))))
            .unwrap()
    }

    #[test]
    fn when_memory_is_full_new_keys_share_one_state_and_known_keys_keep_theirs() {
        let states = BoundedStates::new(2);
        assert_eq!(touch(&states, 1, 10), None);
        assert_eq!(touch(&states, 2, 20), None);
        assert_eq!(touch(&states, 3, 30), None);
        assert_eq!(touch(&states, 4, 40), Some(30));
        assert_eq!(touch(&states, 1, 11), Some(10));
        assert_eq!(states.held(), 2);
    }

    #[test]
    fn keys_whose_allowance_is_whole_again_are_forgotten() {
        let states = BoundedStates::new(2);
        touch(&states, 1, 10);
        touch(&states, 2, 20);
        states.forget_before(Nanos::new(15));
        assert_eq!(states.held(), 1);
        assert_eq!(touch(&states, 1, 30), None);
        assert_eq!(touch(&states, 2, 30), Some(20));
    }
}
