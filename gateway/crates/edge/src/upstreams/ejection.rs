//! Passive ejection: a server that fails several times in a row is left out for a while, and
//! longer each time.
//!
//! Whom its failures meet counts: what one client alone meets may be that client's doing, and nobody
//! may take servers out by asking.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use gateway_clock::{Backoff, Stopwatch};
use gateway_identity::Network;
use gateway_pipeline::Ejection;

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stays,
    /// Left out for so long.
    Out(Duration),
    /// There were enough failures, and one client met them all.
    Doubted,
}

/// The clients that met failures since the last good answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Met {
    #[default]
    Nobody,
    One(Network),
    /// Several clients; or it is nobody's doing but the server's.
    Several,
}

/// The failures of one server, and until when it is left out.
pub(super) struct Ejector {
    settings: Ejection,
    age: Stopwatch,
    /// Failures since the last good answer.
    failures: AtomicU32,
    met: Mutex<Met>,
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
            met: Mutex::default(),
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
            *self.met.lock() = Met::Nobody;
        }
        if self.streak.load(Ordering::Relaxed) != 0 && !self.is_out() {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// A request failed, of this client where it may have to do with it. `others` says whether
    /// another server is left.
    pub(super) fn failed(&self, by: Option<Network>, others: impl FnOnce() -> bool) -> Verdict {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let met = {
            let mut met = self.met.lock();
            *met = match (*met, by) {
                (Met::Nobody, Some(client)) => Met::One(client),
                (Met::One(first), Some(client)) if first == client => Met::One(first),
                _ => Met::Several,
            };
            *met
        };
        if self.settings.after == 0 || failures < self.settings.after || self.is_out() || !others() {
            return Verdict::Stays;
        }
        if met == Met::Several { Verdict::Out(self.leave_out()) } else { Verdict::Doubted }
    }

    /// How long it is left out from now on.
    pub(super) fn leave_out(&self) -> Duration {
        self.failures.store(0, Ordering::Relaxed);
        *self.met.lock() = Met::Nobody;
        let streak = self.streak.fetch_add(1, Ordering::Relaxed);
        let backoff = Backoff { first: self.settings.time, longest: self.settings.time_max };
        let time = backoff.after(streak);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.until.store(self.now().saturating_add(millis).max(1), Ordering::Relaxed);
        time
    }

    fn now(&self) -> u64 {
        u64::try_from(self.age.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn ejector(after: u32, time: Duration) -> Ejector {
        Ejector::new(Ejection { after, time, time_max: time * 3, statuses: vec![503] })
    }

    fn client(last: u8) -> Option<Network> {
        Some(Network::from(IpAddr::from([192, 0, 2, last])))
    }

    #[test]
    fn failures_in_a_row_eject_and_a_good_answer_forgets_them() {
        let ejector = ejector(3, Duration::from_secs(60));
        assert_eq!(ejector.failed(None, || true), Verdict::Stays);
        assert_eq!(ejector.failed(None, || true), Verdict::Stays);
        ejector.succeeded();
        assert_eq!(ejector.failed(None, || true), Verdict::Stays);
        assert_eq!(ejector.failed(None, || true), Verdict::Stays);
        assert!(!ejector.is_out());
        assert_eq!(ejector.failed(None, || true), Verdict::Out(Duration::from_secs(60)));
        assert!(ejector.is_out());
        assert!(ejector.counts(503) && !ejector.counts(500));
    }

    #[test]
    fn what_one_client_alone_meets_is_doubted_and_what_several_meet_is_not() {
        let ejector = ejector(3, Duration::from_secs(60));
        for _ in 0..2 {
            assert_eq!(ejector.failed(client(1), || true), Verdict::Stays);
        }
        assert_eq!(ejector.failed(client(1), || true), Verdict::Doubted);
        assert!(!ejector.is_out());
        assert_eq!(ejector.failed(client(2), || true), Verdict::Out(Duration::from_secs(60)));
    }

    #[test]
    fn each_time_in_a_row_is_twice_as_long_within_the_bound() {
        let ejector = ejector(1, Duration::from_millis(2));
        let mut times = Vec::new();
        while times.len() < 4 {
            if let Verdict::Out(time) = ejector.failed(None, || true) {
                times.push(time.as_millis());
            }
        }
        assert_eq!(times, [2, 4, 6, 6]);
    }

    #[test]
    fn the_last_one_is_never_ejected_and_nobody_is_when_it_is_off() {
        assert_eq!(ejector(1, Duration::from_secs(1)).failed(None, || false), Verdict::Stays);
        assert_eq!(ejector(0, Duration::from_secs(1)).failed(None, || true), Verdict::Stays);
    }
}
