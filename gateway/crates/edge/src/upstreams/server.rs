//! One server: how it is reached, and what it is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::upstreams::peer::HttpPeer;

use super::ejection::Ejector;
use super::kept::Connections;
use crate::peer;
use gateway_telemetry::ServerMetrics;

/// One address of a configured server.
pub(super) struct Server {
    /// As configured, so that labels of metrics stay bounded; a name's addresses share it.
    pub(super) label: Arc<str>,
    pub(super) weight: usize,
    /// How it is reached.
    pub(super) peer: HttpPeer,
    /// The same for Pingora, which is given connections of HTTP/1.1 without TLS: that is below. A
    /// request takes a copy.
    pub(super) plain: Option<HttpPeer>,
    pub(super) connections: Arc<Connections>,
    pub(super) ejector: Ejector,
    pub(super) metrics: Arc<ServerMetrics>,
    running: AtomicUsize,
    is_examined: AtomicBool,
    /// Why its last health check failed.
    ailment: Mutex<Option<String>>,
}

/// While it lives, the server is not examined again.
pub(super) struct Examining(Arc<Server>);

impl Drop for Examining {
    fn drop(&mut self) {
        self.0.is_examined.store(false, Ordering::Release);
    }
}

impl Server {
    pub(super) fn new(
        label: Arc<str>,
        weight: usize,
        mut peer: HttpPeer,
        connections: Arc<Connections>,
        ejector: Ejector,
        metrics: Arc<ServerMetrics>,
    ) -> Self {
        let plain = peer::without_tls(&peer);
        if plain.is_none() {
            peer.options.tracer = Some(connections.tracer());
        }
        Self {
            label,
            weight,
            peer,
            plain,
            connections,
            ejector,
            metrics,
            running: AtomicUsize::new(0),
            is_examined: AtomicBool::new(false),
            ailment: Mutex::default(),
        }
    }

    /// For whoever finds out whether it is well, if nobody does already.
    pub(super) fn examine(self: &Arc<Self>) -> Option<Examining> {
        let was = self.is_examined.swap(true, Ordering::AcqRel);
        (!was).then(|| Examining(Arc::clone(self)))
    }

    pub(super) fn address(&self) -> &SocketAddr {
        &self.peer._address
    }

    /// Keeps what was wrong with it at a health check, or that nothing was.
    pub(super) fn was_checked(&self, ailment: Option<String>) {
        *self.ailment.lock() = ailment;
    }

    /// Why its last health check failed, if it did; or that it is left out for what its requests met.
    pub(super) fn fault(&self) -> Option<String> {
        let failed = self.ailment.lock().clone();
        failed.or_else(|| self.ejector.is_out().then(|| "too many requests in a row failed on it".to_owned()))
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Running requests for the weight, in thousandths, with the one that is to come.
    pub(super) fn load(&self) -> usize {
        (self.running() + 1) * 1_000 / self.weight.max(1)
    }

    /// Whether one more request would need more connections than there may be. Over HTTP/1.1 that
    /// shows when one is wanted.
    pub(super) fn is_full(&self) -> bool {
        self.plain.is_none() && self.running() >= self.connections.max() * peer::H2_STREAMS_MAX
    }

    /// Counts one request until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }
}

/// One running request.
pub(super) struct Running(pub(super) Arc<Server>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
