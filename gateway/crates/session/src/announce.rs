//! What follows a change that is durable: its line in the log, the courier that is woken, and the
//! revocations that every check sees.

use std::sync::Arc;

use commit::{Published, UnderWay};
use tokio::sync::Notify;

use gateway_store::{AuditEvent, Revocation, Revocations, Words};
use gateway_telemetry::Metrics;

/// The observers of changes, in a gateway.
pub struct Announcements {
    pub revocations: Arc<dyn Revocations>,
    pub metrics: Arc<Metrics>,
    /// Told when something was put in the outbox.
    pub relay: Arc<Notify>,
    pub under_way: UnderWay,
}

impl commit::Announce<Words> for Announcements {
    fn record(&self, event: &AuditEvent) {
        self.metrics.security.record(event);
    }

    fn wake(&self) {
        self.relay.notify_one();
    }

    fn publish<'a>(&'a self, revoked: &'a [Revocation]) -> Published<'a, Words> {
        self.revocations.publish(revoked)
    }

    fn under_way(&self) -> &UnderWay {
        &self.under_way
    }
}
