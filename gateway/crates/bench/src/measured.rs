//! What was counted: answers by status, failures, and how long the good answers took.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::connection::Failed;

/// Longer is taken for this; a request has a time-out that is shorter.
const NANOS_MAX: u64 = 3_600_000_000_000;

#[derive(Clone)]
pub(super) struct Measured {
    /// Of answers with 2xx, in nanoseconds. Refusals are quick and would flatter.
    pub(super) latencies: Histogram<u64>,
    /// By how much requests of an open loop were sent too late though a connection was free.
    pub(super) late: Histogram<u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) failures: BTreeMap<Failed, u64>,
    /// Requests of an open loop that found all connections in use when they were due.
    pub(super) queued: u64,
    /// Requests of an open loop that were given up: the backlog was too long.
    pub(super) unsent: u64,
    /// Connections that had to be opened anew.
    pub(super) reopened: u64,
    /// From the start to the last answer.
    pub(super) elapsed: Duration,
    /// The part of its time that the busiest thread of ours computed, from 0 to 1.
    pub(super) busy: f64,
    /// The part of its time that one thread of ours could have computed and had no core, from 0
    /// to 1; 0 where the system does not say.
    pub(super) starved: f64,
}

/// What of a slice is compared with other slices of its round; times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) good: u64,
    /// Good answers a second.
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) mean: f64,
    pub(super) p99: f64,
}

impl Measured {
    pub(super) fn new() -> Self {
        Self {
            latencies: histogram(),
            late: histogram(),
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            queued: 0,
            unsent: 0,
            reopened: 0,
            elapsed: Duration::ZERO,
            busy: 0.0,
            starved: 0.0,
        }
    }

    pub(super) fn record(&mut self, answer: Result<u16, Failed>, took: Duration) {
        match answer {
            Ok(status) => *self.statuses.entry(status).or_default() += 1,
            Err(failed) => *self.failures.entry(failed).or_default() += 1,
        }
        if answer.is_ok_and(is_good) {
            self.latencies.saturating_record(nanos(took));
        }
    }

    pub(super) fn was_late(&mut self, by: Duration) {
        self.late.saturating_record(nanos(by));
    }

    fn add(&mut self, other: &Self) {
        // Of the same bounds, all of them.
        self.latencies.add(&other.latencies).ok();
        self.late.add(&other.late).ok();
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (failed, count) in &other.failures {
            *self.failures.entry(*failed).or_default() += count;
        }
        self.queued += other.queued;
        self.unsent += other.unsent;
        self.reopened += other.reopened;
        self.busy = self.busy.max(other.busy);
        self.starved = self.starved.max(other.starved);
    }

    pub(super) fn good(&self) -> u64 {
        self.latencies.len()
    }

    pub(super) fn requests(&self) -> u64 {
        self.statuses.values().sum::<u64>() + self.failures.values().sum::<u64>() + self.unsent
    }

    /// What another thread counted at the same time.
    pub(super) fn beside(&mut self, other: &Self) {
        self.add(other);
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// What was counted after it.
    pub(super) fn after(&mut self, other: &Self) {
        self.add(other);
        self.elapsed += other.elapsed;
    }

    pub(super) fn summary(&self) -> Summary {
        let at = |quantile| micros(self.latencies.value_at_quantile(quantile));
        Summary {
            good: self.good(),
            per_second: self.good() as f64 / self.elapsed.as_secs_f64().max(1e-9),
            p50: at(0.5),
            mean: self.latencies.mean() / 1_000.0,
            p99: at(0.99),
        }
    }
}

pub(super) fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

pub(super) fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Three significant figures: a microsecond of a millisecond.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "these bounds are constants, and valid ones")]
    Histogram::new_with_bounds(1, NANOS_MAX, 3).expect("the bounds of a histogram")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_good_answers_have_a_latency_and_all_are_counted() {
        let mut measured = Measured::new();
        measured.record(Ok(200), Duration::from_micros(500));
        measured.record(Ok(429), Duration::from_micros(5));
        measured.record(Err(Failed::TimedOut), Duration::from_secs(10));
        let mut other = measured.clone();
        other.unsent = 1;
        measured.after(&other);
        assert_eq!((measured.requests(), measured.good()), (7, 2));
        assert!((499_000..=501_000).contains(&measured.latencies.max()), "{}", measured.latencies.max());
        assert_eq!(measured.statuses, BTreeMap::from([(200, 2), (429, 2)]));
    }
}
