//! How long somebody is waited for. There is one timer for all waits of a connection of a kind, which is not
//! set anew with each of them, but when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::clock::Stopwatch;

#[derive(Default)]
pub(super) struct Patience {
    since: Option<Stopwatch>,
    /// With the longest wait for which it ends soon enough.
    timer: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl Patience {
    /// What was waited for came.
    pub(super) fn is_rewarded(&mut self) {
        self.since = None;
    }

    /// Somebody is waited for, since it was first asked. Ready after so long.
    pub(super) fn poll_over(&mut self, most: Duration, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Stopwatch::start);
        loop {
            if let Some((longest, timer)) = &mut self.timer
                && *longest <= most
            {
                ready!(timer.as_mut().poll(context));
            }
            // None, one that ends too late, or one that was set for a wait before this one.
            let left = most.saturating_sub(since.elapsed());
            if left.is_zero() {
                *self = Self::default();
                return Poll::Ready(());
            }
            self.timer = Some((most, Box::pin(sleep(left))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Whether it is over in so many milliseconds, of which it lasts so many.
    async fn is_over(patience: &mut Patience, most: u64, within: u64) -> bool {
        let over = poll_fn(|context| patience.poll_over(Duration::from_millis(most), context));
        tokio::time::timeout(Duration::from_millis(within), over).await.is_ok()
    }

    #[tokio::test]
    async fn each_wait_lasts_as_long_as_it_may_whatever_came_before() {
        let mut patience = Patience::default();
        assert!(!is_over(&mut patience, 60_000, 1).await);
        patience.is_rewarded();
        assert!(is_over(&mut patience, 5, 60_000).await, "shorter than the one before");
        assert!(!is_over(&mut patience, 40, 20).await);
        patience.is_rewarded();
        assert!(!is_over(&mut patience, 40, 30).await, "the timer of the one before ends meanwhile");
        assert!(is_over(&mut patience, 40, 60_000).await, "counted from its beginning");
    }
}
