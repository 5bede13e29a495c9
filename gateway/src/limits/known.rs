//! Addresses from which an account was used before: its owner's way in when strangers have used
//! up the account's own limit, so that nobody can lock somebody else out.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

use super::policy::LoginKey;

/// The last successful logins, bounded: the oldest is forgotten first.
pub struct KnownPairs {
    pairs_max: usize,
    pairs: Mutex<(HashSet<LoginKey>, VecDeque<LoginKey>)>,
}

impl KnownPairs {
    pub fn new(pairs_max: usize) -> Self {
        Self { pairs_max, pairs: Mutex::default() }
    }

    pub fn remember(&self, pair: &LoginKey) {
        let mut pairs = self.pairs.lock();
        let (known, order) = &mut *pairs;
        if !known.insert(pair.clone()) {
            return;
        }
        order.push_back(pair.clone());
        if order.len() > self.pairs_max
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    pub fn knows(&self, pair: &LoginKey) -> bool {
        self.pairs.lock().0.contains(pair)
    }
}
