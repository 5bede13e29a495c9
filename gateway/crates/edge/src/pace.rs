//! How a client sends the body of its request, while the service waits for it: neither with long
//! silences nor a byte now and then. The same for HTTP/1.1 and HTTP/2, whose own read time-out does
//! nothing in Pingora 0.9.1.
//!
//! It holds until the head of the answer has come: from then on both may talk for as long as they
//! like. Time in which the service takes nothing is not the client's.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;

use super::beginning::CLIENT_IO_MAX;
use super::client::Client;
use super::exchange::Exchange;
use super::{Gateway, upgrade};
use gateway_pipeline::{Protocol, Route};
use gateway_problem::Code;

/// How often a body that is awaited is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time over which the rate must be kept.
const RATE_OVER: Duration = Duration::from_secs(30);
/// How long a client may go on sending after it has its whole answer.
const LEFT_OVER_MAX: Duration = Duration::from_secs(5);

/// The body is awaited.
const AWAITED: u8 = 0;
/// The head of the answer came first.
const ANSWERED: u8 = 1;
/// The whole answer came first.
const LEFT_OVER: u8 = 2;
/// It came too slowly.
const BROKEN: u8 = 3;
/// It came, or nobody waits for it any more.
const OVER: u8 = 4;

/// What a route asks of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Least {
    /// Longest silence.
    pub(super) idle: Duration,
    /// Bytes a second; zero: none.
    pub(super) rate: u64,
    /// The time over which the rate must be kept.
    pub(super) over: Duration,
    /// After such a silence an answer of which no end was seen is over: nobody waits longer for more.
    pub(super) answer_idle: Duration,
}

/// Why a request ends by the pace of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    TooSlow,
    /// The client has its whole answer, and goes on sending.
    LeftOver,
}

/// The body of one request.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: AtomicU8,
    received: AtomicU64,
    /// Pieces of the answer.
    pieces: AtomicU64,
    is_blocked: AtomicBool,
    waker: AtomicWaker,
}

/// Ends the watch when the request does.
pub(super) struct Paced(Arc<Pace>);

impl Drop for Paced {
    fn drop(&mut self) {
        self.0.state.store(OVER, Ordering::Release);
    }
}

impl std::ops::Deref for Paced {
    type Target = Arc<Pace>;

    fn deref(&self) -> &Arc<Pace> {
        &self.0
    }
}

impl Paced {
    /// Watches a body from now on. `end` is told how it ended, where it ends by its pace.
    fn begin(least: Least, end: impl Fn(End) + Send + 'static) -> Self {
        let pace = Arc::new(Pace::default());
        tokio::spawn(watch(Arc::downgrade(&pace), least, end));
        Self(pace)
    }

    pub(super) fn received(&self, bytes: u64, is_end: bool) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
        if is_end {
            self.0.state.store(OVER, Ordering::Release);
        }
    }

    /// The head of the answer came.
    pub(super) fn answered(&self) {
        self.0.turn(AWAITED, ANSWERED);
    }

    /// A piece of the answer came, or its end.
    pub(super) fn answers(&self, is_end: bool) {
        self.0.pieces.fetch_add(1, Ordering::Relaxed);
        if is_end {
            self.0.turn(ANSWERED, LEFT_OVER);
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == BROKEN
    }
}

impl Pace {
    /// Whether the service takes nothing at the moment.
    pub(super) fn block(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
    }

