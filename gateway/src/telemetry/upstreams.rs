//! Metrics of the upstreams' servers. Labels come from the configuration: a name has one, however
//! many addresses it has.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// The state of one configured server.
#[derive(Clone, Debug)]
pub struct UpstreamServer {
    pub upstream: String,
    pub server: String,
    /// Addresses that are in use: healthy and not ejected. One or zero, but for a name.
    pub healthy: i64,
    /// Requests that run there.
    pub running: i64,
}

/// The counters of one upstream.
pub struct UpstreamMetrics {
    retries: IntCounter,
    connect: Histogram,
}

impl UpstreamMetrics {
    pub fn retried(&self) {
        self.retries.inc();
    }

    pub fn connected(&self, time: Duration) {
        self.connect.observe(time.as_secs_f64());
    }
}

/// The counters of one configured server.
pub struct ServerMetrics {
    failures: IntCounter,
    ejections: IntCounter,
}

impl ServerMetrics {
    pub fn failed(&self) {
        self.failures.inc();
    }

    pub fn ejected(&self) {
        self.ejections.inc();
    }
}

/// The table.
pub(super) struct Table {
    healthy: IntGaugeVec,
    running: IntGaugeVec,
    failures: IntCounterVec,
    ejections: IntCounterVec,
    retries: IntCounterVec,
    connect: HistogramVec,
}

impl Table {
    pub(super) fn register(registry: &Registry, seconds: &[f64]) -> Result<Self, prometheus::Error> {
        let opts = Opts::new;
        let by_server = ["upstream", "server"];
        let table = Self {
            healthy: IntGaugeVec::new(
                opts(
                    "gateway_upstream_server_healthy",
                    "Addresses of a configured server that are in use: healthy and not ejected. 1 or 0, but for a name with several addresses.",
                ),
                &by_server,
            )?,
            running: IntGaugeVec::new(
                opts("gateway_upstream_server_requests_running", "Requests that run on a server now."),
                &by_server,
            )?,
            failures: IntCounterVec::new(
                opts(
                    "gateway_upstream_server_failures_total",
                    "Connections to a server that could not be made, or broke before the answer.",
                ),
                &by_server,
            )?,
            ejections: IntCounterVec::new(
                opts(
                    "gateway_upstream_server_ejections_total",
                    "Times that a server was left out for a while, because requests failed on it.",
                ),
                &by_server,
            )?,
            retries: IntCounterVec::new(
                opts("gateway_upstream_retries_total", "Requests that were tried again on another server."),
                &["upstream"],
            )?,
            connect: HistogramVec::new(
                HistogramOpts::new(
                    "gateway_upstream_connect_duration_seconds",
                    "Time to make a new connection to an upstream, its TLS handshake included.",
                )
                .buckets(seconds.to_vec()),
                &["upstream"],
            )?,
        };
        let collectors: [Box<dyn Collector>; 6] = [
            Box::new(table.healthy.clone()),
            Box::new(table.running.clone()),
            Box::new(table.failures.clone()),
            Box::new(table.ejections.clone()),
            Box::new(table.retries.clone()),
            Box::new(table.connect.clone()),
        ];
        collectors.into_iter().try_for_each(|collector| registry.register(collector))?;
        Ok(table)
    }

    pub(super) fn upstream(&self, name: &str) -> UpstreamMetrics {
        UpstreamMetrics {
            retries: self.retries.with_label_values(&[name]),
            connect: self.connect.with_label_values(&[name]),
        }
    }

    pub(super) fn server(&self, upstream: &str, server: &str) -> ServerMetrics {
        ServerMetrics {
            failures: self.failures.with_label_values(&[upstream, server]),
            ejections: self.ejections.with_label_values(&[upstream, server]),
        }
    }

    /// Servers that are no longer configured have no state.
    pub(super) fn show(&self, servers: &[UpstreamServer]) {
        self.healthy.reset();
        self.running.reset();
        for server in servers {
            let labels = [&*server.upstream, &*server.server];
            self.healthy.with_label_values(&labels).set(server.healthy);
            self.running.with_label_values(&labels).set(server.running);
        }
    }
}
