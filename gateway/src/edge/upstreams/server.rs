//! One server: how it is reached, and what it is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pingora::protocols::l4::socket::SocketAddr;
use pingora::upstreams::peer::HttpPeer;

use super::ejection::Ejector;
use crate::telemetry::ServerMetrics;

/// One address of a configured server.
pub(super) struct Server {
    /// As configured, so that labels of metrics stay bounded; a name's addresses share it.
    pub(super) label: Arc<str>,
    pub(super) weight: usize,
    /// Prepared once; a request takes a copy.
    pub(super) peer: HttpPeer,
    pub(super) ejector: Ejector,
    pub(super) metrics: Arc<ServerMetrics>,
    running: AtomicUsize,
}

impl Server {
    pub(super) fn new(
        label: Arc<str>,
        weight: usize,
        peer: HttpPeer,
        ejector: Ejector,
        metrics: Arc<ServerMetrics>,
    ) -> Self {
        Self { label, weight, peer, ejector, metrics, running: AtomicUsize::new(0) }
    }

    pub(super) fn address(&self) -> &SocketAddr {
        &self.peer._address
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Running requests for the weight, in thousandths, with the one that is to come.
    pub(super) fn load(&self) -> usize {
        (self.running() + 1) * 1_000 / self.weight.max(1)
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
