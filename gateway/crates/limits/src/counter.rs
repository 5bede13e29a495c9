//! What the limiters of one policy were asked, over all of them and across reloads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Two counts of one policy.
#[derive(Debug, Default)]
pub(super) struct PolicyCounter {
    allowed: AtomicU64,
    refused: AtomicU64,
}

impl PolicyCounter {
    pub(super) fn allow(&self) {
        self.allowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// One policy: what was asked of it, and what the fullest of its limiters holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyFigures {
    pub allowed: u64,
    pub refused: u64,
    pub keys: usize,
    pub keys_max: usize,
}

/// The tallies of all policies, by their names.
#[derive(Debug, Default)]
pub(super) struct PolicyCounters(Mutex<BTreeMap<&'static str, Arc<PolicyCounter>>>);

impl PolicyCounters {
    pub(super) fn counter(&self, policy: &'static str) -> Arc<PolicyCounter> {
        Arc::clone(self.0.lock().entry(policy).or_default())
    }

    pub(super) fn read(&self, figures: &mut BTreeMap<&'static str, PolicyFigures>) {
        for (policy, counter) in &*self.0.lock() {
            let figures = figures.entry(policy).or_default();
            figures.allowed += counter.allowed.load(Ordering::Relaxed);
            figures.refused += counter.refused.load(Ordering::Relaxed);
        }
    }
}
