//! How long somebody is waited for. There is one timer for all waits of a connection of a kind, which is not
//! set anew with each of them, but when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep};

use gateway_clock::Stopwatch;

#[derive(Default)]
pub(super) struct IdleTimer {
    since: Option<Stopwatch>,
    timer: Option<Timer>,
}

struct Timer {
    /// The longest wait for which it ends soon enough.
    longest: Duration,
    sleep: Pin<Box<Sleep>>,
    /// The task that it wakes when it ends.
    wakes: Waker,
}

impl Timer {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // It runs, and knows: to ask it again would tell it the same.
        if self.wakes.will_wake(context.waker()) && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        self.wakes.clone_from(context.waker());
        self.begin(context)
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // Or tokio may not set it, because the task has had its share of work.
        std::pin::pin!(unconstrained(self.sleep.as_mut())).poll(context)
    }
}

impl IdleTimer {
    /// What was waited for came.
    pub(super) fn is_rewarded(&mut self) {
        self.since = None;
    }

    /// Somebody is waited for, since it was first asked. Ready after so long.
    pub(super) fn poll_over(&mut self, most: Duration, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Stopwatch::lately);
        // One that ends too late does not count.
        if let Some(timer) = self.timer.as_mut().filter(|timer| timer.longest <= most) {
            ready!(timer.poll(context));
        }
        loop {
            // None, or one that was set for a wait before this one.
            let left = most.saturating_sub(since.elapsed());
            if left.is_zero() {
                *self = Self::default();
                return Poll::Ready(());
            }
            let wakes = context.waker().clone();
            let timer = self.timer.insert(Timer { longest: most, sleep: Box::pin(sleep(left)), wakes });
            ready!(timer.begin(context));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Whether it is over in so many milliseconds, of which it lasts so many.
    async fn is_over(idle_timer: &mut IdleTimer, most: u64, within: u64) -> bool {
        let over = poll_fn(|context| idle_timer.poll_over(Duration::from_millis(most), context));
        tokio::time::timeout(Duration::from_millis(within), over).await.is_ok()
    }

    #[tokio::test]
    async fn each_wait_lasts_as_long_as_it_may_whatever_came_before() {
        let mut idle_timer = IdleTimer::default();
        assert!(!is_over(&mut idle_timer, 60_000, 1).await);
        idle_timer.is_rewarded();
        assert!(is_over(&mut idle_timer, 5, 60_000).await, "shorter than the one before");
        assert!(!is_over(&mut idle_timer, 40, 20).await);
        idle_timer.is_rewarded();
        assert!(!is_over(&mut idle_timer, 40, 30).await, "the timer of the one before ends meanwhile");
        assert!(is_over(&mut idle_timer, 40, 60_000).await, "counted from its beginning");
    }
}
