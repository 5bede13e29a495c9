//! What becomes of connections that never became a request, and of streams that were ended.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// Why a connection was closed before a request was read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Over one of the bounds of connections.
    TooMany,
    /// No PROXY header, or none from a balancer that was named.
    ProxyProtocol,
    TlsHandshake,
    TlsTimeout,
    Http2,
}

impl Refused {
    const ALL: [Self; 5] =
        [Self::TooMany, Self::ProxyProtocol, Self::TlsHandshake, Self::TlsTimeout, Self::Http2];

    const fn word(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::ProxyProtocol => "proxy_protocol",
            Self::TlsHandshake => "tls_handshake",
            Self::TlsTimeout => "tls_timeout",
            Self::Http2 => "http2",
        }
    }
}

/// The counters of connections.
pub(super) struct Connections {
    refused: IntCounterVec,
    ended: IntCounterVec,
    pub(super) streams: IntGauge,
}

impl Connections {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["reason"]);
        let refused = counter(
            "gateway_downstream_connections_refused_total",
            "Connections that were closed before a request was read from them, by reason: over a bound (too_many), no PROXY header that counts (proxy_protocol), a TLS handshake that failed or took too long (tls_handshake, tls_timeout), or broken HTTP/2 (http2).",
        )?;
        let ended = counter(
            "gateway_streams_ended_total",
            "Streams that ran and were ended because their token did, by reason (the code that a new request would get).",
        )?;
        let streams = IntGauge::new(
            "gateway_streams_running",
            "WebSockets, server-sent events and gRPC calls that run under a token.",
        )?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(ended.clone()))?;
        // A series that appeared with its first event would have no rate for it.
        for reason in Refused::ALL {
            refused.with_label_values(&[reason.word()]);
        }
        Ok(Self { refused, ended, streams })
    }

    pub(super) fn refuse(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.word()]).inc();
    }

    pub(super) fn end(&self, reason: &'static str) {
        self.ended.with_label_values(&[reason]).inc();
    }
}
