//! Passive ejection: a server that fails several times in a row is left out for a while, and
//! longer each time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::pipeline::Ejection;

/// The failures of one server, and until when it is left out.
pub(super) struct Ejector {
    settings: Ejection,
    age: Stopwatch,
    /// Failures since the last good answer.
    failures: AtomicU32,
    /// Ejections since the last good answer.
    streak: AtomicU32,
    /// In milliseconds of `age`.
    until: AtomicU64,
}

impl Ejector {
    pub(super) fn new(settings: Ejection) -> Self {
        Self {
            settings,
            age: Stopwatch::start(),
            failures: AtomicU32::new(0),
            streak: AtomicU32::new(0),
            until: AtomicU64::new(0),
        }
    }

    pub(super) fn is_out(&self) -> bool {
        // Most servers never were: then the clock need not be read.
        let until = self.until.load(Ordering::Relaxed);
        until != 0 && self.now() < until
    }

    /// Whether an answer with this status counts as a failure.
    pub(super) fn counts(&self, status: u16) -> bool {
        self.settings.statuses.contains(&status)
    }

    pub(super) fn succeeded(&self) {
        // Read first: a write would take the cache line from the other threads at each request.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.streak.load(Ordering::Relaxed) != 0 && !self.is_out() {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// How long the server is now left out, if it is. `others` says whether another one is left.
    pub(super) fn failed(&self, others: impl FnOnce() -> bool) -> Option<Duration> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if self.settings.after == 0 || failures < self.settings.after || self.is_out() || !others() {
            return None;
        }
        self.failures.store(0, Ordering::Relaxed);
        let streak = self.streak.fetch_add(1, Ordering::Relaxed);
        let time = self.settings.time.saturating_mul(1 << streak.min(16)).min(self.settings.time_max);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.until.store(self.now().saturating_add(millis).max(1), Ordering::Relaxed);
        Some(time)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.age.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ejector(after: u32, time: Duration) -> Ejector {
        Ejector::new(Ejection { after, time, time_max: time * 3, statuses: vec![503] })
    }

    #[test]
    fn failures_in_a_row_eject_and_a_good_answer_forgets_them() {
        let ejector = ejector(3, Duration::from_secs(60));
        assert_eq!(ejector.failed(|| true), None);
        assert_eq!(ejector.failed(|| true), None);
        ejector.succeeded();
        assert_eq!(ejector.failed(|| true), None);
        assert_eq!(ejector.failed(|| true), None);
        assert!(!ejector.is_out());
        assert_eq!(ejector.failed(|| true), Some(Duration::from_secs(60)));
        assert!(ejector.is_out());
        assert!(ejector.counts(503) && !ejector.counts(500));
    }

    #[test]
    fn each_time_in_a_row_is_twice_as_long_within_the_bound() {
        let ejector = ejector(1, Duration::from_millis(2));
        let mut times = Vec::new();
        while times.len() < 4 {
            times.extend(ejector.failed(|| true));
        }
        assert_eq!(times.iter().map(Duration::as_millis).collect::<Vec<_>>(), [2, 4, 6, 6]);
    }

    #[test]
    fn the_last_one_is_never_ejected_and_nobody_is_when_it_is_off() {
        assert_eq!(ejector(1, Duration::from_secs(1)).failed(|| false), None);
        assert_eq!(ejector(0, Duration::from_secs(1)).failed(|| true), None);
    }
}
