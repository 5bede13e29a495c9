//! A request's way to its upstream: which server it is on, which ones failed it, and whether it
//! may go to another one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use super::dial::{Dial, Dialling, UPSTREAM_FULL};
use super::ejection::Verdict;
use super::pool::Pool;
use super::server::{Running, Server};
use crate::pace::Pace;
use gateway_clock::Stopwatch;
use gateway_framing::Oversized;
use gateway_identity::Network;

/// The upstream has servers, and none that could be asked.
pub(crate) const NO_HEALTHY_UPSTREAM: ErrorType = ErrorType::Custom("NoHealthyUpstream");
/// The same with fields: some close where there are more than a hundred (uWSGI), and we add a few.
const FIELDS_USUAL: usize = 80;
/// Further tries after a new connection broke: what breaks one server may break them all.
const REPEATED_AFTER_BREAK_MAX: u32 = 1;
/// Connections that the server had closed meanwhile do not count as tries; but no more than this.
const STALE_MAX: u32 = 2;

/// The way of one request. While it lives, the request counts as running on its server.
pub(crate) struct UpstreamRequest {
    pool: Arc<Pool>,
    current: Option<Running>,
    /// Its connection of HTTP/1.1.
    dial: Option<Arc<Dial>>,
    /// Servers that are not to be asked again for this request.
    tried: Vec<Arc<Server>>,
    /// Whether the next try may be on the server of the last one.
    may_repeat: bool,
    retries: u32,
    stale: u32,
    broken: u32,
    /// Since the server of this try was chosen.
    trying: Stopwatch,
    /// What of it went into a new connection.
    connecting: Duration,
    /// When the body of the request was sent whole, where there was one.
    sent: Option<Duration>,
    /// From then to the head of the answer.
    first_byte: Option<Duration>,
}

