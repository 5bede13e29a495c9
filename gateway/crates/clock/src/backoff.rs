//! How long is waited between tries that fail: twice as long each time, up to a longest.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A second is a human life by then.
const DOUBLINGS_MAX: u32 = 30;

/// Between the first wait and the longest one.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The wait after so many others.
    pub fn after(self, waits: u32) -> Duration {
        self.first.saturating_mul(1 << waits.min(DOUBLINGS_MAX)).min(self.longest)
    }

    /// The same, spread over its upper half, so that gateways which lost something together do not come
    /// back together.
    pub fn spread_after(self, waits: u32) -> Duration {
        let half = self.after(waits) / 2;
        // Each of these states has keys of its own.
        let chance = RandomState::new().hash_one(()) % 256;
        half + half.saturating_mul(u32::try_from(chance).unwrap_or(0)) / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(3_600) };

    #[test]
    fn waits_double_and_end_at_the_longest() {
        let waits = [0, 1, 2, 9, 10, 31, 32, u32::MAX].map(|waits| BACKOFF.after(waits).as_secs());
        assert_eq!(waits, [5, 10, 20, 2_560, 3_600, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn waits_that_begin_together_end_apart_in_the_upper_half() {
        let waits: Vec<_> = (0..200).map(|_| BACKOFF.spread_after(1)).collect();
        let half = BACKOFF.after(1) / 2;
        assert!(waits.iter().all(|wait| *wait >= half && *wait <= 2 * half), "{waits:?}");
        let early = waits.iter().filter(|wait| **wait < half + half / 2).count();
        assert!((40..160).contains(&early), "{early} of 200 in the lower half");
    }
}
