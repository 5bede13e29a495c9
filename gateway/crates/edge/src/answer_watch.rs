//! Answers that last. One that still runs after a moment is watched from then on as streams are,
//! whatever it is made of: it ends with its token.
//!
//! Nearly all are over before. They cost a note that stays in their own task; nothing is allocated for
//! it, and nothing shared is touched.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Method;
use pingora::Error;
use tokio::time::{Sleep, sleep};

use super::Gateway;
use super::connection_context::ConnectionContext;
use super::exchange::Exchange;
use super::fault::REVOKED;
use super::streams::{Facts, Streams, Watched};
use gateway_clock::Stopwatch;
use gateway_pipeline::{Admitted, Refusal};
use gateway_telemetry::RequestId;

/// How long a request and its answer may take without being watched.
const UNWATCHED_MAX: Duration = Duration::from_secs(1);

/// An answer that has begun.
pub(super) struct Answer {
    /// Since its request came.
    since: Stopwatch,
    request_id: RequestId,
    admitted: Arc<Admitted>,
    close_on_expiry: bool,
    watched: Option<Watched>,
}

/// Looks after the answers of one connection, one after the other.
pub(super) struct AnswerWatch {
    streams: Arc<Streams>,
    /// For all of them: it is not set anew with each, but when it ends.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Gateway {
    /// An answer that was long in coming, as that of a long poll, is for who is still in force. Whoever may
    /// have changed something is told what became of it; and nobody is refused since nobody can be asked.
    pub(super) async fn ask_again(&self, method: &Method, exchange: &Exchange) -> pingora::Result<()> {
        let Some(admitted) = exchange.still_admitted() else { return Ok(()) };
        let is_late = || Stopwatch::lately().since(&exchange.started) > UNWATCHED_MAX;
        let watched = |_: &&_| method.is_safe() && !admitted.route().shadow && is_late();
        let principal = admitted.principal().filter(watched);
        let Some(principal) = principal else { return Ok(()) };
        let by_now = (self.parts.current)();
        match self.parts.pipeline.is_in_force(&by_now.decision, principal).await {
            // As if the client had gone: the upstream is not to blame.
            Err(Refusal::TokenRevoked(_) | Refusal::CertificateInvalid(_)) => {
                Err(Error::explain(REVOKED, "before its answer came").into_down())
            }
            _ => Ok(()),
        }
    }
}

impl Answer {
    /// Takes note of it, where it is for somebody.
    pub(super) fn begins(exchange: &Exchange, is_measured: bool) {
        let Some(admitted) = exchange.still_admitted() else { return };
        let route = admitted.route();
        if admitted.principal().is_none() || route.shadow {
            return;
        }
        ConnectionContext::answers(Self {
            since: exchange.started,
            request_id: exchange.request_id.clone(),
            admitted: Arc::clone(admitted),
            close_on_expiry: route.on_expiry.closes(is_measured),
            watched: None,
        });
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            request_id: self.request_id.clone(),
            route: self.admitted.route().name.clone(),
            principal: self.admitted.principal()?.clone(),
            close_on_expiry: self.close_on_expiry,
        })
    }
}

impl AnswerWatch {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Self { streams: Arc::clone(streams), timer: None }
    }

    /// Never ready. It looks each time that it is polled, and is woken by nothing but its timer: it must
    /// be polled after the request was, and before the lifeline, by the same task.
    pub(super) fn look(
        &mut self,
        context: &mut Context<'_>,
        connection_context: &Arc<ConnectionContext>,
    ) -> Poll<()> {
        ConnectionContext::with_answer(|answer| {
            while answer.watched.is_none() {
                let left = UNWATCHED_MAX.saturating_sub(answer.since.elapsed());
                if left.is_zero() {
                    let hold = connection_context.cancellation.hold();
                    let watch = |facts| self.streams.watch(connection_context, hold, facts);
                    answer.watched = answer.facts().map(watch);
                    return;
                }
                // One that was set for an answer before this one ends earlier.
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
                if timer.as_mut().poll(context).is_pending() {
                    return;
                }
                self.timer = None;
            }
        });
        Poll::Pending
    }
}