impl UpstreamRequest {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            current: None,
            dial: None,
            tried: Vec::new(),
            may_repeat: false,
            retries: 0,
            stale: 0,
            broken: 0,
            trying: Stopwatch::lately(),
            connecting: Duration::ZERO,
            sent: None,
            first_byte: None,
        }
    }

    /// Chooses the server of the next try.
    pub(crate) fn next(
        &mut self,
        key: &[u8],
        pace: Option<Arc<Pace>>,
        method: &Method,
    ) -> pingora::Result<Box<HttpPeer>> {
        let server = self.choose(key, pace, method)?;
        let mut peer = Box::new(server.plain.as_ref().unwrap_or(&server.peer).clone());
        if let Some(dial) = &self.dial {
            peer.options.custom_l4 = Some(Arc::new(Dialling(Arc::clone(dial))));
        }
        Ok(peer)
    }

    /// The same, and how its connection is got, where HTTP/1.1 is spoken on it.
    pub(crate) fn dial(
        &mut self,
        key: &[u8],
        pace: Option<Arc<Pace>>,
        method: &Method,
    ) -> pingora::Result<Arc<Dial>> {
        self.choose(key, pace, method)?;
        let dial = self.dial.clone();
        dial.ok_or_else(|| Error::explain(ErrorType::InternalError, "its servers speak HTTP/2"))
    }

    fn choose(
        &mut self,
        key: &[u8],
        pace: Option<Arc<Pace>>,
        method: &Method,
    ) -> pingora::Result<Arc<Server>> {
        let last = self.current.take();
        let mut chosen = self.pool.choose(key, &self.tried);
        let mut full = None;
        while let Some(server) = chosen.take_if(|server| server.is_full()) {
            self.tried.push(Arc::clone(&server));
            full = Some(server);
            chosen = self.pool.choose(key, &self.tried);
        }
        if chosen.is_none() && self.may_repeat {
            chosen = last.map(|running| Arc::clone(&running.0));
        }
        let Some(server) = chosen else {
            let kind = match full {
                Some(_) => UPSTREAM_FULL,
                None if self.tried.is_empty() => NO_HEALTHY_UPSTREAM,
                None => ErrorType::ConnectError,
            };
            return Err(Error::explain(kind, "no server is left").into_up());
        };
        self.dial =
            server.plain.is_some().then(|| Dial::new(Arc::clone(&server), pace, &self.pool.settings, method));
        self.current = Some(server.enter());
        self.trying = Stopwatch::lately();
        self.connecting = Duration::ZERO;
        self.sent = None;
        Ok(server)
    }

    /// Whether the connection had served another request before; `reused` is what Pingora says of
    /// one that it keeps itself.
    fn is_reused(&self, reused: bool) -> bool {
        self.dial.as_ref().map_or(reused, |dial| dial.is_reused())
    }

    pub(crate) fn connected(&mut self, reused: bool) {
        if !self.is_reused(reused) {
            self.connecting = self.trying.elapsed();
            self.pool.metrics.connected(self.connecting);
        }
    }

    /// The body of the request was sent whole.
    pub(crate) fn sent(&mut self) {
        self.sent = Some(self.trying.elapsed());
    }

    /// When the server of the last try was chosen, counted from `start`.
    pub(crate) fn began_after(&self, start: &Stopwatch) -> Duration {
        self.trying.since(start)
    }

    /// How long a new connection took; zero where one was used again.
    pub(crate) fn connecting(&self) -> Duration {
        self.connecting
    }

    /// How long the server took to the head of its answer, once it had the request.
    pub(crate) fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// The head of an answer came.
    pub(crate) fn answered(&mut self, status: u16, client: Network) {
        let Some(Running(server)) = &self.current else { return };
        // How long a client takes to send its body is not the server's doing.
        let ready = self.sent.unwrap_or(self.connecting);
        self.first_byte = Some(self.trying.elapsed().saturating_sub(ready));
        server.metrics.responded(status);
        if server.ejector.counts(status) {
            self.blame(server, Some(client));
        } else {
            server.ejector.succeeded();
        }
    }

    /// No connection could be made, so nothing was sent: whether to try another server.
    pub(crate) fn failed_to_connect(&mut self, fault: &Error) -> bool {
        if *fault.etype() == UPSTREAM_FULL {
            self.give_up_server();
            return self.pool.has_another(&self.tried);
        }
        self.count_failure(None);
        self.try_another()
    }

    /// The connection broke: whether to send the request again.
    pub(crate) fn broke(&mut self, fault: &mut Error, request: &Interrupted, reused: bool) -> bool {
        let reused = self.is_reused(reused);
        // Pingora knows which failures look like a connection that was closed before we used it.
        fault.retry.decide_reuse(reused);
        if fault.esource() != &ErrorSource::Upstream {
            return request.repeatable && fault.retry();
        }
        let dial = self.dial.as_ref();
        let unheard = dial.is_some_and(|dial| !dial.is_heard());
        if oversized(fault).is_some() {
            // Nothing was sent, and no server would take it.
            return false;
        }
        if fault.retry() || reused && unheard && is_broken_connection(fault) {
            self.stale += 1;
            self.may_repeat = true;
            self.tried.extend(self.current.as_ref().map(|running| Arc::clone(&running.0)));
            return request.repeatable && self.stale <= STALE_MAX;
        }
        if !is_broken_connection(fault) {
            return false;
        }
        let is_large = request.fields > FIELDS_USUAL || dial.is_some_and(|dial| dial.is_large());
        if unheard && is_large {
            return self.broke_on_a_large_head(request.repeatable);
        }
        self.count_failure(Some(request.client));
        self.broken += 1;
        request.repeatable && self.broken <= REPEATED_AFTER_BREAK_MAX && self.try_another()
    }

    /// It may be for the head, so nobody is blamed, and for the server: a request of ours tells that, and
    /// another server may take the head in any case.
    fn broke_on_a_large_head(&mut self, is_repeatable: bool) -> bool {
        if let Some(Running(server)) = &self.current {
            server.metrics.broke_on_a_large_head();
            self.pool.examine(server);
        }
        self.give_up_server();
        self.broken += 1;
        is_repeatable && self.broken <= REPEATED_AFTER_BREAK_MAX && self.try_another()
    }

    /// `by` is whose request it was, where that may be why.
    fn count_failure(&mut self, by: Option<Network>) {
        let Some(Running(server)) = &self.current else { return };
        server.metrics.failed();
        self.blame(server, by);
        self.give_up_server();
    }

    fn give_up_server(&mut self) {
        self.tried.extend(self.current.as_ref().map(|running| Arc::clone(&running.0)));
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

    fn blame(&self, server: &Arc<Server>, by: Option<Network>) {
        match server.ejector.failed(by, || self.pool.can_spare(server)) {
            Verdict::Stays => {}
            Verdict::Out(time) => self.pool.note_ejected(server, time),
            // The client itself may be the cause: then we have to find out.
            Verdict::Doubted => self.pool.examine(server),
        }
    }
}

/// A request whose connection broke.
pub(crate) struct Interrupted {
    /// Whether it may be sent again.
    pub(crate) repeatable: bool,
    pub(crate) client: Network,
    /// How many fields its client sent.
    pub(crate) fields: usize,
}

/// Whether it was our own limit that a head is over.
pub(crate) fn oversized(fault: &Error) -> Option<Oversized> {
    let cause = fault.root_cause().downcast_ref::<io::Error>()?.get_ref()?;
    cause.downcast_ref().copied()
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
