//! What one process leaves to the next one in its place: sockets that listen, and connections on
//! which nothing is said at the moment. Clients notice nothing.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{OwnedFd, RawFd};

use parking_lot::Mutex;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use serde::{Deserialize, Serialize};

/// What a socket is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// It listens; the address is as configured.
    Listener { address: String },
    /// Somebody is connected, and is to be known by this address.
    Connection { peer: SocketAddr },
    /// More of them can be received from it.
    More,
}

/// Sockets on their way from one process to the next.
#[derive(Default)]
pub struct Handover(Mutex<Vec<(Left, OwnedFd)>>);

/// What came from the process before.
#[derive(Default)]
pub struct Inherited {
    pub(super) listeners: Vec<(String, TcpListener)>,
    pub(super) connections: Vec<(SocketAddr, TcpStream)>,
    /// Where to go on reading.
    more: Vec<OwnedFd>,
}

impl Inherited {
    pub fn add(&mut self, what: Left, socket: OwnedFd) {
        match what {
            Left::Listener { address } => self.listeners.push((address, TcpListener::from(socket))),
            Left::Connection { peer } => self.connections.push((peer, TcpStream::from(socket))),
            Left::More => self.more.push(socket),
        }
    }

    pub fn further(&mut self) -> Option<OwnedFd> {
        self.more.pop()
    }

    /// The first one that listened at this address.
    pub(super) fn listener(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let index = self.listeners.iter().position(|(known, _)| *known == address.to_string())?;
        Some(self.listeners.remove(index).1)
    }
}

impl Handover {
    pub(super) fn leave_listener(&self, address: SocketAddr, listener: &TcpListener) {
        if let Ok(copy) = listener.try_clone() {
            let what = Left::Listener { address: address.to_string() };
            self.0.lock().push((what, copy.into()));
        }
    }

    /// Takes a copy of a connection that is about to be dropped. Without one it is simply closed.
    pub(super) fn leave_connection(&self, peer: SocketAddr, connection: RawFd) {
        // The same as `dup`, for a descriptor that another owns.
        let copy = pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|own| pidfd_getfd(own, connection, PidfdGetfdFlags::empty()));
        match copy {
            Ok(copy) => self.0.lock().push((Left::Connection { peer }, copy)),
            Err(fault) => tracing::debug!(error = %fault, "an idle connection cannot be handed over"),
        }
    }

    pub fn take(&self) -> Vec<(Left, OwnedFd)> {
        std::mem::take(&mut self.0.lock())
    }
}
