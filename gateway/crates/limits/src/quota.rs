//! A policy of so many requests in so much time, and what a request finds left of it.

use std::num::NonZeroU32;
use std::time::Duration;

/// A rate limit as an operator states it: `requests` in each `window`, all of which may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub requests: NonZeroU32,
    pub window: Duration,
}

impl Allowance {
    /// Whether fewer may come at once, or in the long run.
    pub fn is_less_than(&self, other: &Self) -> bool {
        let rate = |one: &Self, by: &Self| u128::from(one.requests.get()) * by.window.as_millis();
        self.requests < other.requests || rate(self, other) < rate(other, self)
    }

    pub(super) fn quota(self) -> governor::Quota {
        let each = self.window / self.requests.get();
        // A period of zero is impossible: the window is checked to be at least a second, and
        // 2^32 requests in a second are still 0.2 ns each, which is rounded up here.
        governor::Quota::with_period(each.max(Duration::from_nanos(1)))
            .unwrap_or(governor::Quota::per_second(self.requests))
            .allow_burst(self.requests)
    }
}

/// A named policy, as it stands in `RateLimit-Policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: &'static str,
    pub allowance: Allowance,
}

/// A request was charged to a policy: what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    pub policy: Policy,
    pub remaining: u32,
    /// When the whole allowance is there again.
    pub resets_in: Duration,
}

/// A policy is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    pub policy: Policy,
    /// When the next request will pass.
    pub retry_after: Duration,
    pub resets_in: Duration,
}
