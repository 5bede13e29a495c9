//! What is measured of connections: those that became requests, those that never did, and streams.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::registry::{MetricRegistry, signed};

/// From half a millisecond to five seconds.
const HANDSHAKE_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Why a connection was closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Over one of the bounds of connections.
    TooMany,
    /// It would have taken one of the last file descriptors.
    Descriptors,
    /// No PROXY header, or none from a balancer that was named.
    ProxyProtocol,
    TlsHandshake,
    TlsTimeout,
    Http2,
    /// A head over HTTP/2, or the beginning of the connection, that was not whole in time.
    HeadTimeout,
    /// An operator's, over the bound of those.
    OperationsTooMany,
    /// An operator's, that said or read nothing for long.
    OperationsTimeout,
}

impl Refused {
    const ALL: [Self; 9] = [
        Self::TooMany,
        Self::Descriptors,
        Self::ProxyProtocol,
        Self::TlsHandshake,
        Self::TlsTimeout,
        Self::Http2,
        Self::HeadTimeout,
        Self::OperationsTooMany,
        Self::OperationsTimeout,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Descriptors => "descriptors",
            Self::ProxyProtocol => "proxy_protocol",
            Self::TlsHandshake => "tls_handshake",
            Self::TlsTimeout => "tls_timeout",
            Self::Http2 => "http2",
            Self::HeadTimeout => "head_timeout",
            Self::OperationsTooMany => "operations_too_many",
            Self::OperationsTimeout => "operations_timeout",
        }
    }
}

/// Of what there was no more, for a request that was refused for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamBound {
    /// Places of its client's address.
    Address,
    /// Places at all.
    All,
    /// File descriptors for connections to upstreams.
    Descriptors,
}

impl StreamBound {
    const ALL: [Self; 3] = [Self::Address, Self::All, Self::Descriptors];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::All => "all",
            Self::Descriptors => "descriptors",
        }
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    Http1,
    Http2,
}

/// Connections at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct ConnectionsReading {
    pub open: usize,
    pub max: usize,
    /// Requests that run on them.
    pub running: usize,
    pub running_max: usize,
    /// File descriptors of connections of clients and to upstreams.
    pub descriptors: usize,
    pub descriptors_max: usize,
    /// Streams that run under a token.
    pub streams: usize,
    /// Chains as configured, and when each ends, in seconds since 1970.
    pub certificates: Vec<(String, i64)>,
}

/// The metrics of connections.
pub struct Connections {
    open: IntGauge,
    max: IntGauge,
    http1: IntCounter,
    http2: IntCounter,
    refused: IntCounterVec,
    running: IntGauge,
    running_max: IntGauge,
    crowded: IntCounterVec,
    descriptors: IntGauge,
    descriptors_max: IntGauge,
    tls12: IntCounter,
    tls13: IntCounter,
    handshakes: Histogram,
    certificates: IntGaugeVec,
    streams: IntGauge,
    ended: IntCounterVec,
}

