//! A map of bounded size that keeps what is used, for whatever strangers can make us remember.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// Two generations: when the young one is full it becomes the old one, and what was not used since the last
/// such change is forgotten. Nothing is paid for keeping an order.
#[derive(Debug)]
pub struct BoundedMap<K, V, S = RandomState> {
    half: usize,
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> BoundedMap<K, V, S> {
    /// An empty one for so many entries at the most, and at least for two.
    pub fn new(entries_max: usize) -> Self {
        Self { half: (entries_max / 2).max(1), young: HashMap::default(), old: HashMap::default() }
    }

    /// An entry, which counts as used.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Adds an entry, or replaces it.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half {
            let empty = HashMap::with_capacity_and_hasher(self.half, S::default());
            self.old = std::mem::replace(&mut self.young, empty);
        }
        self.young.insert(key, value);
    }

    /// All values, which count as used no more than before.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.young.iter_mut().chain(&mut self.old)
    }

    /// The entries that take room. One that was replaced may count twice.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_however_many_others_come_and_there_is_an_end_to_them() {
        let mut map = BoundedMap::<_, _>::new(100);
        map.insert(0, "used");
        for other in 1..1_000 {
            map.insert(other, "other");
            assert_eq!(map.get(&0), Some(&mut "used"), "after {other} others");
            assert!(map.len() <= 100);
        }
        assert_eq!(map.get(&1), None, "forgotten long ago");
        assert!(map.get(&999).is_some());
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let mut map = BoundedMap::<_, _>::new(4);
        for (key, value) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
            map.insert(key, value);
        }
        assert_eq!(map.get(&1), Some(&mut 2));
    }

    #[test]
    fn there_is_room_for_two() {
        let mut map = BoundedMap::<_, _>::new(0);
        map.insert(1, ());
        map.insert(2, ());
        assert_eq!((map.get(&1).is_some(), map.get(&2).is_some()), (true, true));
    }
}
