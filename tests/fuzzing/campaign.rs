//! How long a target goes on, and from which seeds its cases come.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use gateway_clock::Stopwatch;

/// Of one target, where nobody asks for more by `FUZZ_SECONDS`.
const TARGET_SECONDS: u64 = 60;
/// Of each test at least, however slow the machine is.
const CASES_MIN: u64 = 256;

/// One seed after another, until the time is over.
pub(super) struct Campaign {
    next: u64,
    cases: u64,
    bound: Bound,
}

enum Bound {
    Time(Stopwatch, Duration),
    Cases(u64),
}

impl Campaign {
    /// With a share of the time of its target. Its seed is a new one in each run, or `FUZZ_SEED`: the
    /// seed of a case that failed makes that case the first one.
    pub(super) fn share(percent: u64) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
        };
        let seconds = number("FUZZ_SECONDS").unwrap_or(TARGET_SECONDS);
        let time = Duration::from_millis(seconds * percent * 10);
        let seed = number("FUZZ_SEED").unwrap_or_else(|| RandomState::new().hash_one("seed") >> 16);
        Self { next: seed, cases: 0, bound: Bound::Time(Stopwatch::start(), time) }
    }

    /// Always the same cases.
    pub(super) fn fixed(cases: u64) -> Self {
        Self { next: 1, cases: 0, bound: Bound::Cases(cases) }
    }

    /// The seeds of the next cases; none when it is over.
    pub(super) fn batch(&mut self, size: u64) -> Vec<u64> {
        let is_over = match &self.bound {
            Bound::Time(begun, time) => self.cases >= CASES_MIN && begun.elapsed() >= *time,
            Bound::Cases(cases) => self.cases >= *cases,
        };
        if is_over {
            return Vec::new();
        }
        let seeds = (0..size).map(|step| self.next.wrapping_add(step)).collect();
        self.next = self.next.wrapping_add(size);
        self.cases += size;
        seeds
    }
}
