//! Whether a connection may be kept after an answer, and for how long (RFC 9112 §9.3): by what its server
//! says, and by what it was seen to do. The clock is read elsewhere.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// What is taken off the time that a server says: its clock began with the last byte that it wrote, ours
/// with the last one that came, and the next request is on its way for a while.
const MARGIN_MAX: Duration = Duration::from_secs(1);
/// And of short times no more than this part.
const MARGIN_PART: u32 = 4;
/// Closings in a row, after the first answer of a connection, that make a habit.
const CLOSINGS_MAX: u8 = 3;
/// A server that closes after an answer has done so by then.
pub const SETTLED: Duration = Duration::from_millis(200);

/// What an answer says of its connection by `Keep-Alive: timeout=5, max=100`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    seconds: Option<u32>,
    max: Option<u32>,
}

impl KeepAlive {
    /// Adds what a field with this value says; of two times the shorter one holds.
    pub(super) fn read(&mut self, value: &[u8]) {
        for member in value.split(|byte| *byte == b',') {
            let mut parts = member.splitn(2, |byte| *byte == b'=');
            let (Some(name), Some(number)) = (parts.next(), parts.next()) else { continue };
            let place = match name.trim_ascii() {
                name if name.eq_ignore_ascii_case(b"timeout") => &mut self.seconds,
                name if name.eq_ignore_ascii_case(b"max") => &mut self.max,
                _ => continue,
            };
            let number = std::str::from_utf8(number.trim_ascii()).ok().and_then(|text| text.parse().ok());
            *place = (*place).into_iter().chain(number).min();
        }
    }

    /// How long the connection may wait, and still be used, after so many answers on it: no longer than
    /// `idle`, and not as long as the server says. Zero where it may not wait at all.
    ///
    /// Some say by `max` how many requests are left, and some how many there may be in all: it is taken
    /// for both.
    pub fn idle(self, idle: Duration, answers: u32) -> Duration {
        if self.max.is_some_and(|max| answers >= max) {
            return Duration::ZERO;
        }
        let Some(seconds) = self.seconds else { return idle };
        let said = Duration::from_secs(seconds.into());
        idle.min(said - MARGIN_MAX.min(said / MARGIN_PART))
    }
}

/// Whether another request may follow on the connection of one with content, which was sent whole before the
/// answer of this status began. Whether it was read, nothing shows, silence least of all: only whoever runs
/// the server can know that it reads what it answers, or closes (`is_allowed`). What is refused (4xx, 5xx)
/// mostly is so before it is read.
pub fn may_follow_content(is_allowed: bool, status: u16) -> bool {
    is_allowed && status < 400
}

/// Whether an answer on a connection that was used before shows that its server keeps them. That it calls the
/// request a bad one, or a slow or a large one, may be for something else that it read before.
pub fn shows_a_kept_connection(status: u16) -> bool {
    !matches!(status, 400 | 408 | 431)
}

/// How far a server is trusted to keep its connections open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It was seen to keep them: any request may go on one.
    Shown,
    /// Only what may be sent again goes on one.
    Unshown,
    /// They are not to be used; one at a time is held, to see whether its server keeps it now.
    Withheld,
}

/// What a server was seen to do with its connections after an answer: it leaves them open, or it closes them
/// without a word.
#[derive(Debug)]
pub struct Habit(AtomicU8);

impl Default for Habit {
    /// A connection is used, with care.
    fn default() -> Self {
        Self(AtomicU8::new(1))
    }
}

impl Habit {
    pub fn trust(&self) -> Trust {
        match self.0.load(Ordering::Relaxed) {
            0 => Trust::Shown,
            1..CLOSINGS_MAX => Trust::Unshown,
            _ => Trust::Withheld,
        }
    }

    /// Whether a request goes on a connection that waited.
    pub fn allows(&self, is_repeatable: bool) -> bool {
        match self.trust() {
            Trust::Shown => true,
            Trust::Unshown => is_repeatable,
            Trust::Withheld => false,
        }
    }

    /// A connection was open and quiet when enough time had gone by, or answered its next request.
    pub fn kept(&self) {
        // Read first: a write would take the cache line from the other threads at each request.
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    /// A connection ended before it was seen to be kept. Returns whether they are withheld from now on.
    pub fn closed(&self) -> bool {
        let more = |closings: u8| Some(closings.saturating_add(1).min(CLOSINGS_MAX));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        before == Ok(CLOSINGS_MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: &[&str]) -> KeepAlive {
        let mut said = KeepAlive::default();
        values.iter().for_each(|value| said.read(value.as_bytes()));
        said
    }

    #[test]
    fn a_connection_waits_no_longer_than_its_server_says_and_a_little_less() {
        let millis = Duration::from_millis;
        for (values, waits) in [
            (&[][..], 60_000),
            (&["timeout=5"], 4_000),
            (&["Timeout = 5 , Max = 100"], 4_000),
            (&["timeout=72"], 60_000),
            (&["timeout=1"], 750),
            (&["timeout=2"], 1_500),
            (&["timeout=0"], 0),
            (&["timeout=9", "timeout=5"], 4_000),
            (&["timeout=", "timeout=-5, timeout=x, timeout", "max=\"1\""], 60_000),
            (&["timeout=99999999999999999999"], 60_000),
        ] {
            assert_eq!(said(values).idle(millis(60_000), 1), millis(waits), "{values:?}");
        }
        assert_eq!(said(&["timeout=5"]).idle(millis(750), 1), millis(750));
    }

    #[test]
    fn a_connection_carries_no_more_requests_than_its_server_says() {
        let idle = Duration::from_secs(1);
        assert_eq!(said(&["max=0"]).idle(idle, 1), Duration::ZERO);
        assert_eq!(said(&["max=2"]).idle(idle, 1), idle);
        assert_eq!(said(&["max=2"]).idle(idle, 2), Duration::ZERO);
        assert_eq!(said(&["timeout=60"]).idle(idle, 1_000_000), idle);
    }

    #[test]
    fn who_closes_after_each_answer_is_learned_and_unlearned() {
        let habit = Habit::default();
        assert_eq!(habit.trust(), Trust::Unshown);
        assert!(!habit.closed());
        assert_eq!(habit.trust(), Trust::Unshown);
        assert!(habit.closed());
        assert!(!habit.closed(), "that is known");
        assert_eq!(habit.trust(), Trust::Withheld);
        habit.kept();
        assert_eq!(habit.trust(), Trust::Shown);
        assert!(!habit.closed());
        assert_eq!(habit.trust(), Trust::Unshown);
    }

    #[test]
    fn what_cannot_be_repeated_waits_for_what_was_shown() {
        let habit = Habit::default();
        assert!(habit.allows(true) && !habit.allows(false));
        habit.kept();
        assert!(habit.allows(true) && habit.allows(false));
        for _ in 0..CLOSINGS_MAX {
            habit.closed();
        }
        assert!(!habit.allows(true) && !habit.allows(false));
    }

    #[test]
    fn nothing_follows_content_unless_it_is_allowed_and_was_not_refused() {
        for status in [200, 303, 400, 404, 503] {
            assert!(!may_follow_content(false, status));
            assert_eq!(may_follow_content(true, status), status < 400, "{status}");
        }
    }

    #[test]
    fn that_a_request_is_called_a_bad_one_shows_nothing() {
        assert!([200, 304, 404, 500].into_iter().all(shows_a_kept_connection));
        assert!(![400, 408, 431].into_iter().any(shows_a_kept_connection));
    }
}
