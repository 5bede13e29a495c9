//! Failed logins in a row, by account and address: after some of them each further one must wait, twice
//! as long each time. Nobody's failures make somebody else wait, who comes from another address.

use std::time::Duration;

use parking_lot::Mutex;

use super::policy::LoginKey;
use gateway_bounded::BoundedMap;
use gateway_clock::{Backoff, Timestamp};
use gateway_identity::Email;

/// How long one must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// So many failures in a row cost nothing yet.
    pub after: u32,
    /// The wait after the next one; it doubles with each further one.
    pub first: Duration,
    /// And never is longer than this.
    pub longest: Duration,
}

impl Lock {
    fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.after.saturating_add(1)) else {
            return Duration::ZERO;
        };
        Backoff { first: self.first, longest: self.longest }.after(doublings)
    }
}

/// Failures are forgotten after so long without another one.
const MEMORY: Duration = Duration::from_secs(24 * 3_600);

/// Failed logins by key, bounded: what is not used is forgotten first. Lost with the process.
pub struct FailedLogins(Mutex<BoundedMap<LoginKey, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl FailedLogins {
    pub fn new(keys_max: usize) -> Self {
        Self(Mutex::new(BoundedMap::new(keys_max)))
    }

    /// How long an attempt must still wait; `None` when it may be made now.
    pub fn wait(&self, lock: &Lock, attempt: &LoginKey, now: Timestamp) -> Option<Duration> {
        let failures = *self.0.lock().get(attempt)?;
        let until = failures.last.plus(lock.wait(failures.count));
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    pub fn failed(&self, attempt: &LoginKey, now: Timestamp) {
        let mut failures = self.0.lock();
        match failures.get(attempt) {
            Some(before) => {
                let forgotten = now.since(before.last) > MEMORY;
                let count = if forgotten { 1 } else { before.count.saturating_add(1) };
                *before = Failures { count, last: now };
            }
            None => failures.insert(attempt.clone(), Failures { count: 1, last: now }),
        }
    }

    /// The password was right.
    pub fn succeeded(&self, attempt: &LoginKey) {
        if let Some(failures) = self.0.lock().get(attempt) {
            failures.count = 0;
        }
    }

    /// The account has a new password: its failures are forgotten.
    pub fn reset(&self, account: &Email) {
        let mut failures = self.0.lock();
        let of_it = failures.iter_mut().filter(|(attempt, _)| attempt.email == *account);
        of_it.for_each(|(_, failures)| failures.count = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(email: &str, address: &str) -> LoginKey {
        let address: std::net::IpAddr = address.parse().unwrap();
        LoginKey { email: Email::parse(email).unwrap(), address: address.into() }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    const LOCK: Lock = Lock { after: 3, first: Duration::from_secs(10), longest: Duration::from_secs(60) };

    #[test]
    fn the_wait_begins_after_some_failures_doubles_and_is_bounded() {
        let failed_logins = FailedLogins::new(10);
        let guess = attempt("ada@example.org", "192.0.2.1");
        let mut waits = Vec::new();
        for _ in 0..8 {
            failed_logins.failed(&guess, at(0));
            waits.push(failed_logins.wait(&LOCK, &guess, at(0)).map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 0, 10, 20, 40, 60, 60]);
        assert_eq!(failed_logins.wait(&LOCK, &guess, at(60)), None);
    }

    #[test]
    fn nobody_locks_somebody_else_out() {
        let failed_logins = FailedLogins::new(10);
        for _ in 0..100 {
            failed_logins.failed(&attempt("ada@example.org", "192.0.2.1"), at(0));
        }
        for other in [attempt("ada@example.org", "192.0.2.2"), attempt("bob@example.org", "192.0.2.1")] {
            assert_eq!(failed_logins.wait(&LOCK, &other, at(0)), None);
        }
    }

    #[test]
    fn a_right_password_a_new_one_and_a_day_end_it() {
        let failed_logins = FailedLogins::new(10);
        let guess = attempt("ada@example.org", "192.0.2.1");
        let fail = |times| (0..times).for_each(|_| failed_logins.failed(&guess, at(0)));
        fail(9);
        failed_logins.succeeded(&guess);
        assert_eq!(failed_logins.wait(&LOCK, &guess, at(0)), None);
        fail(9);
        failed_logins.reset(&guess.email);
        assert_eq!(failed_logins.wait(&LOCK, &guess, at(0)), None);
        fail(9);
        failed_logins.failed(&guess, at(25 * 3_600));
        assert_eq!(failed_logins.wait(&LOCK, &guess, at(25 * 3_600)), None);
    }

    #[test]
    fn its_memory_is_bounded_and_the_oldest_goes_first() {
        let failed_logins = FailedLogins::new(2);
        let all = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|address| attempt("ada@example.org", address));
        for guess in &all {
            (0..9).for_each(|_| failed_logins.failed(guess, at(0)));
        }
        let waits = all.each_ref().map(|guess| failed_logins.wait(&LOCK, guess, at(0)).is_some());
        assert_eq!(waits, [false, true, true]);
    }
}
