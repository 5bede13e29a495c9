//! Ends a running request from outside of the task that carries it.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// The lowest bits of the state; those above count how often it was held.
const LOOSE: u64 = 0;
const HELD: u64 = 1;
const CUT: u64 = 2;
const BITS: u64 = 3;

/// A connection has one for all its requests, one after the other. Nothing is paid for it until
/// somebody holds it.
#[derive(Default)]
pub(super) struct Cancellation {
    state: AtomicU64,
    waker: AtomicWaker,
}

/// The right to sever it, while the request runs for which it was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CancelHandle(u64);

impl Cancellation {
    /// From here on it can be cut, by all who hold it for the same request. Must be called by the task
    /// that carries the request.
    pub(super) fn hold(&self) -> CancelHandle {
        let state = self.state.load(Ordering::Acquire);
        if state & BITS == HELD {
            return CancelHandle(state);
        }
        let held = (state & !BITS).wrapping_add(BITS + 1) | HELD;
        self.state.store(held, Ordering::Release);
        CancelHandle(held)
    }

    /// Another request begins. One that was severed just as it ended must not take this one along.
    pub(super) fn renew(&self) {
        let state = self.state.load(Ordering::Acquire);
        if state & BITS != LOOSE {
            self.state.store((state & !BITS).wrapping_add(BITS + 1) | LOOSE, Ordering::Release);
        }
    }

    /// The request is over; a later one on the same connection is not concerned.
    pub(super) fn release(&self, hold: CancelHandle) {
        let loose = hold.0 & !BITS | LOOSE;
        self.state.compare_exchange(hold.0, loose, Ordering::AcqRel, Ordering::Acquire).ok();
    }

    /// Ends the request, if it is still held.
    pub(super) fn cancel(&self, hold: CancelHandle) -> bool {
        let cut = hold.0 & !BITS | CUT;
        let severed = self.state.compare_exchange(hold.0, cut, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if severed {
            self.waker.wake();
        }
        severed
    }

    /// Ready once it is cut.
    pub(super) async fn cut(&self) {
        poll_fn(|context| {
            if self.state.load(Ordering::Acquire) & BITS == LOOSE {
                return Poll::Pending;
            }
            self.waker.register(context.waker());
            // It may have been cut before somebody could be woken.
            match self.state.load(Ordering::Acquire) & BITS {
                CUT => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn what_is_held_ends_when_it_is_severed() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let line = Arc::new(Cancellation::default());
            let hold = line.hold();
            let waiting = tokio::spawn({
                let line = Arc::clone(&line);
                async move { line.cut().await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            assert!(line.cancel(hold));
            waiting.await.unwrap();
        });
    }

    #[test]
    fn only_the_request_for_which_it_was_held_can_be_severed() {
        let line = Cancellation::default();
        let first = line.hold();
        assert_eq!(line.hold(), first, "for the same request");
        line.release(first);
        assert!(!line.cancel(first));
        let ended = line.hold();
        assert!(line.cancel(ended), "just as it ended");
        line.renew();
        let mut cut = Box::pin(line.cut());
        assert!(cut.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let second = line.hold();
        assert!(!line.cancel(first));
        assert!(line.cancel(second));
    }
}
