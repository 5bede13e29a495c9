//! How many connections there are and how many requests run on them, in all and by address, and no
//! more than the operator and the file descriptors allow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::TrustedProxies;
use gateway_identity::Network;
use gateway_telemetry::StreamBound;

/// Of the requests that may run, in all and by address, one in so many is kept for our own endpoints:
/// whoever waits for a service must not keep others from logging in, or out.
const KEPT_FOR_OWN: usize = 16;

/// An upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    pub total: usize,
    pub per_address: usize,
}

/// Upper bounds of open connections, and of requests that run on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub connections: Most,
    pub streams: Most,
}

impl Caps {
    /// What so many file descriptors allow of it. A connection has one and a request that runs perhaps
    /// another, to its upstream: half are for those, and no address has more than half of either.
    #[must_use]
    pub fn within(self, descriptors: usize) -> Self {
        let cap = |most: Most, total: usize| Most {
            total: most.total.min(total),
            per_address: most.per_address.min((total / 2).max(1)),
        };
        Self {
            connections: cap(self.connections, descriptors),
            streams: cap(self.streams, (descriptors / 2).max(1)),
        }
    }
}

/// All open connections of clients.
pub struct Connections {
    caps: Caps,
    trusted: Arc<TrustedProxies>,
    total: AtomicUsize,
    /// Of them, those that carry a stream: it ends only when somebody wants it to.
    streaming: AtomicUsize,
    /// Requests that run on them.
    running: AtomicUsize,
    by_address: Mutex<HashMap<Network, Arc<Share>>>,
}

/// What one address has of everything.
#[derive(Default)]
struct Share {
    /// Changed under the lock of all shares.
    connections: AtomicUsize,
    running: AtomicUsize,
}

/// One open connection; it is counted until this is dropped.
pub(super) struct Open {
    connections: Arc<Connections>,
    /// None for a trusted proxy, which speaks for many.
    share: Option<(Network, Arc<Share>)>,
}

/// One request that runs; it is counted until this is dropped.
pub(super) struct Place(Arc<Open>);

impl Connections {
    pub fn new(caps: Caps, trusted: Arc<TrustedProxies>) -> Arc<Self> {
        Arc::new(Self {
            caps,
            trusted,
            total: AtomicUsize::new(0),
            streaming: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            by_address: Mutex::default(),
        })
    }

    pub fn open(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Requests that run.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    pub fn caps(&self) -> Caps {
        self.caps
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
    pub(super) fn admit(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Arc<Open>> {
        let counted = peer.filter(|peer| !self.trusted.trusts(*peer)).map(Network::from);
        if !take(&self.total, self.caps.connections.total) {
            return None;
        }
        // From here on the total is given back by the drop.
        let mut open = Open { connections: Arc::clone(self), share: None };
        if let Some(address) = counted {
            let mut by_address = self.by_address.lock();
            let share = by_address.entry(address).or_default();
            if !take(&share.connections, self.caps.connections.per_address) {
                drop(by_address);
                return None;
            }
            open.share = Some((address, Arc::clone(share)));
        }
        Some(Arc::new(open))
    }
}

impl Open {
    /// A place for one more request, if there is one.
    pub(super) fn begin(self: &Arc<Self>) -> Result<Place, StreamBound> {
        let Connections { running, caps, .. } = &*self.connections;
        if !take(running, caps.streams.total) {
            return Err(StreamBound::All);
        }
        if let Some((_, share)) = &self.share
            && !take(&share.running, caps.streams.per_address)
        {
            running.fetch_sub(1, Ordering::Relaxed);
            return Err(StreamBound::Address);
        }
        Ok(Place(Arc::clone(self)))
    }
}

impl Place {
    /// Whether it may be one for a request that is forwarded, and waits for somebody else.
    pub(super) fn may_wait(&self) -> Result<(), StreamBound> {
        let Connections { running, caps, .. } = &*self.0.connections;
        let is_kept =
            |running: &AtomicUsize, most: usize| running.load(Ordering::Relaxed) > most - most / KEPT_FOR_OWN;
        if is_kept(running, caps.streams.total) {
            return Err(StreamBound::All);
        }
        match &self.0.share {
            Some((_, share)) if is_kept(&share.running, caps.streams.per_address) => {
                Err(StreamBound::Address)
            }
            _ => Ok(()),
        }
    }
}

/// Counts one more, unless there are so many.
fn take(count: &AtomicUsize, most: usize) -> bool {
    let is_free = count.fetch_add(1, Ordering::Relaxed) < most;
    if !is_free {
        count.fetch_sub(1, Ordering::Relaxed);
    }
    is_free
}

/// A connection of HTTP/1.1 that carries a stream.
pub(super) struct Streaming(Arc<Connections>);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streaming.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.running.fetch_sub(1, Ordering::Relaxed);
        if let Some((_, share)) = &self.0.share {
            share.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.total.fetch_sub(1, Ordering::Relaxed);
        let Some((address, share)) = &self.share else { return };
        let mut by_address = self.connections.by_address.lock();
        // Its requests are over: each of them holds the connection.
        if share.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            by_address.remove(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps =
        Caps { connections: Most { total: 3, per_address: 2 }, streams: Most { total: 5, per_address: 3 } };

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn connections_are_bounded_in_all_and_by_address_and_given_back() {
        let connections = Connections::new(CAPS, Arc::default());
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

    #[test]
    fn requests_are_bounded_in_all_and_by_address_over_all_its_connections() {
        let connections = Connections::new(CAPS, Arc::default());
        // One network of IPv6 is one address.
        let open = ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| connections.admit(peer(text)));
        let [first, second, other] = open.map(Option::unwrap);
        let mut places = vec![first.begin(), first.begin(), second.begin()];
        assert_eq!(second.begin().err(), Some(StreamBound::Address));
        places.extend([other.begin(), other.begin()]);
        assert_eq!(other.begin().err(), Some(StreamBound::All));
        assert_eq!(connections.running(), 5);
        places.pop();
        assert!(other.begin().is_ok());
        drop(places);
        drop((first, second, other));
        assert_eq!((connections.running(), connections.open()), (0, 0));
        assert!(connections.by_address.lock().is_empty());
    }

    #[test]
    fn the_last_places_are_for_our_own_endpoints() {
        let streams = Most { total: 32, per_address: 32 };
        let connections = Connections::new(Caps { streams, ..CAPS }, Arc::default());
        let open = connections.admit(None).unwrap();
        let places: Vec<_> = (0..30).map(|_| open.begin().unwrap()).collect();
        assert_eq!(places[0].may_wait(), Ok(()));
        let further = open.begin().unwrap();
        assert_eq!(further.may_wait(), Err(StreamBound::All));
        drop(further);
        assert_eq!(places[0].may_wait(), Ok(()));
    }

    #[test]
    fn file_descriptors_bound_what_was_asked_for() {
        let plenty = CAPS.within(1_000_000);
        assert_eq!(plenty, CAPS);
        let much = Most { total: 50_000, per_address: 20_000 };
        let Caps { connections, streams } = Caps { connections: much, streams: much }.within(1_000);
        assert_eq!(connections, Most { total: 1_000, per_address: 500 });
        assert_eq!(streams, Most { total: 500, per_address: 250 });
    }
}
