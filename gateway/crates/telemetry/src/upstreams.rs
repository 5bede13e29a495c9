//! Metrics of the upstreams' servers. Labels come from the configuration: a name has one, however
//! many addresses it has.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::registry::MetricRegistry;
use super::requests::{SECONDS, by_class, class};

/// Why a connection to a server could not be used again, and was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclean {
    /// Bytes came that nobody asked for, or were about to be sent so.
    Unasked,
    /// The answer was no answer by RFC 9112.
    Malformed,
    /// The answer came before the request was sent whole, or began to.
    UnfinishedRequest,
    /// The answer was not read to its end: it broke off, or its client did.
    UnfinishedAnswer,
}

impl Unclean {
    const ALL: [Self; 4] = [Self::Unasked, Self::Malformed, Self::UnfinishedRequest, Self::UnfinishedAnswer];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Unasked => "unasked_bytes",
            Self::Malformed => "malformed_answer",
            Self::UnfinishedRequest => "unfinished_request",
            Self::UnfinishedAnswer => "unfinished_answer",
        }
    }
}

/// The state of one configured server.
#[derive(Clone, Debug)]
pub struct UpstreamServer {
    pub upstream: String,
    pub server: String,
    /// Addresses that are in use: healthy and not ejected. One or zero, but for a name.
    pub healthy: i64,
    /// Requests that run there.
    pub running: i64,
    /// Connections to it, those that wait for a request among them.
    pub connections: i64,
    /// What keeps one of its addresses out of use, where that is known.
    pub fault: Option<String>,
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
    responses: [IntCounter; 5],
    unclean: [IntCounter; Unclean::ALL.len()],
    large_heads: IntCounter,
}

impl ServerMetrics {
    pub fn failed(&self) {
        self.failures.inc();
    }

    /// A new connection ended without an answer, on a head that is more than some servers take.
    pub fn broke_on_a_large_head(&self) {
        self.large_heads.inc();
    }

    pub fn ejected(&self) {
        self.ejections.inc();
    }

    pub fn unclean(&self, why: Unclean) {
        self.unclean.get(why as usize).iter().for_each(|counter| counter.inc());
    }

    pub fn responded(&self, status: u16) {
        self.responses.get(class(status)).iter().for_each(|counter| counter.inc());
    }
}

/// The metrics of upstreams.
pub struct Upstreams {
    healthy: IntGaugeVec,
    running: IntGaugeVec,
    connections: IntGaugeVec,
    unclean: IntCounterVec,
    large_heads: IntCounterVec,
    failures: IntCounterVec,
    ejections: IntCounterVec,
    responses: IntCounterVec,
    retries: IntCounterVec,
    connect: HistogramVec,
}

impl Upstreams {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Upstreams");
        let by_server = &["upstream", "server"];
        Ok(Self {
            healthy: registry.gauges(
                "gateway_upstream_server_healthy",
                by_server,
                "Addresses of a configured server that are in use: healthy and not ejected. 1 or 0, but for a name with several addresses.",
            )?,
            running: registry.gauges(
                "gateway_upstream_server_requests_running",
                by_server,
                "Requests that run on a server now.",
            )?,
            connections: registry.gauges(
                "gateway_upstream_server_connections",
                by_server,
                "Open connections to a server, those that wait for a request among them.",
            )?,
            unclean: registry.counters(
                "gateway_upstream_unclean_connections_total",
                &["upstream", "server", "reason"],
                "Connections of HTTP/1.1 that were closed and not used again, as one answer could have been taken for another: `unasked_bytes` (bytes came that nobody asked for), `malformed_answer`, `unfinished_request` (the answer came before all of it was sent), `unfinished_answer` (also where the client left).",
            )?,
            large_heads: registry.counters(
                "gateway_upstream_server_large_head_breaks_total",
                by_server,
                "New connections that a server closed without an answer on a head of more than 4 KiB or 80 fields, which some servers do not take. They count against no server, and are tried on one other.",
            )?,
            failures: registry.counters(
                "gateway_upstream_server_failures_total",
                by_server,
                "Connections to a server that could not be made, or broke before the answer.",
            )?,
            ejections: registry.counters(
                "gateway_upstream_server_ejections_total",
                by_server,
                "Times that a server was left out for a while, because requests failed on it.",
            )?,
            responses: registry.counters(
                "gateway_upstream_responses_total",
                &["upstream", "server", "status_class"],
                "Answers that a server gave, by status class. A 5xx here is the service's own.",
            )?,
            retries: registry.counters(
                "gateway_upstream_retries_total",
                &["upstream"],
                "Requests that were tried again on another server.",
            )?,
            connect: registry.histograms(
                "gateway_upstream_connect_duration_seconds",
                &["upstream"],
                &SECONDS,
                "Time to make a new connection to an upstream, its TLS handshake included. A connection that is used again is not observed.",
            )?,
        })
    }

    /// The counters of an upstream; its name comes from the configuration.
    pub fn upstream(&self, name: &str) -> UpstreamMetrics {
        UpstreamMetrics {
            retries: self.retries.with_label_values(&[name]),
            connect: self.connect.with_label_values(&[name]),
        }
    }

    /// The counters of one server of an upstream, as it is configured.
    pub fn server(&self, upstream: &str, server: &str) -> ServerMetrics {
        ServerMetrics {
            failures: self.failures.with_label_values(&[upstream, server]),
            ejections: self.ejections.with_label_values(&[upstream, server]),
            responses: by_class(&self.responses, [upstream, server]),
            large_heads: self.large_heads.with_label_values(&[upstream, server]),
            unclean: Unclean::ALL
                .map(|why| self.unclean.with_label_values(&[upstream, server, why.as_str()])),
        }
    }

    /// Servers that are no longer configured have no state.
    pub(super) fn show(&self, servers: &[UpstreamServer]) {
        self.healthy.reset();
        self.running.reset();
        self.connections.reset();
        for server in servers {
            let labels = [&*server.upstream, &*server.server];
            self.healthy.with_label_values(&labels).set(server.healthy);
            self.running.with_label_values(&labels).set(server.running);
            self.connections.with_label_values(&labels).set(server.connections);
        }
    }
}
