//! What is measured of tokens and of the question whether they were revoked.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::registry::{MetricRegistry, raise, signed};

/// From fifty microseconds to a second.
const CHECK_SECONDS: [f64; 13] =
    [0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// The tokens that are remembered as verified, at the moment of a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokensReading {
    pub remembered: usize,
    pub remembered_max: usize,
}

/// The metrics of verification.
pub struct Tokens {
    verifications: IntCounterVec,
    cache: IntGauge,
    cache_max: IntGauge,
}

/// What came of the tokens of one issuer under one algorithm.
pub struct Verifications {
    pub ok: IntCount,
    pub seen: IntCount,
    pub expired: IntCount,
}

/// A counter, for who may not name the library.
pub struct IntCount(IntCounter);

impl IntCount {
    pub fn count(&self) {
        self.0.inc();
    }
}

impl Tokens {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Tokens");
        Ok(Self {
            verifications: registry.counters(
                "gateway_token_verifications_total",
                &["issuer", "algorithm", "result"],
                "Access tokens by issuer, algorithm and result: `ok`, `seen` (verified before: the signature was not checked again), `expired` or `invalid`; and client certificates, whose algorithm is `x509`. The issuer is `gateway` for our own tokens, and `none` for what nobody signed whom we know; an invalid token has no algorithm.",
            )?,
            cache: registry.gauge(
                "gateway_token_cache_entries",
                "Access tokens that are remembered as verified.",
            )?,
            cache_max: registry.gauge(
                "gateway_token_cache_entries_max",
                "Access tokens that may be remembered; those that were not used for longest make room.",
            )?,
        })
    }

    /// `issuer` is a configured name, or `gateway`.
    pub fn verifications(&self, issuer: &str, algorithm: &'static str) -> Verifications {
        let count = |result| IntCount(self.verifications.with_label_values(&[issuer, algorithm, result]));
        Verifications { ok: count("ok"), seen: count("seen"), expired: count("expired") }
    }

    /// `issuer` is a configured name, `gateway`, or `none`.
    pub fn invalid(&self, issuer: &str) {
        self.verifications.with_label_values(&[issuer, "none", "invalid"]).inc();
    }

    /// A series that appeared with its first event would have no rate for it.
    pub fn begin(&self) {
        self.verifications.with_label_values(&["none", "none", "invalid"]);
    }

    pub(super) fn show(&self, reading: TokensReading) {
        self.cache.set(signed(reading.remembered));
        self.cache_max.set(signed(reading.remembered_max));
    }
}

/// The view of revocations at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct RevocationReading {
    /// Kind and entries of the view in memory.
    pub entries: [(&'static str, usize); 3],
    /// What is known of Redis; `None` with the embedded view.
    pub redis: Option<RedisCounts>,
    /// Of a view that follows a ledger which others write, too: whether it is within its bound, and how old.
    pub mirrored: Option<(bool, Duration)>,
}

/// What was counted of Redis.
#[derive(Clone, Debug, Default)]
pub struct RedisCounts {
    pub up: bool,
    /// Since the view was last proven whole.
    pub staleness: Duration,
    /// Result and count.
    pub checks: [(&'static str, u64); 4],
    pub publications: [(&'static str, u64); 2],
    pub rebuilds: u64,
    pub data_losses: u64,
}

/// The metrics of revocation.
pub struct RevocationMetrics {
    up: IntGauge,
    staleness: prometheus::Gauge,
    durations: Histogram,
    checks: IntCounterVec,
    fail_open: IntCounter,
    publications: IntCounterVec,
    rebuilds: IntCounter,
    data_losses: IntCounter,
    entries: IntGaugeVec,
}

impl RevocationMetrics {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Revocation");
        let metrics = Self {
            up: registry.gauge(
                "gateway_revocation_store_up",
                "Whether the revocation store answers and its view is whole (1) or not (0). Always 1 with the embedded view.",
            )?,
            staleness: registry.fraction(
                "gateway_revocation_staleness_seconds",
                "Time since the revocation view was last proven whole: about a second at most while Redis answers, a quarter of one while PostgreSQL does; 0 with the embedded view.",
            )?,
            durations: registry.histogram(
                "gateway_revocation_check_duration_seconds",
                &CHECK_SECONDS,
                "Time that a request waited for the revocation store. The embedded view answers at once, and is not observed.",
            )?,
            checks: registry.counters(
                "gateway_revocation_checks_total",
                &["result"],
                "Questions to Redis by result: in_force, revoked, error (not answered), timeout. What the ledger of this gateway holds is refused without one. Zero with the embedded view.",
            )?,
            fail_open: registry.counter(
                "gateway_revocation_fail_open_total",
                "Requests that passed unchecked because the revocation store could not be asked and `redis.fail = \"open\"`.",
            )?,
            publications: registry.counters(
                "gateway_revocation_publications_total",
                &["result"],
                "Revocations that were written to Redis by result. Those that failed are caught up from the ledger as soon as Redis answers.",
            )?,
            rebuilds: registry.counter(
                "gateway_revocation_store_rebuilds_total",
                "Times that the view in Redis was rebuilt from the ledger.",
            )?,
            data_losses: registry.counter(
                "gateway_revocation_store_data_losses_total",
                "Times that Redis was found to have lost, evicted, or never to have had, its revocations.",
            )?,
            entries: registry.gauges(
                "gateway_revocation_entries",
                &["kind"],
                "Entries of the revocation view in memory, which holds what the ledger of this gateway does, by kind (token, session, user).",
            )?,
        };
        // A series that appeared with its first event would have no rate for it.
        for result in ["in_force", "revoked", "error", "timeout"] {
            metrics.checks.with_label_values(&[result]);
        }
        for result in ["ok", "failed"] {
            metrics.publications.with_label_values(&[result]);
        }
        Ok(metrics)
    }

    /// A request waited for the store.
    pub fn waited(&self, time: Duration) {
        self.durations.observe(time.as_secs_f64());
    }

    pub fn failed_open(&self) {
        self.fail_open.inc();
    }

    pub(super) fn show(&self, reading: &RevocationReading) {
        for (kind, entries) in &reading.entries {
            self.entries.with_label_values(&[kind]).set(signed(*entries));
        }
        let redis = reading.redis.as_ref();
        let of_redis = redis.map(|redis| (redis.up, redis.staleness));
        let (is_up, staleness) = reading.mirrored.or(of_redis).unwrap_or((true, Duration::ZERO));
        self.up.set(i64::from(is_up));
        self.staleness.set(staleness.as_secs_f64());
        let Some(redis) = redis else { return };
        for (result, count) in redis.checks {
            raise(&self.checks.with_label_values(&[result]), count);
        }
        for (result, count) in redis.publications {
            raise(&self.publications.with_label_values(&[result]), count);
        }
        raise(&self.rebuilds, redis.rebuilds);
        raise(&self.data_losses, redis.data_losses);
    }
}
