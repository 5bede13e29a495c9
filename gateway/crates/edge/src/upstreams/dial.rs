//! How a request that goes on as HTTP/1.1 gets its connection: one that was kept, or a new one. And
//! what became of it, for whoever judges the server.
//!
//! Pingora asks for a connection and takes each for a new one. Its own pool is not used: what may go
//! back to a pool is decided in one place ([`Framed`]), by what was seen on the connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::VirtualSocketStream;
use pingora::{Error, ErrorType};
use tokio::time::timeout;

use super::connection::Connection;
use super::framed::Framed;
use super::kept::Used;
use super::server::Server;
use crate::pace::Pace;
use gateway_framing::HeadLimits;
use gateway_pipeline::Upstream;

/// The server has as many connections as it may have.
pub(crate) const UPSTREAM_FULL: ErrorType = ErrorType::Custom("UpstreamFull");

/// A head above this is more than some servers take: who closes on it without a word may be well
/// (uWSGI does from 4 KiB on, in all its modes).
const HEAD_BYTES_USUAL: usize = 4 * 1_024;

/// One try of one request.
pub(crate) struct Dial {
    pub(super) server: Arc<Server>,
    /// Of the body, while it is awaited.
    pub(super) pace: Option<Arc<Pace>>,
    pub(super) limits: HeadLimits,
    /// The operator says that content is read.
    pub(super) reuses_after_body: bool,
    /// Whether the request may be sent again.
    is_repeatable: bool,
    is_reused: AtomicBool,
    is_heard: AtomicBool,
    /// Of the head as it was sent.
    pub(super) head_bytes: AtomicUsize,
}

impl Dial {
    pub(super) fn new(
        server: Arc<Server>,
        pace: Option<Arc<Pace>>,
        settings: &Upstream,
        method: &Method,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            pace,
            limits: settings.head_limits,
            reuses_after_body: settings.reuse_after_body,
            is_repeatable: method.is_idempotent(),
            is_reused: AtomicBool::new(false),
            is_heard: AtomicBool::new(false),
            head_bytes: AtomicUsize::new(0),
        })
    }

    /// A connection that was kept, if there is one.
    fn kept(self: &Arc<Self>) -> Option<Box<Framed>> {
        let used = self.server.connections.take(self.is_repeatable)?;
        self.is_reused.store(true, Ordering::Relaxed);
        Some(Box::new(Framed::new(used, Arc::clone(self))))
    }

    /// A new one.
    async fn connect(self: &Arc<Self>) -> pingora::Result<Box<Framed>> {
        let place = self.server.connections.reserve();
        let place = place.ok_or_else(|| Error::explain(UPSTREAM_FULL, "no connection is left"))?;
        self.blocks(true);
        let connection = Connection::open(&self.server.peer).await;
        self.blocks(false);
        Ok(Box::new(Framed::new(Used::new(connection?, place), Arc::clone(self))))
    }

    /// Either, a new one within the time that there is for that.
    pub(crate) async fn open(self: &Arc<Self>) -> pingora::Result<Box<Framed>> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let most = self.server.peer.options.total_connection_timeout;
        let late = |_| Err(Error::explain(ErrorType::ConnectTimedout, "to a server of the upstream"));
        // In a box: who gets one that was kept has no room for it.
        let connect = Box::pin(self.connect());
        match most {
            Some(most) => timeout(most, connect).await.unwrap_or_else(late),
            None => connect.await,
        }
    }

    /// How long nothing may come of the answer.
    pub(crate) fn read_timeout(&self) -> Option<Duration> {
        self.server.peer.options.read_timeout
    }

    /// How long nothing may be taken of the request.
    pub(crate) fn write_timeout(&self) -> Option<Duration> {
        self.server.peer.options.write_timeout
    }

    /// Whether the connection had served another request before.
    pub(super) fn is_reused(&self) -> bool {
        self.is_reused.load(Ordering::Relaxed)
    }

    /// Whether any byte of an answer came.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Whether its head is more than some servers take.
    pub(super) fn is_large(&self) -> bool {
        self.head_bytes.load(Ordering::Relaxed) > HEAD_BYTES_USUAL
    }

    /// Whether the server takes nothing at the moment: then the client cannot send on.
    pub(super) fn blocks(&self, is_blocked: bool) {
        if let Some(pace) = &self.pace {
            pace.block(is_blocked);
        }
    }

    pub(super) fn hears(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dial({})", self.server.address())
    }
}

/// What Pingora is given of a try.
#[derive(Debug)]
pub(super) struct Dialling(pub(super) Arc<Dial>);

#[async_trait]
impl L4Connect for Dialling {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        let framed = match self.0.kept() {
            Some(kept) => kept,
            None => self.0.connect().await?,
        };
        Ok(Stream::from(VirtualSocketStream::new(framed)))
    }
}
