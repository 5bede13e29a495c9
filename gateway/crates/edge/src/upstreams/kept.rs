//! The connections of one server: how many there are, no more than there may be, and those that
//! wait for the next request. Which of them may, and for how long, is `framing`'s to say.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pingora::upstreams::peer::{Tracer, Tracing};
use tokio::io::AsyncReadExt as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::connection::{Connection, Idle};
use super::waiting::{Kept, Past, Waiting};
use crate::descriptors::Descriptors;
use gateway_clock::Stopwatch;
use gateway_framing::{Habit, KeepAlive, SETTLED, Trust};
use gateway_telemetry::{ServerMetrics, Unclean};

/// All connections to one server, whatever is spoken on them.
pub(super) struct Connections {
    /// As the server is configured.
    server: Arc<str>,
    metrics: Arc<ServerMetrics>,
    max: usize,
    /// How long one may wait.
    idle: Duration,
    open: AtomicUsize,
    /// Of them, those that their server is to close.
    leaving: Mutex<VecDeque<Arc<Leaving>>>,
    waiting: Waiting,
    habit: Habit,
    /// That it closes after each answer was said.
    is_told: AtomicBool,
    descriptors: Arc<Descriptors>,
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

/// A connection that is in use, and what went over it before, if anything did.
pub(super) struct Used {
    pub(super) connection: Connection,
    place: Place,
    pub(super) past: Option<Past>,
}

impl Used {
    pub(super) fn new(connection: Connection, place: Place) -> Self {
        Self { connection, place, past: None }
    }
}

/// A connection that its server is to close.
#[derive(Default)]
struct Leaving {
    ends: Notify,
    has_place_no_more: AtomicBool,
}

impl Leaving {
    /// Whether its place was still its own: then it is for who asks.
    fn gives_place(&self) -> bool {
        !self.has_place_no_more.swap(true, Ordering::Relaxed)
    }
}

impl Connections {
    pub(super) fn new(
        server: Arc<str>,
        max: usize,
        idle: Duration,
        metrics: Arc<ServerMetrics>,
        descriptors: Arc<Descriptors>,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            metrics,
            max,
            idle,
            open: AtomicUsize::new(0),
            leaving: Mutex::default(),
            waiting: Waiting::default(),
            habit: Habit::default(),
            is_told: AtomicBool::new(false),
            descriptors,
        })
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

    /// A place for a new connection, if there is one. Those that wait and may not be used make room.
    pub(super) fn reserve(self: &Arc<Self>) -> Option<Place> {
        let more = |open: usize| (open < self.max).then_some(open + 1);
        let try_to = || self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok();
        let place = try_to().is_some() || self.take_place_of_one_that_leaves() || {
            let oldest = self.waiting.give_up()?;
            drop(oldest);
            self.left(1);
            try_to().is_some()
        };
        place.then(|| Place(Some(Arc::clone(self))))
    }

    /// A connection that waits, and on which nothing was said meanwhile: the one that was used
    /// last, so that those that are not needed grow old. What cannot be sent again goes on none of a
    /// server that was not seen to keep them.
    pub(super) fn take(self: &Arc<Self>, is_repeatable: bool) -> Option<Used> {
        if !self.habit.allows(is_repeatable) {
            return None;
        }
        loop {
            let mut kept = self.waiting.take()?;
            if self.look(&mut kept) {
                let Kept { connection, past, .. } = kept;
                return Some(Used { connection, place: Place(Some(Arc::clone(self))), past: Some(past) });
            }
            self.left(1);
        }
    }

    /// Puts aside a connection whose request and answer are both over, where there is room for it.
    pub(super) fn keep(&self, used: Used, says: KeepAlive) {
        let answers = used.past.map_or(0, |past| past.answers).saturating_add(1);
        let idle = says.idle(self.idle, answers);
        if !idle.is_zero() {
            self.put_aside(used, Past::new(answers, idle));
        }
    }

    /// Puts one back on which nothing was sent. It does not begin to wait anew.
    pub(super) fn put_back(&self, used: Used) {
        if let Some(past) = used.past {
            self.put_aside(used, past);
        }
    }

