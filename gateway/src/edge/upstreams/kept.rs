//! The connections of one server: how many there are, no more than there may be, and those that
//! wait for the next request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pingora::upstreams::peer::{Tracer, Tracing};

use super::connection::{Connection, Idle};
use crate::clock::Stopwatch;
use crate::edge::descriptors::{Descriptors, IdleDescriptor};
use crate::telemetry::{ServerMetrics, Unclean};

/// Connections that wait; those above it are closed after their request.
const KEPT_MAX: usize = 1_024;

/// All connections to one server, whatever is spoken on them.
pub(super) struct Connections {
    metrics: Arc<ServerMetrics>,
    max: usize,
    /// How long one may wait.
    idle: Duration,
    open: AtomicUsize,
    kept: Mutex<Vec<Kept>>,
    descriptors: Arc<Descriptors>,
}

struct Kept {
    connection: Connection,
    _descriptor: IdleDescriptor,
    since: Stopwatch,
}

#[derive(Clone)]
struct Counting(Arc<Connections>);

impl Tracing for Counting {
    fn on_connected(&self) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
    }

    fn on_disconnected(&self) {
        self.0.left(1);
    }

    fn boxed_clone(&self) -> Box<dyn Tracing> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
}

/// The place of one connection that is in use; it is free again when this is dropped.
pub(super) struct Place(Option<Arc<Connections>>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(connections) = &self.0 {
            connections.left(1);
        }
    }
}

impl Connections {
    pub(super) fn new(
        max: usize,
        idle: Duration,
        metrics: Arc<ServerMetrics>,
        descriptors: Arc<Descriptors>,
    ) -> Arc<Self> {
        Arc::new(Self { metrics, max, idle, open: AtomicUsize::new(0), kept: Mutex::default(), descriptors })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Counts the connections of HTTP/2, which Pingora keeps.
    pub(super) fn tracer(self: &Arc<Self>) -> Tracer {
        Tracer(Box::new(Counting(Arc::clone(self))))
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A place for a new connection, if there is one.
    pub(super) fn reserve(self: &Arc<Self>) -> Option<Place> {
        let more = |open: usize| (open < self.max).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place(Some(Arc::clone(self))))
    }

    /// A connection that waits, and on which nothing was said meanwhile: the one that was used
    /// last, so that those that are not needed grow old.
    pub(super) fn take(self: &Arc<Self>) -> Option<(Connection, Place)> {
        loop {
            let kept = self.kept.lock().pop()?;
            if let Some(kept) = self.fit(kept) {
                return Some((kept.connection, Place(Some(Arc::clone(self)))));
            }
            self.left(1);
        }
    }

    /// Puts aside a connection whose request and answer are both over, where there is room for it.
    pub(super) fn keep(&self, connection: Connection, mut place: Place) {
        let Some(descriptor) = self.descriptors.idle() else { return };
        let mut kept = self.kept.lock();
        if kept.len() < KEPT_MAX {
            kept.push(Kept { connection, _descriptor: descriptor, since: Stopwatch::start() });
            // It goes on being counted.
            place.0 = None;
        }
    }

    /// Closes those that waited long enough, and those that their server has closed.
    pub(super) fn sweep(&self) {
        let mut kept = self.kept.lock();
        let before = kept.len();
        let all = std::mem::take(&mut *kept);
        kept.extend(all.into_iter().filter_map(|kept| self.fit(kept)));
        self.left(before - kept.len());
    }

    fn fit(&self, mut kept: Kept) -> Option<Kept> {
        if kept.since.elapsed() >= self.idle {
            return None;
        }
        match kept.connection.idle() {
            Idle::Quiet => Some(kept),
            Idle::Closed => None,
            Idle::Unasked => {
                self.metrics.unclean(Unclean::Unasked);
                None
            }
        }
    }

    fn left(&self, count: usize) {
        self.open.fetch_sub(count, Ordering::Relaxed);
    }
}
