//! One line of the log, and one count, for each event that matters for who is let in.

use std::net::IpAddr;

use prometheus::{IntCounter, IntCounterVec};

use super::redact::{ShownAddress, ShownEmail};
use super::registry::MetricRegistry;
use gateway_store::{Actor, AuditEvent, Event};

/// The metric of security events.
pub struct Security(Vec<IntCounter>);

impl Security {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        let events: IntCounterVec = registry.counters(
            "gateway_security_events_total",
            &["event"],
            "Events that matter for who is let in, by event: the same as in the lines of the log with the target `security`.",
        )?;
        Ok(Self(Event::ALL.iter().map(|event| events.with_label_values(&[event.as_str()])).collect()))
    }

    /// Counts the event, and writes its line: what stands in the audit trail, as far as the log may show
    /// it.
    pub fn record(&self, told: &AuditEvent) {
        let (event, entry) = (told.event(), told.entry());
        self.0.get(event as usize).iter().for_each(|counter| counter.inc());
        let address = entry.address.as_ref().and_then(|address| address.parse::<IpAddr>().ok());
        // The account that did it, where that is another one.
        let by = match entry.actor {
            Some(Actor::User { user_id }) if entry.user_id != Some(user_id) => Some(user_id.get()),
            _ => None,
        };
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(
                    target: "security",
                    event = event.as_str(),
                    request_id = entry.request_id,
                    trace_id = told.trace().map(tracing::field::display),
                    client = address.and_then(ShownAddress::from_ip).map(tracing::field::display),
                    user_id = entry.user_id.map(|user| user.get()),
                    email = entry.email.as_deref().and_then(ShownEmail::new).map(tracing::field::display),
                    subject = entry.subject,
                    issuer = entry.issuer,
                    by,
                    session = entry.session.map(tracing::field::display),
                    reason = entry.reason.as_deref(),
                    now = entry.detail,
                    "{}", event.message()
                )
            };
        }
        if event.is_warning() { write!(warn) } else { write!(info) }
    }
}
