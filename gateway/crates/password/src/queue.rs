//! A queue that is fair: whoever waits has a turn in each round, however much others put in.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What waits, by whom it is for. Each of them is served in turn, and each one's own in its order.
pub(super) struct FairQueue<K, T> {
    waiting_max: usize,
    /// The keys that wait, in the order of their turns: each of them once.
    round: VecDeque<K>,
    waiting: HashMap<K, VecDeque<T>>,
    len: usize,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { waiting_max, round: VecDeque::new(), waiting: HashMap::new(), len: 0 }
    }

    /// Puts one in, and answers with what is shed for it: where the queue is full, the newest of who
    /// has most in it, which may be this one.
    pub(super) fn put(&mut self, by: K, one: T) -> Option<T> {
        let shed = if self.len < self.waiting_max {
            None
        } else {
            let own = self.length(&by);
            let most = self.round.iter().max_by_key(|key| self.length(key)).cloned();
            // The first one stays, where both have as many.
            match most.filter(|most| self.length(most) > own + 1) {
                None => return Some(one),
                Some(most) => self.waiting.get_mut(&most).and_then(VecDeque::pop_back),
            }
        };
        self.len = self.len + 1 - usize::from(shed.is_some());
        let own = self.waiting.entry(by.clone()).or_default();
        if own.is_empty() {
            self.round.push_back(by);
        }
        own.push_back(one);
        shed
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<T> {
        let by = self.round.pop_front()?;
        let own = self.waiting.get_mut(&by)?;
        let one = own.pop_front()?;
        self.len -= 1;
        if own.is_empty() {
            self.waiting.remove(&by);
        } else {
            self.round.push_back(by);
        }
        Some(one)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn length(&self, by: &K) -> usize {
        self.waiting.get(by).map_or(0, VecDeque::len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put(u8),
        Take,
    }

    /// So that some queues are full, and some empty, most of the time.
    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let one = prop_oneof![3 => (0..5_u8).prop_map(Step::Put), 2 => Just(Step::Take)];
        prop::collection::vec(one, 0..200)
    }

    proptest! {
        /// Beside a plain list of what waits.
        #[test]
        fn it_is_bounded_sheds_who_has_most_and_gives_each_a_turn(steps in steps(), max in 1..12_usize) {
            let mut queue = FairQueue::new(max);
            let mut waits: Vec<(u8, usize)> = Vec::new();
            let mut turns_since: HashMap<u8, Vec<u8>> = HashMap::new();
            let count = |waits: &[(u8, usize)], by: u8| waits.iter().filter(|one| one.0 == by).count();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Put(by) => {
                        let shed = queue.put(by, (by, number));
                        prop_assert_eq!(shed.is_some(), waits.len() == max);
                        waits.push((by, number));
                        if let Some(shed) = shed {
                            let most = (0..5).map(|one| count(&waits, one)).max().unwrap();
                            prop_assert_eq!(count(&waits, shed.0), most, "of who has most");
                            let newest = waits.iter().rposition(|one| one.0 == shed.0).unwrap();
                            prop_assert_eq!(waits.remove(newest), shed);
                        }
                    }
                    Step::Take => {
                        let Some((by, number)) = queue.take() else {
                            prop_assert!(waits.is_empty());
                            continue;
                        };
                        let oldest = waits.iter().position(|one| one.0 == by).unwrap();
                        prop_assert_eq!(waits.remove(oldest), (by, number));
                        turns_since.remove(&by);
                        for other in (0..5).filter(|other| count(&waits, *other) > 0 && *other != by) {
                            let turns = turns_since.entry(other).or_default();
                            prop_assert!(!turns.contains(&by), "{} had two turns while {} waited", by, other);
                            turns.push(by);
                        }
                    }
                }
                // A key that waits no more begins anew.
                turns_since.retain(|by, _| count(&waits, *by) > 0);
                prop_assert_eq!(queue.len(), waits.len());
                prop_assert!(queue.len() <= max);
            }
        }
    }

    #[test]
    fn one_who_comes_late_is_next_after_one_turn_of_each() {
        let mut queue = FairQueue::new(8);
        (0..6).for_each(|number| assert_eq!(queue.put("many", number), None));
        queue.put("few", 10);
        assert_eq!([queue.take(), queue.take(), queue.take()], [Some(0), Some(10), Some(1)]);
    }

    #[test]
    fn where_everybody_has_one_who_comes_last_is_shed() {
        let mut queue = FairQueue::new(2);
        assert_eq!((queue.put(1, 'a'), queue.put(2, 'b'), queue.put(3, 'c')), (None, None, Some('c')));
        assert_eq!(queue.put(1, 'd'), Some('d'));
    }

    #[test]
    fn where_one_has_more_its_newest_makes_room() {
        let mut queue = FairQueue::new(3);
        (0..3).for_each(|number| assert_eq!(queue.put("many", number), None));
        assert_eq!(queue.put("few", 10), Some(2));
        assert_eq!(queue.put("few", 11), Some(11));
    }
}
