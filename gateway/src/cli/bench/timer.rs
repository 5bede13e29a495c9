//! Waits until a moment, to some microseconds: the runtime's own timers are good to a millisecond,
//! which is more than what is measured here.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(target_os = "linux")]
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;

/// One waiting task's timer.
pub(super) struct Timer {
    /// A timer of the kernel's; none on other systems, and where time is not the kernel's.
    #[cfg(target_os = "linux")]
    precise: Option<AsyncFd<std::os::fd::OwnedFd>>,
}

impl Timer {
    /// Must be made on a runtime.
    #[cfg(target_os = "linux")]
    pub(super) fn precise() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let made = timerfd_create(TimerfdClockId::Monotonic, flags);
        #[expect(
            deprecated,
            reason = "it is for what is no descriptor of its own; an `OwnedFd` is, and its successor is unsafe"
        )]
        let watched = made.ok().and_then(|made| AsyncFd::new(made).ok());
        Self { precise: watched }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn precise() -> Self {
        Self {}
    }

    /// Of the runtime's resolution.
    #[cfg(test)]
    pub(super) fn coarse() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            precise: None,
        }
    }

    pub(super) async fn until(&mut self, moment: Instant) {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.precise {
            let left = moment.saturating_duration_since(Instant::now());
            // Zero would disarm it.
            let armed = once(timer, left.max(Duration::from_nanos(1)));
            if armed.is_ok()
                && let Ok(mut fired) = timer.readable().await
            {
                // Not read, but set anew the next time, which takes the mark away as well.
                fired.clear_ready();
                return;
            }
        }
        tokio::time::sleep_until(moment).await;
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
        let mut timer = Timer::precise();
        for micros in [1, 300, 0, 2_000, 500] {
            let moment = Instant::now() + Duration::from_micros(micros);
            timer.until(moment).await;
            assert!(Instant::now() >= moment, "{micros} µs");
        }
    }
}
