//! What is measured of issuers beside our own. Their names come from the configuration.

use std::time::Duration;

use prometheus::{IntCounterVec, IntGaugeVec};

use super::registry::{MetricRegistry, raise, signed};

/// One issuer at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct IssuerReading {
    pub name: String,
    pub keys: usize,
    /// Since its keys were fetched; `None` if they never were.
    pub age: Option<Duration>,
    /// Results in our words, and how often each came.
    pub fetches: Vec<(&'static str, u64)>,
}

pub(super) struct Issuers {
    keys: IntGaugeVec,
    age: IntGaugeVec,
    fetches: IntCounterVec,
}

impl Issuers {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Other issuers");
        Ok(Self {
            keys: registry.gauges(
                "gateway_issuer_keys",
                &["issuer"],
                "Keys of an issuer that are known, each once for each of its algorithms.",
            )?,
            age: registry.gauges(
                "gateway_issuer_keys_age_seconds",
                &["issuer"],
                "Time since the keys of an issuer were fetched; absent if they never were.",
            )?,
            fetches: registry.counters(
                "gateway_issuer_fetches_total",
                &["issuer", "result"],
                "Fetches of the keys of an issuer by result (ok, unreachable, status, unusable).",
            )?,
        })
    }

    /// An issuer that a reload took away is no longer shown.
    pub(super) fn show(&self, issuers: &[IssuerReading]) {
        self.keys.reset();
        self.age.reset();
        for issuer in issuers {
            let name = issuer.name.as_str();
            self.keys.with_label_values(&[name]).set(signed(issuer.keys));
            if let Some(age) = issuer.age {
                self.age.with_label_values(&[name]).set(signed(age.as_secs()));
            }
            for (result, count) in &issuer.fetches {
                raise(&self.fetches.with_label_values(&[name, result]), *count);
            }
        }
    }
}
