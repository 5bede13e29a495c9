//! A request's way to its upstream: which server it is on, which ones failed it, and whether it
//! may go to another one.

use std::sync::Arc;
use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use super::pool::Pool;
use super::server::{Running, Server};
use crate::clock::Stopwatch;

/// The upstream has servers, and none that could be asked.
pub(in crate::edge) const NO_HEALTHY_UPSTREAM: ErrorType = ErrorType::Custom("NoHealthyUpstream");
/// Connections that the server had closed meanwhile do not count as tries; but no more than this.
const STALE_MAX: u32 = 2;

/// The way of one request. While it lives, the request counts as running on its server.
pub(in crate::edge) struct Leg {
    pool: Arc<Pool>,
    current: Option<Running>,
    /// Servers that are not to be asked again for this request.
    tried: Vec<Arc<Server>>,
    /// Whether the next try may be on the server of the last one.
    may_repeat: bool,
    retries: u32,
    stale: u32,
    /// Since the server of this try was chosen.
    trying: Stopwatch,
    /// What of it went into a new connection.
    connecting: Duration,
    /// When the body of the request was sent whole, where there was one.
    sent: Option<Duration>,
    /// From then to the head of the answer.
    first_byte: Option<Duration>,
}

impl Leg {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            current: None,
            tried: Vec::new(),
            may_repeat: false,
            retries: 0,
            stale: 0,
            trying: Stopwatch::start(),
            connecting: Duration::ZERO,
            sent: None,
            first_byte: None,
        }
    }

    /// Chooses the server of the next try.
    pub(in crate::edge) fn next(&mut self, key: &[u8]) -> pingora::Result<Box<HttpPeer>> {
        let last = self.current.take();
        let mut chosen = self.pool.choose(key, &self.tried);
        if chosen.is_none() && self.may_repeat {
            chosen = last.map(|running| Arc::clone(&running.0));
        }
        let Some(server) = chosen else {
            let kind = if self.tried.is_empty() { NO_HEALTHY_UPSTREAM } else { ErrorType::ConnectError };
            return Err(Error::explain(kind, "no server is left").into_up());
        };
        let peer = Box::new(server.peer.clone());
        self.current = Some(server.enter());
        self.trying = Stopwatch::start();
        self.connecting = Duration::ZERO;
        self.sent = None;
        Ok(peer)
    }

    pub(in crate::edge) fn connected(&mut self, reused: bool) {
        if !reused {
            self.connecting = self.trying.elapsed();
            self.pool.metrics.connected(self.connecting);
        }
    }

    /// The body of the request was sent whole.
    pub(in crate::edge) fn sent(&mut self) {
        self.sent = Some(self.trying.elapsed());
    }

    /// When the server of the last try was chosen, counted from `start`.
    pub(in crate::edge) fn began_after(&self, start: &Stopwatch) -> Duration {
        self.trying.since(start)
    }

    /// How long a new connection took; zero where one was used again.
    pub(in crate::edge) fn connecting(&self) -> Duration {
        self.connecting
    }

    /// How long the server took to the head of its answer, once it had the request.
    pub(in crate::edge) fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// The head of an answer came.
    pub(in crate::edge) fn answered(&mut self, status: u16) {
        let Some(Running(server)) = &self.current else { return };
        // How long a client takes to send its body is not the server's doing.
        let ready = self.sent.unwrap_or(self.connecting);
        self.first_byte = Some(self.trying.elapsed().saturating_sub(ready));
        server.metrics.responded(status);
        if server.ejector.counts(status) {
            self.blame(server);
        } else {
            server.ejector.succeeded();
        }
    }

    /// No connection could be made, so nothing was sent: whether to try another server.
    pub(in crate::edge) fn failed_to_connect(&mut self) -> bool {
        self.count_failure();
        self.try_another()
    }

    /// The connection broke. `repeatable` says whether the request may be sent again, `reused`
    /// whether Pingora takes it for one that the server had closed before.
    pub(in crate::edge) fn broke(&mut self, fault: &Error, repeatable: bool, stale: bool) -> bool {
        if fault.esource() != &ErrorSource::Upstream {
            return stale;
        }
        if stale {
            self.stale += 1;
            self.may_repeat = true;
            self.tried.extend(self.current.as_ref().map(|running| Arc::clone(&running.0)));
            return self.stale <= STALE_MAX;
        }
        if !is_broken_connection(fault) {
            return false;
        }
        self.count_failure();
        repeatable && self.try_another()
    }

    fn count_failure(&mut self) {
        let Some(Running(server)) = &self.current else { return };
        server.metrics.failed();
        self.blame(server);
        self.tried.push(Arc::clone(server));
        self.may_repeat = false;
    }

    fn try_another(&mut self) -> bool {
        if self.retries >= self.pool.settings.retries || !self.pool.has_another(&self.tried) {
            return false;
        }
        self.retries += 1;
        self.pool.metrics.retried();
        true
    }

    fn blame(&self, server: &Arc<Server>) {
        if let Some(time) = server.ejector.failed(|| self.pool.can_spare(server)) {
            server.metrics.ejected();
            let (upstream, address) = (&self.pool.settings.name, server.address().to_string());
            tracing::warn!(upstream, server = address, seconds = time.as_secs_f64(), "a server is left out");
        }
    }
}

/// A time-out is none: who asks for something slow must not take servers out one by one.
///
/// Nor is the reset of one stream of HTTP/2: its connection lives on, and what the server thinks of
/// one request must not count against it.
fn is_broken_connection(fault: &Error) -> bool {
    use ErrorType::{ConnectionClosed, H2Error, ReadError, WriteError};
    let reset = fault.root_cause().downcast_ref::<h2::Error>().is_some_and(h2::Error::is_reset);
    !reset && matches!(fault.etype(), ConnectionClosed | ReadError | WriteError | H2Error)
}
