//! Every metric, in one table. Label values come from closed sets, never from a request.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use super::connections::{Connections, Refused};
use super::issuers::{IssuerGauge, IssuerTable};
use super::upstreams::{ServerMetrics, Table, UpstreamMetrics, UpstreamServer};

/// The methods that are told apart; all others count as one.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// The method as it may be counted and logged: an unknown one is the client's own text.
pub fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER")
}

/// From half a millisecond to ten seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Figures that are kept elsewhere, and read when somebody scrapes.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub hash_waiting: i64,
    pub hash_done: u64,
    pub hash_shed: u64,
    pub hash_busy_micros: u64,
    /// Policy and keys held.
    pub limiter_keys: Vec<(&'static str, i64)>,
    /// Kind and entries of the embedded view.
    pub revocation_entries: Vec<(&'static str, i64)>,
    /// Result and count of the checks against Redis; empty without it.
    pub revocation_checks: Vec<(&'static str, u64)>,
    pub revocation_store_up: Option<bool>,
    pub connections: i64,
    /// Streams that run under a token.
    pub streams: i64,
    /// Servers of all upstreams.
    pub upstream_servers: Vec<UpstreamServer>,
    pub issuers: Vec<IssuerGauge>,
}

/// The counters of one route, looked up once at start and not for each request.
pub struct RouteMetrics {
    requests: Vec<IntCounter>,
    duration: Histogram,
}

impl RouteMetrics {
    /// One update for one request.
    pub fn observe(&self, method: &str, status: u16, duration: Duration) {
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let class = usize::from((status / 100).clamp(1, 5)) - 1;
        if let Some(counter) = self.requests.get(method * CLASSES.len() + class) {
            counter.inc();
        }
        self.duration.observe(duration.as_secs_f64());
    }
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: prometheus::HistogramVec,
    decisions: IntCounterVec,
    fail_open: IntCounter,
    shadowed: IntCounterVec,
    reloads: IntCounterVec,
    reload_ok: IntGauge,
    reload_at: IntGauge,
    logins: IntCounterVec,
    hash_waiting: IntGauge,
    hashes: IntCounterVec,
    hash_seconds: prometheus::Counter,
    limiter_keys: IntGaugeVec,
    revocation_entries: IntGaugeVec,
    revocation_checks: IntCounterVec,
    revocation_up: IntGauge,
    connections: IntGauge,
    upstreams: Table,
    issuers: IssuerTable,
    downstream: Connections,
}

impl Metrics {
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let opts = Opts::new;
        let buckets = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        let registry = Registry::new();
        let metrics = Self {
            upstreams: Table::register(&registry, &SECONDS)?,
            issuers: IssuerTable::register(&registry)?,
            downstream: Connections::register(&registry)?,
            registry,
            requests: IntCounterVec::new(
                opts(
                    "gateway_http_requests_total",
                    "Requests by route, method and status class. Heads that cannot be parsed are answered before any of our code runs, and are not counted.",
                ),
                &["route", "method", "status_class"],
            )?,
            durations: prometheus::HistogramVec::new(
                buckets(
                    "gateway_http_request_duration_seconds",
                    "Time from the head of a request to the end of its response, by route.",
                ),
                &["route"],
            )?,
            decisions: IntCounterVec::new(
                opts(
                    "gateway_auth_decisions_total",
                    "Decisions of the gateway by outcome (allow, deny, error) and reason.",
                ),
                &["decision", "reason"],
            )?,
            fail_open: IntCounter::with_opts(opts(
                "gateway_revocation_fail_open_total",
                "Requests that passed unchecked because the revocation store could not be asked and `redis.fail = \"open\"`.",
            ))?,
            shadowed: IntCounterVec::new(
                opts(
                    "gateway_shadow_refusals_total",
                    "Requests that a route in shadow would have refused, by route and reason.",
                ),
                &["route", "reason"],
            )?,
            reloads: IntCounterVec::new(
                opts("gateway_config_reloads_total", "Reloads of the configuration by result (ok, refused)."),
                &["result"],
            )?,
            reload_ok: IntGauge::with_opts(opts(
                "gateway_config_last_reload_successful",
                "Whether the last reload was taken over; 1 also before the first one.",
            ))?,
            reload_at: IntGauge::with_opts(opts(
                "gateway_config_last_reload_success_timestamp_seconds",
                "When the configuration in use was reloaded, in seconds since 1970; 0 if it is that of the start.",
            ))?,
            logins: IntCounterVec::new(
                opts("gateway_login_attempts_total", "Login attempts by result."),
                &["result"],
            )?,
            hash_waiting: IntGauge::with_opts(opts(
                "gateway_password_hash_queue_depth",
                "Jobs that wait for the password-hash pool.",
            ))?,
            hashes: IntCounterVec::new(
                opts("gateway_password_hash_jobs_total", "Jobs of the password-hash pool by result."),
                &["result"],
            )?,
            hash_seconds: prometheus::Counter::with_opts(opts(
                "gateway_password_hash_busy_seconds_total",
                "Time that the password-hash pool spent hashing.",
            ))?,
            limiter_keys: IntGaugeVec::new(
                opts("gateway_rate_limit_keys", "Keys that a rate limit remembers."),
                &["policy"],
            )?,
            revocation_entries: IntGaugeVec::new(
                opts("gateway_revocation_entries", "Entries of the embedded revocation view by kind."),
                &["kind"],
            )?,
            revocation_checks: IntCounterVec::new(
                opts("gateway_revocation_checks_total", "Revocation checks against Redis by result."),
                &["result"],
            )?,
            revocation_up: IntGauge::with_opts(opts(
                "gateway_revocation_store_up",
                "Whether the revocation store answers (1) or not (0).",
            ))?,
            connections: IntGauge::with_opts(opts(
                "gateway_downstream_connections",
                "Open connections from clients.",
            ))?,
        };
        let collectors: Vec<Box<dyn Collector>> = vec![
            Box::new(metrics.requests.clone()),
            Box::new(metrics.durations.clone()),
            Box::new(metrics.decisions.clone()),
            Box::new(metrics.fail_open.clone()),
            Box::new(metrics.shadowed.clone()),
            Box::new(metrics.reloads.clone()),
            Box::new(metrics.reload_ok.clone()),
            Box::new(metrics.reload_at.clone()),
            Box::new(metrics.logins.clone()),
            Box::new(metrics.hash_waiting.clone()),
            Box::new(metrics.hashes.clone()),
            Box::new(metrics.hash_seconds.clone()),
            Box::new(metrics.limiter_keys.clone()),
            Box::new(metrics.revocation_entries.clone()),
            Box::new(metrics.revocation_checks.clone()),
            Box::new(metrics.revocation_up.clone()),
            Box::new(metrics.connections.clone()),
            Box::new(prometheus::process_collector::ProcessCollector::for_self()),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        metrics.register_build_info()?;
        metrics.reload_ok.set(1);
        // A series that appeared with its first event would have no rate for it.
        metrics.reloads.with_label_values(&["ok"]);
        metrics.reloads.with_label_values(&["refused"]);
        Ok(Arc::new(metrics))
    }

    fn register_build_info(&self) -> Result<(), prometheus::Error> {
        let info = Opts::new("gateway_build_info", "The version of the gateway; always 1.");
        let info = IntGaugeVec::new(info, &["version"])?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        self.registry.register(Box::new(info))
    }

    /// The counters of a route; its name comes from the configuration.
    pub fn route(&self, name: &str) -> RouteMetrics {
        let each = METHODS.iter().flat_map(|method| CLASSES.iter().map(move |class| (method, class)));
        RouteMetrics {
            requests: each
                .map(|(method, class)| self.requests.with_label_values(&[name, method, class]))
                .collect(),
            duration: self.durations.with_label_values(&[name]),
        }
    }

    /// The counters of an upstream; its name comes from the configuration.
    pub fn upstream(&self, name: &str) -> UpstreamMetrics {
        self.upstreams.upstream(name)
    }

    /// The counters of one server of an upstream, as it is configured.
    pub fn upstream_server(&self, upstream: &str, server: &str) -> ServerMetrics {
        self.upstreams.server(upstream, server)
    }

    /// The counter of one kind of decision; `reason` is a code or `ok`.
    pub fn decision(&self, decision: &'static str, reason: &'static str) -> IntCounter {
        self.decisions.with_label_values(&[decision, reason])
    }

    pub fn connection_refused(&self, reason: Refused) {
        self.downstream.refuse(reason);
    }

    /// `reason` is a code.
    pub fn stream_ended(&self, reason: &'static str) {
        self.downstream.end(reason);
    }

    pub fn failed_open(&self) {
        self.fail_open.inc();
    }

    /// `route` is a configured name, and `reason` a code.
    pub fn shadowed(&self, route: &str, reason: &'static str) {
        self.shadowed.with_label_values(&[route, reason]).inc();
    }

    /// When the configuration was taken over, in seconds since 1970; `None` if it was refused.
    pub fn reloaded(&self, at: Option<u64>) {
        self.reloads.with_label_values(&[if at.is_some() { "ok" } else { "refused" }]).inc();
        self.reload_ok.set(i64::from(at.is_some()));
        if let Some(at) = at.and_then(|at| i64::try_from(at).ok()) {
            self.reload_at.set(at);
        }
    }

    /// `result` is a word of ours.
    pub fn login(&self, result: &'static str) {
        self.logins.with_label_values(&[result]).inc();
    }

    /// Everything in the text format of Prometheus.
    pub fn render(&self, gauges: &Gauges) -> String {
        self.hash_waiting.set(gauges.hash_waiting);
        raise(&self.hashes.with_label_values(&["done"]), gauges.hash_done);
        raise(&self.hashes.with_label_values(&["shed"]), gauges.hash_shed);
        #[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
        let busy = gauges.hash_busy_micros as f64 / 1e6;
        self.hash_seconds.inc_by((busy - self.hash_seconds.get()).max(0.0));
        for (policy, keys) in &gauges.limiter_keys {
            self.limiter_keys.with_label_values(&[policy]).set(*keys);
        }
        for (kind, entries) in &gauges.revocation_entries {
            self.revocation_entries.with_label_values(&[kind]).set(*entries);
        }
        for (result, count) in &gauges.revocation_checks {
            raise(&self.revocation_checks.with_label_values(&[result]), *count);
        }
        self.revocation_up.set(i64::from(gauges.revocation_store_up.unwrap_or(true)));
        self.connections.set(gauges.connections);
        self.downstream.streams.set(gauges.streams);
        self.upstreams.show(&gauges.upstream_servers);
        self.issuers.show(&gauges.issuers);
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(fault) => format!("# metrics cannot be rendered: {fault}\n"),
        }
    }
}

/// Brings a counter up to a total that is counted elsewhere.
fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
