//! Accepts connections at sockets that are bound already, and has each carried by a task of its own.
//!
//! Not by Pingora's listening service: that asks nobody between two connections, so that a burst of
//! clients could take every file descriptor, and then it sleeps.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::l4::socket::SocketAddr as Address;
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::{GetSocketDigest as _, SocketDigest};
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::listener::Bound;

/// How long nothing is accepted where that failed for want of something.
const PAUSE: Duration = Duration::from_millis(100);

/// Carries the connections of a service.
pub(super) trait Carry: Send + Sync + 'static {
    /// What each connection holds from its first moment to its last.
    type Place: Send + 'static;

    /// Asked before the next connection is accepted: without a place, this one is closed at once.
    fn place(&self, connection: &TcpStream) -> Option<Self::Place>;

    /// To its end. The connection lies in a box, so that the task that carries it is small.
    fn carry(self: Arc<Self>, connection: Box<Tcp>, place: Self::Place) -> impl Future<Output = ()> + Send;

    /// Nothing more comes in.
    fn end(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Called once, on the runtime of the service, when its socket is about to be served.
pub type OnReady = Box<dyn FnOnce() + Send + Sync>;

/// A service of Pingora's server.
pub(super) struct Accepting<C> {
    pub(super) name: &'static str,
    pub(super) carrier: Arc<C>,
    pub(super) bound: Vec<Bound>,
    pub(super) threads: usize,
    /// No more is accepted. It is given before Pingora's own signal, which then finds nothing left to
    /// cut off.
    pub(super) drain: watch::Receiver<bool>,
    pub(super) ready: Option<OnReady>,
}

#[async_trait]
impl<C: Carry> ServiceWithDependents for Accepting<C> {
    async fn start_service(
        &mut self,
        _: Option<ListenFds>,
        _: ShutdownWatch,
        _: usize,
        ready: ServiceReadyNotifier,
    ) {
        ready.notify_ready();
        if let Some(ready) = self.ready.take() {
            ready();
        }
        let mut accepting = JoinSet::new();
        for bound in self.bound.drain(..) {
            let address = bound.address;
            match bound.into_listener() {
                Ok(listener) => {
                    accepting.spawn(accept(listener, Arc::clone(&self.carrier), self.drain.clone()));
                }
                Err(fault) => tracing::error!(%address, error = %fault, "nothing can be accepted here"),
            }
        }
        while accepting.join_next().await.is_some() {}
        self.carrier.end().await;
    }

    fn name(&self) -> &str {
        self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(self.threads)
    }
}

async fn accept<C: Carry>(listener: TcpListener, carrier: Arc<C>, mut drain: watch::Receiver<bool>) {
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The sender of the flag is gone: that counts as raised.
            _ = drain.wait_for(|drained| *drained) => return,
        };
        match accepted {
            Ok((connection, peer)) => {
                is_failing = false;
                let Some(place) = carrier.place(&connection) else { continue };
                let Ok(connection) = plain(connection, peer) else { continue };
                tokio::spawn(Arc::clone(&carrier).carry(connection, place));
            }
            Err(fault) if concerns_one(&fault) => {}
            Err(fault) => {
                // Once, however long it goes on.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::error!(error = %fault, "no connection can be accepted");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether it was the connection's own, which went away before it was accepted.
fn concerns_one(fault: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(fault.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The connection as Pingora takes it, and nothing on it yet.
pub(super) fn plain(connection: TcpStream, peer: SocketAddr) -> io::Result<Box<Tcp>> {
    connection.set_nodelay(true)?;
    let mut stream = Box::new(Tcp::from(connection));
    let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
    // It is new, so nothing is set yet.
    digest.peer_addr.set(Some(Address::Inet(peer))).ok();
    stream.set_socket_digest(digest);
    Ok(stream)
}
