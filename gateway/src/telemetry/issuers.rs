//! What is measured of issuers beside our own. Their names come from the configuration.

use std::time::Duration;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// One issuer at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct IssuerGauge {
    pub name: String,
    pub keys: usize,
    /// Since its keys were fetched; `None` if they never were.
    pub age: Option<Duration>,
    /// Results in our words, and how often each came.
    pub fetches: Vec<(&'static str, u64)>,
}

pub(super) struct IssuerTable {
    keys: IntGaugeVec,
    age: IntGaugeVec,
    fetches: IntCounterVec,
}

impl IssuerTable {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let table = Self {
            keys: IntGaugeVec::new(
                Opts::new(
                    "gateway_issuer_keys",
                    "Keys of an issuer that are known, each once for each of its algorithms.",
                ),
                &["issuer"],
            )?,
            age: IntGaugeVec::new(
                Opts::new(
                    "gateway_issuer_keys_age_seconds",
                    "Time since the keys of an issuer were fetched; absent if they never were.",
                ),
                &["issuer"],
            )?,
            fetches: IntCounterVec::new(
                Opts::new(
                    "gateway_issuer_fetches_total",
                    "Fetches of the keys of an issuer by result (ok, unreachable, status, unusable).",
                ),
                &["issuer", "result"],
            )?,
        };
        registry.register(Box::new(table.keys.clone()))?;
        registry.register(Box::new(table.age.clone()))?;
        registry.register(Box::new(table.fetches.clone()))?;
        Ok(table)
    }

    /// An issuer that a reload took away is no longer shown.
    pub(super) fn show(&self, issuers: &[IssuerGauge]) {
        self.keys.reset();
        self.age.reset();
        for issuer in issuers {
            let name = issuer.name.as_str();
            self.keys.with_label_values(&[name]).set(i64::try_from(issuer.keys).unwrap_or(i64::MAX));
            if let Some(age) = issuer.age {
                let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                self.age.with_label_values(&[name]).set(seconds);
            }
            for (result, count) in &issuer.fetches {
                let counter = self.fetches.with_label_values(&[name, result]);
                counter.inc_by(count.saturating_sub(counter.get()));
            }
        }
    }
}
