//! File descriptors, and who may use how many: connections of clients and to upstreams all but the
//! last ones, which are for operators, the store and whatever else the gateway needs itself.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the process holds from its start on: the store, listeners, runtimes, signals, the log.
const HELD: usize = 64;
/// What no connection of a client or to an upstream may use. Half of it is for operators, over the
/// network and the socket in the data folder; the other half for what comes and goes: reading the
/// configuration and keys again, mails, Redis, health checks, names that are looked up.
const RESERVE: usize = 128;
/// With fewer there would be next to nothing left for clients.
const NEEDED: usize = 256;
/// Of what is left, one in so many is for idle connections to upstreams, which are kept for whoever
/// comes next: what is taken is for those that a request is on.
const IDLE_SHARE: usize = 8;

/// All that there are for connections of clients and to upstreams.
///
/// Whoever is about to open one calls [`take`](Self::take) first, and keeps what it gets for as long
/// as the connection is open:
///
/// ```ignore
/// let Some(descriptor) = descriptors.take() else { /* refuse: nothing was opened */ };
/// let connection = connect().await?; // Together with `descriptor`, wherever it goes.
/// ```
pub struct Descriptors {
    /// How many may be taken.
    max: usize,
    /// How many idle connections to upstreams may have, which are not taken.
    idle: usize,
    /// A descriptor of this number is one of the last, whoever holds the others.
    reserved_from: usize,
    taken: AtomicUsize,
    /// Idle connections of HTTP/1.1.
    idling: AtomicUsize,
}

/// One descriptor; it is given back when this is dropped.
#[must_use]
pub struct Descriptor(Arc<Descriptors>);

/// One of those for idle connections; it is given back when this is dropped.
#[must_use]
pub struct IdleDescriptor(Arc<Descriptors>);

impl Descriptors {
    /// By the limit of this process (`RLIMIT_NOFILE`), which must have been raised before.
    ///
    /// # Errors
    ///
    /// Where that is so low that nothing would be left for clients.
    pub fn of_this_process() -> Result<Arc<Self>, String> {
        let (soft, _) = rlimit::getrlimit(rlimit::Resource::NOFILE)
            .map_err(|fault| format!("the limit of file descriptors cannot be read: {fault}"))?;
        Self::within(usize::try_from(soft).unwrap_or(usize::MAX))
    }

    fn within(limit: usize) -> Result<Arc<Self>, String> {
        if limit < NEEDED {
            return Err(format!(
                "{limit} file descriptors are too few: at least {NEEDED} are needed, and two for each request at a time; raise LimitNOFILE= of the service, or `ulimit -n`"
            ));
        }
        let reserved_from = limit - RESERVE;
        let free = reserved_from - HELD;
        let idle = free / IDLE_SHARE;
        Ok(Arc::new(Self {
            max: free - idle,
            idle,
            reserved_from,
            taken: AtomicUsize::new(0),
            idling: AtomicUsize::new(0),
        }))
    }

    /// One for a connection that is about to be opened, if one is left.
    pub fn take(self: &Arc<Self>) -> Option<Descriptor> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Descriptor(Arc::clone(self)))
    }

    /// One for a connection that is open already, as those are that come in: without one it must be
    /// closed at once. The kernel gives the lowest number that is free, so that a number says how many
    /// are in use at least, those included that nobody counts.
    pub fn take_open(self: &Arc<Self>, connection: &impl AsRawFd) -> Option<Descriptor> {
        if self.is_reserved(connection.as_raw_fd()) { None } else { self.take() }
    }

    /// One for a connection that a request gives back, if there is room for another idle one: half of
    /// it is for those that speak HTTP/1.1.
    pub fn idle(self: &Arc<Self>) -> Option<IdleDescriptor> {
        if self.idling.fetch_add(1, Ordering::Relaxed) >= self.idle / 2 {
            self.idling.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(IdleDescriptor(Arc::clone(self)))
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many may be taken.
    pub fn max(&self) -> usize {
        self.max
    }

    /// How many idle connections to upstreams there may be.
    pub fn idle_max(&self) -> usize {
        self.idle
    }

    fn is_reserved(&self, number: RawFd) -> bool {
        usize::try_from(number).is_ok_and(|number| number >= self.reserved_from)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for IdleDescriptor {
    fn drop(&mut self) {
        self.0.idling.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_taken_as_are_not_reserved_and_each_is_given_back() {
        let descriptors = Descriptors::within(NEEDED).unwrap();
        let mut taken: Vec<_> = std::iter::from_fn(|| descriptors.take()).collect();
        assert_eq!((taken.len(), descriptors.max(), descriptors.idle_max()), (56, 56, 8));
        assert_eq!(descriptors.taken(), 56);
        taken.pop();
        assert!(descriptors.take().is_some());
        drop(taken);
        assert_eq!(descriptors.taken(), 0);
        let mut idle: Vec<_> = std::iter::from_fn(|| descriptors.idle()).collect();
        assert_eq!(idle.len(), 4, "the others are for HTTP/2");
        idle.pop();
        assert!(descriptors.idle().is_some());
    }

    #[test]
    fn a_connection_among_the_last_numbers_is_none_for_clients() {
        let descriptors = Descriptors::within(NEEDED).unwrap();
        assert!(descriptors.take_open(&127).is_some());
        assert!(descriptors.take_open(&128).is_none());
        assert_eq!(descriptors.taken(), 0);
    }

    #[test]
    fn too_few_are_said_and_no_limit_is_one() {
        assert!(Descriptors::within(NEEDED - 1).is_err_and(|said| said.contains("at least 256")));
        assert!(Descriptors::within(usize::MAX).is_ok());
    }
}
