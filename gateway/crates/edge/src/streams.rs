//! Streams that outlive the moment in which they were admitted: WebSockets, server-sent events, gRPC,
//! and whatever else lasts. Each is looked at again and again, also while nothing is said on it, and is
//! ended when its token is no longer good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::cancellation::CancelHandle;
use super::configured::Current;
use super::connection_context::ConnectionContext;
use gateway_clock::Stopwatch;
use gateway_identity::UserId;
use gateway_pipeline::{Pipeline, Principal, Refusal};
use gateway_telemetry::{Metrics, RequestId};

/// How often all of them are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Of how many of them the revocation store is asked at a time: each waits for a round trip to Redis.
const ASKED_AT_ONCE: usize = 256;
/// How long a stream may go on while the revocation store cannot be asked. New requests are refused
/// at once; ending all that runs for a hiccup would be an outage of our making.
const UNSURE_MAX: Duration = Duration::from_secs(10);

/// What is known of a running stream.
pub(super) struct Facts {
    pub(super) request_id: RequestId,
    pub(super) route: String,
    pub(super) principal: Principal,
    pub(super) close_on_expiry: bool,
}

struct Running {
    connection_context: Arc<ConnectionContext>,
    hold: CancelHandle,
    facts: Facts,
    /// Since when nobody could say whether it may go on.
    unsure: Mutex<Option<Stopwatch>>,
}

/// All running streams with an identity.
pub struct Streams {
    pipeline: Arc<Pipeline>,
    /// They are looked at by what is configured by then: a stream may outlive many configurations.
    current: Current,
    metrics: Arc<Metrics>,
    running: Mutex<HashMap<u64, Arc<Running>>>,
    next: AtomicU64,
}

/// A stream is looked at while this lives.
pub(super) struct Watched {
    streams: Arc<Streams>,
    number: u64,
    connection_context: Arc<ConnectionContext>,
    hold: CancelHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.connection_context.cancellation.release(self.hold);
        self.streams.running.lock().remove(&self.number);
    }
}

impl Streams {
    pub fn new(pipeline: Arc<Pipeline>, current: Current, metrics: Arc<Metrics>) -> Arc<Self> {
        let (running, next) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { pipeline, current, metrics, running, next })
    }

    pub fn count(&self) -> usize {
        self.running.lock().len()
    }

    pub(super) fn watch(
        self: &Arc<Self>,
        connection_context: &Arc<ConnectionContext>,
        hold: CancelHandle,
        facts: Facts,
    ) -> Watched {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let running = Running {
            connection_context: Arc::clone(connection_context),
            hold,
            facts,
            unsure: Mutex::new(None),
        };
        self.running.lock().insert(number, Arc::new(running));
        Watched {
            streams: Arc::clone(self),
            number,
            connection_context: Arc::clone(connection_context),
            hold,
        }
    }

    /// Begins to look at them, for as long as they are there. Must be called on a runtime.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(rounds(Arc::downgrade(self)));
    }

    async fn look(self: &Arc<Self>) {
        let all: Vec<_> = self.running.lock().values().cloned().collect();
        // Expired streams are ended without asking the store.
        let (over, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|running| {
            running.facts.close_on_expiry && self.pipeline.is_over(&running.facts.principal)
        });
        over.iter().for_each(|running| self.end(running, &Refusal::TokenExpired));
        let mut asked = JoinSet::new();
        for running in others {
            if asked.len() == ASKED_AT_ONCE {
                asked.join_next().await;
            }
            let this = Arc::clone(self);
            asked.spawn(async move { this.ask(&running).await });
        }
        while asked.join_next().await.is_some() {}
    }

    async fn ask(&self, running: &Running) {
        let configured = (self.current)();
        match self.pipeline.is_in_force(&configured.decision, &running.facts.principal).await {
            Ok(()) => *running.unsure.lock() = None,
            Err(refusal @ Refusal::RevocationUnavailable(_)) => {
                let since = running.unsure.lock().get_or_insert_with(Stopwatch::start).elapsed();
                if since > UNSURE_MAX {
                    self.end(running, &refusal);
                }
            }
            Err(refusal) => self.end(running, &refusal),
        }
    }

    fn end(&self, running: &Running, refusal: &Refusal) {
        if running.connection_context.cancellation.cancel(running.hold) {
            let (facts, reason) = (&running.facts, refusal.code().as_str());
            self.metrics.connections.ended_stream(reason);
            tracing::info!(
                target: "access", request_id = %facts.request_id, route = facts.route,
                user_id = facts.principal.user().map(UserId::get),
                subject = facts.principal.foreign().map(tracing::field::display),
                outcome = reason, "a running stream was ended"
            );
        }
    }
}

async fn rounds(streams: Weak<Streams>) {
    while let Some(streams) = streams.upgrade() {
        streams.look().await;
        drop(streams);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