    fn put_aside(&self, mut used: Used, past: Past) {
        let is_withheld = self.habit.trust() == Trust::Withheld && {
            self.look_at_probe();
            self.habit.trust() == Trust::Withheld
        };
        if is_withheld && self.waiting.has_probe() {
            return self.see_off(used);
        }
        let Some(descriptor) = self.descriptors.idle() else { return };
        let kept = Kept::new(used.connection, past, descriptor);
        let is_kept = if is_withheld { self.waiting.hold(kept) } else { self.waiting.put(kept) };
        if is_kept {
            // It goes on being counted.
            used.place.0 = None;
        }
    }

    /// Its server closes it: it was asked to, or does so in any case. Whoever closes first keeps the port for
    /// a minute (TIME_WAIT), and of ours there are less than thirty thousand for each server.
    pub(super) fn see_off(&self, used: Used) {
        let Used { mut connection, mut place, .. } = used;
        if connection.idle() != Idle::Quiet {
            return;
        }
        let (Some(descriptor), Ok(runtime)) = (self.descriptors.idle(), Handle::try_current()) else {
            return;
        };
        // It goes on being counted, among those that make room for others.
        let Some(connections) = place.0.take() else { return };
        let leaving = Arc::new(Leaving::default());
        let mut all = self.leaving.lock();
        while all.front().is_some_and(|first| first.has_place_no_more.load(Ordering::Relaxed)) {
            all.pop_front();
        }
        all.push_back(Arc::clone(&leaving));
        drop(all);
        runtime.spawn(async move {
            let _descriptor = descriptor;
            let mut byte = [0];
            tokio::select! {
                // Whatever comes, it is over.
                _ = tokio::time::timeout(SETTLED, connection.read(&mut byte)) => {}
                () = leaving.ends.notified() => {}
            }
            drop(connection);
            if leaving.gives_place() {
                connections.left(1);
            }
        });
    }

    /// That one is closed at once.
    fn take_place_of_one_that_leaves(&self) -> bool {
        let mut all = self.leaving.lock();
        while let Some(oldest) = all.pop_front() {
            if oldest.gives_place() {
                oldest.ends.notify_one();
                return true;
            }
        }
        false
    }

    /// What was held to see what its server does, if there was time for that.
    fn look_at_probe(&self) {
        if let Some(mut probe) = self.waiting.take_probe()
            && !(self.look(&mut probe) && self.waiting.put(probe))
        {
            self.left(1);
        }
    }

    /// Closes those that waited long enough, and those that their server has closed.
    pub(super) fn sweep(&self) {
        self.left(self.waiting.retain(|kept| self.look(kept)));
        // All were looked at before it is said which of them may be used.
        if self.habit.trust() == Trust::Withheld {
            let all = self.waiting.take_all();
            let before = all.len();
            let held = all.into_iter().map(|kept| usize::from(self.waiting.hold(kept))).sum::<usize>();
            self.left(before - held);
        } else {
            self.look_at_probe();
        }
    }

    /// Closes those that wait, and keeps none from here on.
    pub(super) fn retire(&self) {
        let all = self.waiting.close();
        self.left(all.len());
    }

    /// The server ended a connection before it said a byte to the request that was sent on it.
    pub(super) fn lost(&self, past: &Past) {
        let begins = !past.is_settled && past.answers == 1 && self.habit.closed();
        if begins && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::info!(server = &*self.server, "it closes connections after each answer: none is kept");
        }
    }

    /// It answered the next request on one.
    pub(super) fn answered(&self) {
        self.habit.kept();
    }

    /// Whether it may still be used; and what is to be learned of it.
    fn look(&self, kept: &mut Kept) -> bool {
        let waited = Stopwatch::lately().since(&kept.past.since);
        match kept.connection.idle() {
            Idle::Quiet => {
                if waited >= SETTLED && !kept.past.is_settled {
                    kept.past.is_settled = true;
                    self.habit.kept();
                }
                waited < kept.past.idle
            }
            Idle::Closed => {
                self.lost(&kept.past);
                false
            }
            Idle::Unasked => {
                self.metrics.unclean(Unclean::Unasked);
                false
            }
        }
    }

    fn left(&self, count: usize) {
        self.open.fetch_sub(count, Ordering::Relaxed);
    }
}
