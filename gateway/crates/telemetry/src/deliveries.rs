//! What is measured of the outbox: mails, and events for services behind.

use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge};

use super::registry::{MetricRegistry, signed};

/// From ten milliseconds to half a minute.
const SECONDS: [f64; 8] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// The metrics of the outbox.
pub struct Deliveries {
    results: IntCounterVec,
    durations: Histogram,
    waiting: IntGauge,
}

impl Deliveries {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Mails and events");
        Ok(Self {
            results: registry.counters(
                "gateway_deliveries_total",
                &["errand", "result"],
                "Tries to deliver mails and events, by what they are about and result: delivered; void (there was nobody to send it to any more); failed (it will be tried again); given_up (it never will be, which stands in the audit trail).",
            )?,
            durations: registry.histogram(
                "gateway_delivery_duration_seconds",
                &SECONDS,
                "Time that a delivery took that worked.",
            )?,
            waiting: registry.gauge("gateway_outbox_waiting", "Mails and events that wait to be delivered.")?,
        })
    }

    /// All series, so that each has a rate from its first event on.
    pub fn begin(&self, errands: &[&'static str]) {
        for errand in errands {
            for result in ["delivered", "void", "failed", "given_up"] {
                drop(self.results.with_label_values(&[errand, result]));
            }
        }
    }

    pub fn delivered(&self, errand: &'static str, took: Duration) {
        self.results.with_label_values(&[errand, "delivered"]).inc();
        self.durations.observe(took.as_secs_f64());
    }

    pub fn void(&self, errand: &'static str) {
        self.results.with_label_values(&[errand, "void"]).inc();
    }

    pub fn failed(&self, errand: &'static str) {
        self.results.with_label_values(&[errand, "failed"]).inc();
    }

    pub fn given_up(&self, errand: &'static str) {
        self.results.with_label_values(&[errand, "given_up"]).inc();
    }

    pub(super) fn show(&self, waiting: usize) {
        self.waiting.set(signed(waiting));
    }
}
