//! Connections that wait for their next request, and the one that is held to see what its server does.
//!
//! They wait in shards. A thread puts its own into its own, and takes them from there; only where that has
//! none, or no room, does it look at the others. So no lock is shared by all requests, and yet a few
//! connections serve all of them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::connection::Connection;
use crate::descriptors::IdleDescriptor;
use gateway_clock::Stopwatch;
use gateway_framing::SETTLED;

/// Connections that wait; those above it are closed after their request.
const KEPT_MAX: usize = 1_024;
/// Where there are more threads, some share one.
const SHARDS_MAX: usize = 64;

/// One for each thread, as many as there are by default. A power of two.
static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    threads.next_power_of_two().min(SHARDS_MAX)
});

/// Threads that were numbered.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// What went over a connection, and since when nothing did.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub(super) answers: u32,
    /// How long it may wait.
    pub(super) idle: Duration,
    pub(super) since: Stopwatch,
    /// It was seen open and quiet when its server had had the time to close it.
    pub(super) is_settled: bool,
}

impl Past {
    /// That begins to wait now.
    pub(super) fn new(answers: u32, idle: Duration) -> Self {
        Self { answers, idle, since: Stopwatch::lately(), is_settled: false }
    }
}

pub(super) struct Kept {
    pub(super) connection: Connection,
    pub(super) past: Past,
    _descriptor: IdleDescriptor,
}

impl Kept {
    pub(super) fn new(connection: Connection, past: Past, descriptor: IdleDescriptor) -> Self {
        Self { connection, past, _descriptor: descriptor }
    }
}

/// All of one server.
pub(super) struct Waiting {
    /// A power of two of them.
    shards: Box<[Shard]>,
    /// Where the others are closed. It has room for one.
    probe: Shard,
}

/// In cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Ready>);

struct Ready {
    /// The one that was used last is the last one.
    kept: Vec<Kept>,
    room: usize,
}

impl Shard {
    fn new(room: usize) -> Self {
        Self(Mutex::new(Ready { kept: Vec::new(), room }))
    }
}

impl Ready {
    fn has_room(&self) -> bool {
        self.kept.len() < self.room
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Self::new(*SHARDS, KEPT_MAX / *SHARDS)
    }
}

impl Waiting {
    /// With room for so many in each of its shards.
    fn new(shards: usize, room: usize) -> Self {
        Self { shards: (0..shards).map(|_| Shard::new(room)).collect(), probe: Shard::new(1) }
    }

    /// The shard of this thread, and then the others.
    fn in_turn(&self) -> impl Iterator<Item = &Shard> {
        let own = THREAD.with(|number| number & (self.shards.len() - 1));
        let (others, from_own) = self.shards.split_at(own);
        from_own.iter().chain(others)
    }

    /// The one that was used last, of this thread if it has one.
    pub(super) fn take(&self) -> Option<Kept> {
        self.in_turn().find_map(|shard| shard.0.lock().kept.pop())
    }

    /// Whether there was room for it.
    pub(super) fn put(&self, kept: Kept) -> bool {
        for shard in self.in_turn() {
            let mut ready = shard.0.lock();
            if ready.has_room() {
                ready.kept.push(kept);
                return true;
            }
        }
        false
    }

    /// Whether it is the probe now. There is one of those.
    pub(super) fn hold(&self, kept: Kept) -> bool {
        let mut probe = self.probe.0.lock();
        let has_room = probe.has_room();
        if has_room {
            probe.kept.push(kept);
        }
        has_room
    }

    pub(super) fn has_probe(&self) -> bool {
        !self.probe.0.lock().kept.is_empty()
    }

    /// The probe, if its server had the time to close it.
    pub(super) fn take_probe(&self) -> Option<Kept> {
        self.probe.0.lock().kept.pop_if(|probe| probe.past.since.elapsed() >= SETTLED)
    }

    /// The one that is missed least, where another connection needs the room.
    pub(super) fn give_up(&self) -> Option<Kept> {
        let longest = |shard: &&Shard| shard.0.lock().kept.first().map(|kept| kept.past.since.elapsed());
        let probe = self.probe.0.lock().kept.pop();
        probe.or_else(|| {
            let mut oldest = self.shards.iter().max_by_key(longest)?.0.lock();
            // Somebody may have been faster.
            (!oldest.kept.is_empty()).then(|| oldest.kept.remove(0))
        })
    }