    /// Ready once the body came too slowly.
    pub(super) fn poll_broken(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.state.load(Ordering::Acquire) {
            BROKEN => return Poll::Ready(()),
            AWAITED => {}
            _ => return Poll::Pending,
        }
        self.waker.register(context.waker());
        // It may have been broken before somebody could be woken.
        if self.state.load(Ordering::Acquire) == BROKEN { Poll::Ready(()) } else { Poll::Pending }
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// What is counted of a body that is awaited. Time comes from outside.
struct Count {
    least: Least,
    silent: Duration,
    waited: Duration,
    seen: u64,
    began_with: u64,
}

impl Count {
    fn new(least: Least) -> Self {
        Self { least, silent: Duration::ZERO, waited: Duration::ZERO, seen: 0, began_with: 0 }
    }

    /// So much more time went by, and so much is there now: whether it is too slow.
    fn is_too_slow(&mut self, passed: Duration, received: u64) -> bool {
        self.silent = if received == self.seen { self.silent + passed } else { Duration::ZERO };
        self.seen = received;
        self.waited += passed;
        if self.silent >= self.least.idle {
            return true;
        }
        if self.waited < self.least.over {
            return false;
        }
        let came = received - self.began_with;
        (self.waited, self.began_with) = (Duration::ZERO, received);
        came < self.least.rate.saturating_mul(RATE_OVER.as_secs())
    }
}

async fn watch(pace: Weak<Pace>, least: Least, end: impl Fn(End) + Send + 'static) {
    let mut count = Count::new(least);
    let (mut left_over, mut quiet, mut pieces) = (Duration::ZERO, Duration::ZERO, 0);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(pace) = pace.upgrade() else { return };
        match pace.state.load(Ordering::Acquire) {
            AWAITED if pace.is_blocked.load(Ordering::Relaxed) => {}
            AWAITED => {
                let received = pace.received.load(Ordering::Relaxed);
                if count.is_too_slow(LOOK_EVERY, received) && pace.turn(AWAITED, BROKEN) {
                    pace.waker.wake();
                    return end(End::TooSlow);
                }
            }
            ANSWERED => {
                let now = pace.pieces.load(Ordering::Relaxed);
                quiet = if now == pieces { quiet + LOOK_EVERY } else { Duration::ZERO };
                pieces = now;
                if quiet > least.answer_idle {
                    pace.turn(ANSWERED, LEFT_OVER);
                }
            }
            LEFT_OVER if left_over < LEFT_OVER_MAX => left_over += LOOK_EVERY,
            LEFT_OVER => return end(End::LeftOver),
            _ => return,
        }
    }
}

impl Gateway {
    /// Watches the body of a request that is about to be forwarded, if more of it is to come. What is
    /// a stream from the beginning has no pace.
    pub(super) fn pace(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
        route: &Route,
    ) -> Option<Paced> {
        let request = client.request();
        let streams = upgrade::asks_for_a_stream(request) || upgrade::wanted(request, exchange);
        if streams || client.is_body_received() {
            return None;
        }
        // Here and for HTTP/2 alike, and not by its connection.
        client.await_patiently();
        let timeouts = &route.upstream.timeouts;
        // The task that waits for a server of HTTP/1.1 finds out, and answers.
        let answers = route.upstream.protocol == Protocol::Http1;
        // And knows when the server takes nothing. Over HTTP/2 it has its time to take something first.
        let taken = if answers { Duration::ZERO } else { route.write_timeout.unwrap_or(timeouts.write) };
        let least = Least {
            idle: route.body_idle + taken,
            rate: route.body_rate_min,
            over: RATE_OVER + taken,
            answer_idle: route.read_timeout.unwrap_or(timeouts.read).max(CLIENT_IO_MAX),
        };
        let (hold, connection_context) = (exchange.hold(), Arc::clone(&exchange.connection_context));
        let (metrics, request_id) = (self.metrics(), exchange.request_id.clone());
        let end = move |end| {
            if end == End::TooSlow && answers || !connection_context.cancellation.cancel(hold) {
                return;
            }
            let reason = Code::BodyTimeout.as_str();
            metrics.connections.ended_stream(reason);
            tracing::info!(target: "access", request_id = %request_id, outcome = reason, "a request was ended");
        };
        Some(Paced::begin(least, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many seconds a body of so many bytes each so many seconds is too slow.
    fn too_slow(rate: u64, bytes: u64, each: u64) -> Option<u64> {
        let least = Least { idle: 30 * SECOND, rate, over: RATE_OVER, answer_idle: 60 * SECOND };
        let mut count = Count::new(least);
        (1..=300).find(|second| count.is_too_slow(SECOND, second / each * bytes))
    }

    #[test]
    fn a_silence_or_a_trickle_is_too_slow_and_a_steady_body_is_not() {
        assert_eq!(too_slow(240, 0, 1), Some(30));
        assert_eq!(too_slow(240, 1, 25), Some(30));
        assert_eq!(too_slow(240, 239, 1), Some(30));
        assert_eq!(too_slow(240, 240, 1), None);
        assert_eq!(too_slow(240, 10_000, 29), None);
        assert_eq!(too_slow(0, 1, 29), None, "only silence counts where there is no rate");
        assert_eq!(too_slow(0, 1, 31), Some(30));
    }

    #[test]
    fn who_has_the_head_of_the_answer_may_take_its_time() {
        let pace = Pace::default();
        assert!(pace.turn(AWAITED, ANSWERED));
        assert!(!pace.turn(AWAITED, BROKEN));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(pace.poll_broken(&mut context).is_pending());
    }
}
