//! When requests are made, and from when their time counts.
//!
//! Closed loop: as soon as the one before was answered. Open loop: at times that were fixed before,
//! whatever becomes of the others. There a latency counts from the moment at which the request was
//! due, also when no connection was free then: a service that stalls for a second is seen to stall
//! by all who would have asked in that second, and not by one ("coordinated omission").

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::connection::Failed;
use super::measured::Measured;
use super::timer::Timer;

/// The first request is due so long after the start, so that it is not late already.
const LEAD: Duration = Duration::from_millis(1);
/// How long after its end a slice goes on to send what was due in it.
const OVERTIME_MAX: Duration = Duration::from_secs(10);

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
    next: &Cell<u64>,
    mut timer: Timer,
    measured: &RefCell<Measured>,
    mut ask: impl AsyncFnMut() -> Result<u16, Failed>,
) {
    loop {
        let nth = next.get();
        let Some(due) = schedule.due(nth) else { return };
        next.set(nth + 1);
        let due = LEAD + due;
        if timer.now() < due {
            timer.until(due).await;
            // There was a connection, and nothing else to wait for: this is our own lateness.
            measured.borrow_mut().was_late(timer.now().saturating_sub(due));
        } else {
            measured.borrow_mut().queued += 1;
        }
        if timer.now() > schedule.span + OVERTIME_MAX {
            measured.borrow_mut().unsent += 1;
            continue;
        }
        let answer = ask().await;
        measured.borrow_mut().record(answer, timer.now().saturating_sub(due));
    }
}

/// One of several connections, each with one request at a time.
pub(super) async fn closed_loop(
    span: Duration,
    mut timer: Timer,
    measured: &RefCell<Measured>,
    mut ask: impl AsyncFnMut() -> Result<u16, Failed>,
) {
    while timer.now() < span {
        let sent = timer.now();
        let answer = ask().await;
        let took = timer.now().saturating_sub(sent);
        if answer == Err(Failed::NotConnected) {
            // Else a service that is gone would be asked a hundred thousand times a second.
            timer.until(sent + Duration::from_millis(10)).await;
        }
        measured.borrow_mut().record(answer, took);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// A service of which one request at a time can be asked, on a clock of its own.
    struct Service {
        now: Rc<Cell<Duration>>,
        takes: Duration,
        /// From when it stalls for a second.
        stalls: Duration,
    }

    impl Service {
        fn new(takes_ms: u64, stalls_ms: u64) -> Self {
            let millis = Duration::from_millis;
            Self { now: Rc::default(), takes: millis(takes_ms), stalls: millis(stalls_ms) }
        }

        fn timer(&self) -> Timer {
            Timer::Manual(Rc::clone(&self.now))
        }

        fn answer(&self) -> Result<u16, Failed> {
            let (asked, end) = (self.now.get(), self.stalls + Duration::from_secs(1));
            let begun = if asked >= self.stalls && asked < end { end } else { asked };
            self.now.set(begun + self.takes);
            Ok(200)
        }
    }

    fn opened(service: &Service, rate: f64, span: Duration) -> Measured {
        let schedule = Schedule { rate, threads: 1, thread: 0, span };
        let (measured, next) = (RefCell::new(Measured::new()), Cell::new(0));
        let ask = async || service.answer();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(open_loop(schedule, &next, service.timer(), &measured, ask));
        measured.into_inner()
    }

    fn above(measured: &Measured, millis: u64) -> u64 {
        measured.latencies.count_between(millis * 1_000_000, u64::MAX)
    }

    #[test]
    fn a_service_that_stalls_is_seen_to_stall_by_all_who_were_due() {
        let measured = opened(&Service::new(0, 1_001), 100.0, Duration::from_secs(3));
        assert_eq!(measured.latencies.len(), 300);
        // Due evenly over the second, they waited evenly between a second and nothing.
        assert_eq!(above(&measured, 5), 100);
        assert_eq!(above(&measured, 255), 75);
        assert_eq!(above(&measured, 505), 50);
        assert_eq!(above(&measured, 995), 1);
        assert!(
            (999_000_000..=1_001_000_000).contains(&measured.latencies.max()),
            "{}",
            measured.latencies.max()
        );
        // All but the one that met the stall had no connection when they were due; so had the one
        // that was due when it ended.
        assert_eq!((measured.queued, measured.unsent), (100, 0));
    }

    #[test]
    fn a_closed_loop_sees_the_same_stall_once() {
        let service = Service::new(10, 1_000);
        let measured = RefCell::new(Measured::new());
        let ask = async || service.answer();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(closed_loop(Duration::from_secs(3), service.timer(), &measured, ask));
        let measured = measured.into_inner();
        assert_eq!((measured.latencies.len(), above(&measured, 15)), (200, 1));
    }

    #[test]
    fn what_cannot_be_sent_any_more_is_counted() {
        let measured = opened(&Service::new(1_000, 3_600_000), 10.0, Duration::from_secs(10));
        assert_eq!((measured.latencies.len(), measured.unsent), (20, 80));
    }

    #[test]
    fn a_delay_of_500_microseconds_is_500_microseconds() {
        let mut service = Service::new(0, 3_600_000);
        service.takes = Duration::from_micros(500);
        let measured = opened(&service, 1_000.0, Duration::from_secs(1));
        assert_eq!(measured.latencies.len(), 1_000);
        for nanos in [measured.latencies.min(), measured.latencies.max()] {
            assert!((499_500..=500_500).contains(&nanos), "{nanos}");
        }
    }

    #[test]
    fn threads_share_a_rate_evenly() {
        let of = |thread| Schedule { rate: 8.0, threads: 2, thread, span: Duration::from_secs(1) };
        let due = |thread| (0..5).map_while(move |nth| of(thread).due(nth)).map(|due| due.as_millis());
        assert_eq!(due(0).collect::<Vec<_>>(), [0, 250, 500, 750]);
        assert_eq!(due(1).collect::<Vec<_>>(), [125, 375, 625, 875]);
    }
}
