//! What is measured of rate limits, by the names of the policies.

use prometheus::{IntCounterVec, IntGaugeVec};

use super::registry::{MetricRegistry, raise, signed};

/// One policy at the moment of a scrape, over all its limiters.
#[derive(Clone, Debug, Default)]
pub struct PolicyReading {
    pub policy: &'static str,
    pub allowed: u64,
    pub refused: u64,
    pub keys: usize,
    pub keys_max: usize,
}

pub(super) struct Limits {
    decisions: IntCounterVec,
    keys: IntGaugeVec,
    keys_max: IntGaugeVec,
}

impl Limits {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Rate limits");
        Ok(Self {
            decisions: registry.counters(
                "gateway_rate_limit_decisions_total",
                &["policy", "outcome"],
                "What was asked of rate limits by policy and outcome (allowed, refused). Routes with a limit of their own count under the policy that it replaces.",
            )?,
            keys: registry.gauges(
                "gateway_rate_limit_keys",
                &["policy"],
                "Keys (users, addresses, accounts) that a limiter of a policy remembers: of several, such as those of routes, the fullest.",
            )?,
            keys_max: registry.gauges(
                "gateway_rate_limit_keys_max",
                &["policy"],
                "Keys that this limiter may remember (`limits.keys_max`). When it is full, all new keys share one allowance.",
            )?,
        })
    }

    /// A policy that a reload took away is no longer shown as holding anything.
    pub(super) fn show(&self, policies: &[PolicyReading]) {
        self.keys.reset();
        self.keys_max.reset();
        for reading in policies {
            let policy = reading.policy;
            raise(&self.decisions.with_label_values(&[policy, "allowed"]), reading.allowed);
            raise(&self.decisions.with_label_values(&[policy, "refused"]), reading.refused);
            if reading.keys_max > 0 {
                self.keys.with_label_values(&[policy]).set(signed(reading.keys));
                self.keys_max.with_label_values(&[policy]).set(signed(reading.keys_max));
            }
        }
    }
}
