//! Time within a slice, and waiting for a moment of it to some microseconds: the runtime's own
//! timers are good to a millisecond, which is more than what is measured here.

use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;

use gateway_clock::Stopwatch;

/// One task's.
pub(super) enum Timer {
    Real {
        /// When the slice began.
        since: Stopwatch,
        /// A timer of the kernel's; none on other systems, or where no more can be opened.
        #[cfg(target_os = "linux")]
        precise: Option<AsyncFd<std::os::fd::OwnedFd>>,
    },
    /// It stands still until it is moved, or waited for.
    #[cfg(test)]
    Manual(std::rc::Rc<std::cell::Cell<Duration>>),
}

impl Timer {
    /// Must be made on a runtime.
    #[cfg(target_os = "linux")]
    pub(super) fn since(since: Stopwatch) -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let made = timerfd_create(TimerfdClockId::Monotonic, flags);
        #[expect(
            deprecated,
            reason = "it is for what is no descriptor of its own; an `OwnedFd` is, and its successor is unsafe"
        )]
        let precise = made.ok().and_then(|made| AsyncFd::new(made).ok());
        Self::Real { since, precise }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn since(since: Stopwatch) -> Self {
        Self::Real { since }
    }

    /// Since the slice began.
    pub(super) fn now(&self) -> Duration {
        match self {
            Self::Real { since, .. } => since.elapsed(),
            #[cfg(test)]
            Self::Manual(now) => now.get(),
        }
    }

    pub(super) async fn until(&mut self, moment: Duration) {
        loop {
            let left = moment.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            match self {
                #[cfg(target_os = "linux")]
                Self::Real { precise: Some(timer), .. } if once(timer, left).is_ok() => {
                    match timer.readable().await {
                        // Not read, but set anew the next time, which takes the mark away as well.
                        Ok(mut fired) => fired.clear_ready(),
                        Err(_) => tokio::time::sleep(left).await,
                    }
                }
                Self::Real { .. } => tokio::time::sleep(left).await,
                #[cfg(test)]
                Self::Manual(now) => now.set(moment),
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn once(timer: &AsyncFd<std::os::fd::OwnedFd>, span: Duration) -> rustix::io::Result<()> {
    let it_value = Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    };
    let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value }).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_fires_early_and_can_be_set_again() {
        let mut timer = Timer::since(Stopwatch::start());
        for micros in [1, 300, 0, 2_000, 500] {
            let moment = timer.now() + Duration::from_micros(micros);
            timer.until(moment).await;
            assert!(timer.now() >= moment, "{micros} µs");
        }
    }
}
