//! When requests are made, and from when their time counts.
//!
//! Closed loop: as soon as the one before was answered. Open loop: at times that were fixed before,
//! whatever becomes of the others. There a latency counts from the moment at which the request was
//! due, also when no connection was free then: a service that stalls for a second is seen to stall
//! by all who would have asked in that second, and not by one ("coordinated omission").

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Failed;
use super::tally::Tally;
use super::timer::Timer;

/// How long after its end a slice goes on to send what was due in it.
pub(super) const OVERTIME_MAX: Duration = Duration::from_secs(10);

/// Times at a fixed distance; one thread's share of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Requests a second, of all threads together.
    pub(super) rate: f64,
    pub(super) threads: u32,
    /// Which of them, from 0.
    pub(super) thread: u32,
    pub(super) span: Duration,
}

impl Schedule {
    fn due(&self, nth: u64) -> Option<Duration> {
        let of_all = nth as f64 * f64::from(self.threads) + f64::from(self.thread);
        let due = Duration::try_from_secs_f64(of_all / self.rate).ok()?;
        (due < self.span).then_some(due)
    }
}

/// One of several connections that share a schedule; returns when all of it was sent.
pub(super) async fn open_loop(
    schedule: Schedule,
    start: Instant,
    next: &Cell<u64>,
    mut timer: Timer,
    tally: &RefCell<Tally>,
    mut ask: impl AsyncFnMut() -> Result<u16, Failed>,
) {
    loop {
        let nth = next.get();
        let Some(due) = schedule.due(nth) else { return };
        next.set(nth + 1);
        let due = start + due;
        let now = Instant::now();
        if now < due {
            timer.until(due).await;
            // There was a connection, and nothing else to wait for: this is our own lateness.
            tally.borrow_mut().was_late(due.elapsed());
        } else {
            tally.borrow_mut().queued += 1;
        }
        if now > start + schedule.span + OVERTIME_MAX {
            tally.borrow_mut().unsent += 1;
            continue;
        }
        let answer = ask().await;
        tally.borrow_mut().record(answer, due.elapsed());
    }
}

/// One of several connections, each with one request at a time.
pub(super) async fn closed_loop(
    span: Duration,
    start: Instant,
    tally: &RefCell<Tally>,
    mut ask: impl AsyncFnMut() -> Result<u16, Failed>,
) {
    while start.elapsed() < span {
        let sent = Instant::now();
        let answer = ask().await;
        if answer == Err(Failed::NotConnected) {
            // Else a service that is gone would be asked a hundred thousand times a second.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tally.borrow_mut().record(answer, sent.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that answers at once, but not in this second of the slice.
    async fn ask_what_stalls(start: Instant, from: Duration) -> Result<u16, Failed> {
        let at = start.elapsed();
        if at >= from && at < from + Duration::from_secs(1) {
            tokio::time::sleep_until(start + from + Duration::from_secs(1)).await;
        }
        Ok(200)
    }

    fn above(tally: &Tally, millis: u64) -> u64 {
        tally.latencies.count_between(millis * 1_000_000, u64::MAX)
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_stalls_is_seen_to_stall_by_all_who_were_due() {
        let schedule = Schedule { rate: 100.0, threads: 1, thread: 0, span: Duration::from_secs(3) };
        let start = Instant::now() + Duration::from_millis(1);
        let (tally, next) = (RefCell::new(Tally::new()), Cell::new(0));
        let ask = async || ask_what_stalls(start, Duration::from_secs(1)).await;
        open_loop(schedule, start, &next, Timer::coarse(), &tally, ask).await;
        let tally = tally.into_inner();
        assert_eq!(tally.latencies.len(), 300);
        // Due evenly over the second, they waited evenly between a second and nothing.
        assert_eq!(above(&tally, 5), 100);
        assert_eq!(above(&tally, 255), 75);
        assert_eq!(above(&tally, 505), 50);
        assert_eq!(above(&tally, 995), 1);
        assert!((990_000_000..=1_010_000_000).contains(&tally.latencies.max()), "{}", tally.latencies.max());
        // All but the one that met the stall had no connection when they were due.
        assert_eq!((tally.queued, tally.unsent), (100, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_sees_the_same_stall_once() {
        let (start, tally) = (Instant::now(), RefCell::new(Tally::new()));
        let ask = async || {
            tokio::time::sleep(Duration::from_millis(10)).await;
            ask_what_stalls(start, Duration::from_secs(1)).await
        };
        closed_loop(Duration::from_secs(3), start, &tally, ask).await;
        let tally = tally.into_inner();
        assert_eq!(above(&tally, 15), 1);
        assert!((195..=205).contains(&tally.latencies.len()), "{}", tally.latencies.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_sent_any_more_is_counted() {
        let schedule = Schedule { rate: 10.0, threads: 1, thread: 0, span: Duration::from_secs(10) };
        let (start, tally, next) = (Instant::now(), RefCell::new(Tally::new()), Cell::new(0));
        let ask = async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(200)
        };
        open_loop(schedule, start, &next, Timer::coarse(), &tally, ask).await;
        let tally = tally.into_inner();
        assert_eq!(tally.latencies.len() + tally.unsent, 100);
        assert_eq!(tally.latencies.len(), 21);
    }

    #[test]
    fn threads_share_a_rate_evenly() {
        let of = |thread| Schedule { rate: 8.0, threads: 2, thread, span: Duration::from_secs(1) };
        let due = |thread| (0..5).map_while(move |nth| of(thread).due(nth)).map(|due| due.as_millis());
        assert_eq!(due(0).collect::<Vec<_>>(), [0, 250, 500, 750]);
        assert_eq!(due(1).collect::<Vec<_>>(), [125, 375, 625, 875]);
    }
}
