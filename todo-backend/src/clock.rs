//! Time, and the only place that reads it.

use std::time::Instant;

use jiff::Timestamp;

/// The present moment, in whole milliseconds: finer digits would only be noise to a client.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A clock that never goes back, for ages and durations.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
