//! How many connections there are, in all and by address, and no more than the operator allows.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::TrustedProxies;
use crate::limits::AddressKey;

/// Upper bounds of open connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionCaps {
    pub total: usize,
    pub per_address: usize,
}

/// All open connections of clients.
pub struct Connections {
    caps: ConnectionCaps,
    trusted: Arc<TrustedProxies>,
    total: AtomicUsize,
    /// Of them, those that carry a stream: it ends only when somebody wants it to.
    streaming: AtomicUsize,
    by_address: Mutex<HashMap<AddressKey, usize>>,
}

/// One open connection; it is counted until this is dropped.
pub(super) struct Open {
    connections: Arc<Connections>,
    address: Option<AddressKey>,
}

impl Connections {
    pub fn new(caps: ConnectionCaps, trusted: Arc<TrustedProxies>) -> Arc<Self> {
        Arc::new(Self {
            caps,
            trusted,
            total: AtomicUsize::new(0),
            streaming: AtomicUsize::new(0),
            by_address: Mutex::default(),
        })
    }

    pub fn open(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// How many may be open.
    pub fn max(&self) -> usize {
        self.caps.total
    }

    /// Open connections that are not taken by a stream.
    pub fn requesting(&self) -> usize {
        self.open().saturating_sub(self.streaming.load(Ordering::Relaxed))
    }

    /// From now on until this is dropped, a stream has its connection for itself.
    pub(super) fn streaming(self: &Arc<Self>) -> Streaming {
        self.streaming.fetch_add(1, Ordering::Relaxed);
        Streaming(Arc::clone(self))
    }

    /// A place for one more connection, if there is one. A trusted proxy speaks for many, and has
    /// no bound of its own.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Open> {
        let counted = peer.filter(|peer| !self.trusted.trusts(*peer)).map(AddressKey::from);
        if self.total.fetch_add(1, Ordering::Relaxed) >= self.caps.total {
            self.total.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        // From here on the total is given back by the drop.
        let mut open = Open { connections: Arc::clone(self), address: None };
        if let Some(address) = counted {
            let mut by_address = self.by_address.lock();
            let count = by_address.entry(address).or_insert(0);
            if *count >= self.caps.per_address {
                drop(by_address);
                return None;
            }
            *count += 1;
            open.address = Some(address);
        }
        Some(open)
    }
}

/// A connection of HTTP/1.1 that carries a stream.
pub(super) struct Streaming(Arc<Connections>);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streaming.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.total.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.connections.by_address.lock();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_in_all_and_by_address_and_given_back() {
        let caps = ConnectionCaps { total: 3, per_address: 2 };
        let connections = Connections::new(caps, Arc::default());
        let peer = |text: &str| Some(text.parse().unwrap());
        let first = connections.admit(peer("192.0.2.1"));
        let _second = connections.admit(peer("192.0.2.1"));
        assert!(connections.admit(peer("192.0.2.1")).is_none());
        assert_eq!(connections.open(), 2);
        let _third = connections.admit(peer("192.0.2.2"));
        assert!(connections.admit(peer("192.0.2.3")).is_none());
        drop(first);
        assert!(connections.admit(peer("192.0.2.1")).is_some());
        assert_eq!(connections.open(), 2);
    }
}
