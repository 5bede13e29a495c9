//! The clock of several machines that must agree: that of this one, set right by one that all of them ask.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{Clock, SystemClock, Timestamp};

/// Differences below this stay: the way there and back takes time, and a clock that wanders is worse than
/// one that is a little off.
const TOLERATED_MS: u64 = 20;
/// An answer that took longer says too little.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

/// As fast as the machine's clock; until it is set, it is that.
#[derive(Debug, Default)]
pub struct SharedClock {
    ahead_ms: AtomicI64,
}

impl SharedClock {
    /// Sets it right by another clock, which said `theirs` to a question that was asked at `asked` and
    /// answered at `answered`, both by the machine's clock. Answers by how many milliseconds the other one
    /// is ahead of the machine's, where that is another difference than before.
    pub fn set(&self, theirs: Timestamp, asked: Timestamp, answered: Timestamp) -> Option<i64> {
        let round_trip = answered.since(asked);
        if round_trip > ROUND_TRIP_MAX {
            return None;
        }
        let half = asked.plus(round_trip / 2);
        let ahead = signed(theirs).saturating_sub(signed(half));
        let before = self.ahead_ms.load(Ordering::Relaxed);
        let doubt = TOLERATED_MS + u64::try_from(round_trip.as_millis()).unwrap_or(u64::MAX) / 2;
        if ahead.abs_diff(before) <= doubt {
            return None;
        }
        self.ahead_ms.store(ahead, Ordering::Relaxed);
        Some(ahead)
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().millis();
        Timestamp::from_millis(now.saturating_add_signed(self.ahead_ms.load(Ordering::Relaxed)))
    }
}

fn signed(at: Timestamp) -> i64 {
    i64::try_from(at.millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + millis)
    }

    #[test]
    fn it_is_set_by_the_middle_of_a_question_and_its_answer() {
        let clock = SharedClock::default();
        assert_eq!(clock.set(at(5_010), at(0), at(20)), Some(5_000));
        let ahead = i128::from(clock.now().millis()) - i128::from(SystemClock.now().millis());
        assert!((4_900..=5_100).contains(&ahead), "{ahead}");
        assert_eq!(clock.set(at(5_025), at(0), at(20)), None, "a little off is good enough");
        assert_eq!(clock.set(at(9_000), at(0), at(600)), None, "who answers late says little");
        assert_eq!(clock.set(at(0), at(3_000), at(3_000)), Some(-3_000), "it may be behind");
        assert_eq!(clock.set(at(3_000), at(3_000), at(3_000)), Some(0));
    }
}