    /// Leaves those that are fit, the probe among them. How many were not.
    pub(super) fn retain(&self, mut is_fit: impl FnMut(&mut Kept) -> bool) -> usize {
        let of_one = |shard: &Shard| {
            let mut ready = shard.0.lock();
            let before = ready.kept.len();
            ready.kept.retain_mut(&mut is_fit);
            before - ready.kept.len()
        };
        self.all().map(of_one).sum()
    }

    /// All of them.
    pub(super) fn take_all(&self) -> Vec<Kept> {
        self.all().flat_map(|shard| std::mem::take(&mut shard.0.lock().kept)).collect()
    }

    /// The same, and from here on none is kept.
    pub(super) fn close(&self) -> Vec<Kept> {
        let of_one = |shard: &Shard| {
            let mut ready = shard.0.lock();
            ready.room = 0;
            std::mem::take(&mut ready.kept)
        };
        self.all().flat_map(of_one).collect()
    }

    /// The probe, and then the others.
    fn all(&self) -> impl Iterator<Item = &Shard> {
        std::iter::once(&self.probe).chain(&self.shards)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::descriptors::Descriptors;

    /// With four shards, each with room for two; and connections, told apart by their answers.
    fn on_a_runtime(test: impl FnOnce(&Waiting, &(dyn Fn(u32) -> Kept + Sync))) {
        let descriptors = Descriptors::of_this_process().unwrap();
        let runtime = Runtime::new().unwrap();
        test(&Waiting::new(4, 2), &|answers| {
            let _entered = runtime.enter();
            let (connection, _) = UnixStream::pair().unwrap();
            let past = Past::new(answers, Duration::from_secs(60));
            Kept::new(Connection::Unix(connection), past, descriptors.idle().unwrap())
        });
    }

    /// By a thread of another shard.
    fn elsewhere<T: Send>(act: impl Fn() -> T + Sync) -> T {
        let shard = || THREAD.with(|number| number % 4);
        let own = shard();
        let once = || std::thread::scope(|scope| scope.spawn(|| (shard() != own).then(&act)).join().unwrap());
        std::iter::repeat_with(once).flatten().next().unwrap()
    }

    fn answers(kept: Option<Kept>) -> Option<u32> {
        kept.map(|kept| kept.past.answers)
    }

    #[test]
    fn a_thread_takes_up_what_it_used_last_and_then_what_others_left() {
        on_a_runtime(|waiting, kept| {
            elsewhere(|| waiting.put(kept(1)));
            assert!(waiting.put(kept(2)) && waiting.put(kept(3)));
            let taken: Vec<_> = std::iter::from_fn(|| answers(waiting.take())).collect();
            assert_eq!(taken, [3, 2, 1]);
        });
    }

    #[test]
    fn as_many_wait_as_there_is_room_for_whichever_thread_they_come_from() {
        on_a_runtime(|waiting, kept| {
            let put = (0..7).filter(|number| waiting.put(kept(*number))).count();
            assert_eq!((put, elsewhere(|| waiting.put(kept(7)))), (7, true));
            assert!(!waiting.put(kept(8)) && !elsewhere(|| waiting.put(kept(9))));
            assert_eq!(waiting.take_all().len(), 8);
        });
    }

    #[test]
    fn where_room_is_needed_the_one_that_waits_longest_goes_whosever_it_is() {
        on_a_runtime(|waiting, kept| {
            elsewhere(|| waiting.put(kept(1)));
            assert!(waiting.put(kept(2)) && waiting.put(kept(3)) && waiting.hold(kept(4)));
            let given_up: Vec<_> = std::iter::from_fn(|| answers(waiting.give_up())).collect();
            assert_eq!(given_up, [4, 1, 2, 3], "the probe first");
        });
    }

    #[test]
    fn once_it_is_closed_nothing_waits_on_any_thread() {
        on_a_runtime(|waiting, kept| {
            elsewhere(|| waiting.put(kept(1)));
            assert!(waiting.put(kept(2)) && waiting.hold(kept(3)));
            assert_eq!(waiting.close().len(), 3);
            assert!(!elsewhere(|| waiting.put(kept(4))) && !waiting.put(kept(5)) && !waiting.hold(kept(6)));
        });
    }

    #[test]
    fn what_is_not_fit_goes_from_all_threads() {
        on_a_runtime(|waiting, kept| {
            elsewhere(|| waiting.put(kept(1)));
            assert!(waiting.put(kept(2)) && waiting.put(kept(3)) && waiting.hold(kept(4)));
            assert_eq!(waiting.retain(|kept| kept.past.answers == 2), 3);
            assert_eq!(answers(waiting.take_all().pop()), Some(2));
        });
    }
}
