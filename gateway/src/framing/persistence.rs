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
/// Who closes after an answer, or reads what it left unread as a request, has done so by then. With the
/// time that an acknowledgement may be delayed.
pub const SETTLED: Duration = Duration::from_millis(200);
/// Behind content nothing is sent for so long, whatever the server has shown: most of those who close, or
/// answer what they did not read, do so at once. More would make many connections of few requests.
const REST: Duration = Duration::from_millis(2);

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

/// What went over a connection last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// An answer to a request without content.
    Answer,
    /// An answer to one with content, which was sent whole before the answer began.
    Content,
    /// The same, and the content was refused (4xx, 5xx): often before it is read.
    Refusal,
}

impl After {
    pub const ALL: [Self; 3] = [Self::Answer, Self::Content, Self::Refusal];

    pub fn of(has_content: bool, status: u16) -> Self {
        match (has_content, status) {
            (false, _) => Self::Answer,
            (true, ..400) => Self::Content,
            (true, _) => Self::Refusal,
        }
    }
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

/// What a server was seen to do with its connections after each kind of exchange. What cannot be known
/// of one exchange, such as whether a body was read before it was answered, shows in what the server does
/// next: it leaves the connection open and quiet, or closes it, or answers what nobody asked.
#[derive(Debug)]
pub struct Habits([AtomicU8; After::ALL.len()]);

impl Default for Habits {
    /// After an answer to nothing but a head a connection is used, with care. After content it is not,
    /// before the server has shown that it may be.
    fn default() -> Self {
        Self([AtomicU8::new(1), AtomicU8::new(CLOSINGS_MAX), AtomicU8::new(CLOSINGS_MAX)])
    }
}

impl Habits {
    pub fn trust(&self, after: After) -> Trust {
        match self.closings(after).load(Ordering::Relaxed) {
            0 => Trust::Shown,
            1..CLOSINGS_MAX => Trust::Unshown,
            _ => Trust::Withheld,
        }
    }

    /// Whether a request goes on a connection that waited for this time after such an exchange.
    pub fn allow(&self, after: After, waited: impl FnOnce() -> Duration, is_repeatable: bool) -> bool {
        let is_trusted = match self.trust(after) {
            Trust::Shown => true,
            Trust::Unshown => is_repeatable,
            Trust::Withheld => false,
        };
        is_trusted && (after == After::Answer || waited() >= REST)
    }

    /// A connection was open and quiet when enough time had gone by, or answered its next request.
    pub fn kept(&self, after: After) {
        let closings = self.closings(after);
        // Read first: a write would take the cache line from the other threads at each request.
        if closings.load(Ordering::Relaxed) != 0 {
            closings.store(0, Ordering::Relaxed);
        }
    }

    /// A connection ended, or something came that nobody asked for, before it was seen to be kept.
    /// Returns whether its kind is withheld from now on.
    pub fn closed(&self, after: After) -> bool {
        let more = |closings: u8| match after {
            After::Answer => closings.saturating_add(1).min(CLOSINGS_MAX),
            // Nobody may find out what is behind an unread body: one is enough.
            After::Content | After::Refusal => CLOSINGS_MAX,
        };
        let closings = self.closings(after);
        let before = closings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(more(now)));
        before.is_ok_and(|before| before < CLOSINGS_MAX) && self.trust(after) == Trust::Withheld
    }

    #[expect(clippy::indexing_slicing, reason = "there is a place for each kind")]
    fn closings(&self, after: After) -> &AtomicU8 {
        &self.0[after as usize]
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
        let habits = Habits::default();
        assert_eq!(habits.trust(After::Answer), Trust::Unshown);
        assert!(!habits.closed(After::Answer));
        assert_eq!(habits.trust(After::Answer), Trust::Unshown);
        assert!(habits.closed(After::Answer));
        assert!(!habits.closed(After::Answer), "that is known");
        assert_eq!(habits.trust(After::Answer), Trust::Withheld);
        habits.kept(After::Answer);
        assert_eq!(habits.trust(After::Answer), Trust::Shown);
        assert!(!habits.closed(After::Answer));
        assert_eq!(habits.trust(After::Answer), Trust::Unshown);
    }

    #[test]
    fn after_content_a_connection_is_withheld_until_its_server_has_shown_what_it_does() {
        let habits = Habits::default();
        for after in [After::Content, After::Refusal] {
            assert_eq!(habits.trust(after), Trust::Withheld);
            habits.kept(after);
            assert_eq!(habits.trust(after), Trust::Shown);
        }
        assert!(habits.closed(After::Refusal));
        assert_eq!(habits.trust(After::Refusal), Trust::Withheld);
        assert_eq!(habits.trust(After::Content), Trust::Shown, "what it reads is another matter");
    }

    #[test]
    fn behind_content_a_connection_rests_and_what_cannot_be_repeated_waits_for_what_was_shown() {
        let habits = Habits::default();
        let allows = |after, millis, is_repeatable| {
            habits.allow(after, || Duration::from_millis(millis), is_repeatable)
        };
        assert!(allows(After::Answer, 0, true) && !allows(After::Answer, 1_000, false));
        assert!(!allows(After::Content, 1_000, true));
        After::ALL.iter().for_each(|after| habits.kept(*after));
        assert!(allows(After::Answer, 0, false));
        assert!(!allows(After::Content, 1, true) && !allows(After::Refusal, 1, false));
        assert!(allows(After::Content, 2, true) && allows(After::Refusal, 2, false));
    }

    #[test]
    fn what_went_before_is_told_by_the_content_and_the_status() {
        assert_eq!(After::of(false, 500), After::Answer);
        assert_eq!(After::of(true, 200), After::Content);
        assert_eq!(After::of(true, 303), After::Content);
        assert_eq!(After::of(true, 404), After::Refusal);
    }
}