impl Connections {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Connections and TLS");
        let open = registry.gauge("gateway_downstream_connections", "Open connections from clients.")?;
        let max = registry.gauge(
            "gateway_downstream_connections_max",
            "Connections that may be open: `server.connections_max`, or fewer where file descriptors are few. One more is closed at once.",
        )?;
        let spoken = registry.counters(
            "gateway_downstream_connections_total",
            &["protocol"],
            "Connections that were accepted, by what was spoken on them (http1, http2).",
        )?;
        let refused = registry.counters(
            "gateway_downstream_connections_refused_total",
            &["reason"],
            "Connections that were closed without an answer, by reason: over a bound (too_many), no file descriptor but those that are kept in reserve (descriptors), no PROXY header that counts (proxy_protocol), a TLS handshake that failed or took too long (tls_handshake, tls_timeout), broken HTTP/2 (http2), the beginning of HTTP/2 or a head over it that was not whole in time (head_timeout), or of operators: too many, or one that said or read nothing for long (operations_too_many, operations_timeout).",
        )?;
        let running = registry.gauge(
            "gateway_downstream_streams",
            "Requests of clients that run: streams of HTTP/2, and requests of HTTP/1.1.",
        )?;
        let running_max = registry.gauge(
            "gateway_downstream_streams_max",
            "Requests that may run: `server.streams_max`, or fewer where file descriptors are few. One more is answered 503.",
        )?;
        let crowded = registry.counters(
            "gateway_downstream_streams_refused_total",
            &["bound"],
            "Requests that were answered 503 since too many run, by bound: of their client's address (address), of all (all), or of file descriptors for connections to upstreams (descriptors).",
        )?;
        let descriptors = registry.gauge(
            "gateway_connection_descriptors",
            "File descriptors of connections of clients and of requests on their way to an upstream.",
        )?;
        let descriptors_max = registry.gauge(
            "gateway_connection_descriptors_max",
            "File descriptors that those may have; the others are kept for operators, the store and the like.",
        )?;
        let versions = registry.counters(
            "gateway_tls_handshakes_total",
            &["version"],
            "TLS handshakes with clients that succeeded, by version (1.2, 1.3).",
        )?;
        let connections = Self {
            open,
            max,
            http1: spoken.with_label_values(&["http1"]),
            http2: spoken.with_label_values(&["http2"]),
            refused,
            running,
            running_max,
            crowded,
            descriptors,
            descriptors_max,
            tls12: versions.with_label_values(&["1.2"]),
            tls13: versions.with_label_values(&["1.3"]),
            handshakes: registry.histogram(
                "gateway_tls_handshake_duration_seconds",
                &HANDSHAKE_SECONDS,
                "Time of the TLS handshakes with clients that succeeded, the way of the client's messages included.",
            )?,
            certificates: registry.gauges(
                "gateway_certificate_expiry_timestamp_seconds",
                &["certificate"],
                "When the first certificate of the chain to end does so, in seconds since 1970, by the chain's file.",
            )?,
            streams: registry.gauge(
                "gateway_streams_running",
                "WebSockets, server-sent events, gRPC calls, and other answers that have run for more than a second, under a token.",
            )?,
            ended: registry.counters(
                "gateway_streams_ended_total",
                &["reason"],
                "Streams that ran and were ended because their token did, by reason (the code that a new request would get). A series begins with its first event.",
            )?,
        };
        // A series that appeared with its first event would have no rate for it.
        for reason in Refused::ALL {
            connections.refused.with_label_values(&[reason.as_str()]);
        }
        for bound in StreamBound::ALL {
            connections.crowded.with_label_values(&[bound.as_str()]);
        }
        Ok(connections)
    }

    pub fn refuse(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.as_str()]).inc();
    }

    pub fn refuse_stream(&self, bound: StreamBound) {
        self.crowded.with_label_values(&[bound.as_str()]).inc();
    }

    pub fn accepted(&self, spoken: Spoken) {
        match spoken {
            Spoken::Http1 => self.http1.inc(),
            Spoken::Http2 => self.http2.inc(),
        }
    }

    pub fn shook_hands(&self, is_tls13: bool, took: Duration) {
        if is_tls13 {
            self.tls13.inc()
        } else {
            self.tls12.inc()
        }
        self.handshakes.observe(took.as_secs_f64());
    }

    /// `reason` is a code.
    pub fn ended_stream(&self, reason: &'static str) {
        self.ended.with_label_values(&[reason]).inc();
    }

    /// A certificate that a reload took away is no longer shown.
    pub(super) fn show(&self, reading: &ConnectionsReading) {
        self.open.set(signed(reading.open));
        self.max.set(signed(reading.max));
        self.running.set(signed(reading.running));
        self.running_max.set(signed(reading.running_max));
        self.descriptors.set(signed(reading.descriptors));
        self.descriptors_max.set(signed(reading.descriptors_max));
        self.streams.set(signed(reading.streams));
        self.certificates.reset();
        for (chain, end) in &reading.certificates {
            self.certificates.with_label_values(&[chain]).set(*end);
        }
    }
}
