//! Time, and the only place that reads it: everything else is given a `Timestamp` or a `Clock`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod backoff;
mod shared;

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub use backoff::Backoff;
pub use shared::SharedClock;

/// A moment in milliseconds since the Unix epoch (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A NumericDate of RFC 7519 §2, in whole seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds, rounded down, as NumericDate has them.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// RFC 3339, or a date and time as SQL has them (`2024-02-29 13:00:00.5`), which is taken for UTC.
    pub fn parse(text: &str) -> Option<Self> {
        u64::try_from(millis(text)?).ok().map(Self)
    }

    /// The same for the bound of a search: what is before the epoch is before everything, too.
    pub fn parse_bound(text: &str) -> Option<Self> {
        Some(Self(u64::try_from(millis(text)?).unwrap_or(0)))
    }

    /// RFC 3339 in UTC, with milliseconds.
    pub fn to_millis_string(self) -> String {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis)
            .map_or_else(|_| "9999-12-30T22:00:00.000Z".to_owned(), |moment| format!("{moment:.3}"))
    }

    /// Earlier by so much; not before the epoch.
    pub fn minus(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    pub fn plus(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long from `earlier` until now; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(text: &str) -> Option<i64> {
    let moment = text.parse::<jiff::Timestamp>().or_else(|fault| {
        let civil = text.parse::<jiff::civil::DateTime>().map_err(|_| fault)?;
        jiff::tz::Offset::UTC.to_timestamp(civil)
    });
    Some(moment.ok()?.as_millisecond())
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(moment) => moment.fmt(f),
            Err(_) => f.write_str("9999-12-30T22:00:00Z"),
        }
    }
}

/// Where the present comes from. The system's in production; tests in process pass their own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The clock of the machine with all its digits, for what others hold beside their own.
pub fn wall_time() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    SystemTime::now()
}

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn::None) };
}

/// The turn of a task, which this thread has at the moment.
#[derive(Clone, Copy)]
enum Turn {
    None,
    Begun,
    /// The clock was read last then.
    Read(std::time::Instant),
}

/// Lets a task have a turn, in which [`Stopwatch::lately`] need not read the clock again.
pub fn turn<T>(poll: impl FnOnce() -> T) -> T {
    struct Over;
    impl Drop for Over {
        fn drop(&mut self) {
            TURN.set(Turn::None);
        }
    }
    TURN.set(Turn::Begun);
    let _over = Over;
    poll()
}

/// A monotonic reading, for measuring how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Default for Stopwatch {
    /// One that starts now.
    fn default() -> Self {
        Self::start()
    }
}

impl Stopwatch {
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
        let now = std::time::Instant::now();
        if !matches!(TURN.get(), Turn::None) {
            TURN.set(Turn::Read(now));
        }
        Self(now)
    }

    /// The same by the last reading in this turn of the task, where there is one: a turn takes microseconds.
    /// For what begins now, and for deadlines.
    pub fn lately() -> Self {
        match TURN.get() {
            Turn::Read(now) => Self(now),
            Turn::None | Turn::Begun => Self::start(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        Self::start().since(self)
    }

    /// How much later it was started than `earlier`.
    pub fn since(&self, earlier: &Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

/// A clock that stands still until it is moved; it exists in process only.
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicU64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self(std::sync::atomic::AtomicU64::new(now.0))
    }

    pub fn advance(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_read_as_programs_and_databases_write_it() {
        let at = |text: &str| Timestamp::parse(text).map(|moment| moment.to_string());
        for text in [
            "2024-02-29T13:00:00Z",
            "2024-02-29T15:00:00+02:00",
            "2024-02-29 13:00:00",
            "2024-02-29 13:00:00.123456",
        ] {
            assert_eq!(at(text).as_deref(), Some("2024-02-29T13:00:00Z"), "{text}");
        }
        for wrong in ["", "yesterday", "2023-02-29 13:00:00", "1969-12-31T23:59:59Z", "13:00"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_clock_is_read_anew_in_each_turn_and_by_whoever_measures() {
        let reading = || Stopwatch::lately().0;
        assert!(reading() < reading(), "outside of any turn");
        let first = turn(|| {
            let first = reading();
            assert_eq!(first, reading());
            let measured = Stopwatch::start().0;
            assert!(first < measured && reading() == measured);
            measured
        });
        assert!(turn(reading) > first && reading() < reading());
    }

    #[test]
    fn a_timestamp_prints_as_rfc_3339_in_utc() {
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_millis(1_760_000_000_999).to_string(), "2025-10-09T08:53:20Z");
        let read = Timestamp::parse("2025-10-09T10:53:20.999+02:00");
        assert_eq!(read, Some(Timestamp::from_millis(1_760_000_000_999)));
        assert_eq!(["", "tomorrow", "1960-01-01T00:00:00Z"].map(Timestamp::parse), [None; 3]);
        let bounds = ["1960-01-01T00:00:00Z", "1970-01-02", "tomorrow"].map(Timestamp::parse_bound);
        assert_eq!(bounds, [Some(Timestamp::from_seconds(0)), Some(Timestamp::from_seconds(86_400)), None]);
        assert_eq!(Timestamp::parse("1970-01-02"), Some(Timestamp::from_seconds(86_400)));
    }
}
