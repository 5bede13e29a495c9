//! The one thread that changes the store: it takes what waits, applies each change as a transaction,
//! brings all of them to the disk with one flush, and only then answers (group commit).
//!
//! A thread of its own, because sled holds one lock for a transaction and for a flush: whoever
//! called from an async worker would make that worker wait for the disk.

use std::fs::File;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::{Mutex, MutexGuard};
use sled::Tree;
use tokio::sync::{mpsc, oneshot};

use super::commit_counter::CommitCounter;
use super::open::COMMITS;
use super::space::{Space, Writing};
use super::{Failure, Fault, Layout, caught};

/// Changes that may wait. More callers than that wait for a place, without blocking.
const WAITING_MAX: usize = 1_024;

/// Changes that share a flush: so many take about as long as an fsync of a slow disk.
const GROUP_MAX: usize = 256;

/// Applies a change, then answers its caller with what became of it.
type Job<L> = Box<dyn FnOnce(&mut Committer<L>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The handle of the writer's thread. Dropping it ends the thread, after the last answer.
pub(super) struct Writer<L: Layout> {
    jobs: Option<mpsc::Sender<Job<L>>>,
    failure: Arc<OnceLock<String>>,
    between_changes: Arc<Mutex<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub(super) struct Committer<L: Layout> {
    pub(super) trees: L,
    /// Where the number of commits is kept.
    pub(super) meta: Tree,
    pub(super) space: Space,
    pub(super) commit_counter: CommitCounter,
    /// sled's log file: sled itself asks the kernel to write it out, but never for an fsync.
    pub(super) log: File,
    /// Groups of changes that are on the disk, since the store was made.
    pub(super) commits: u64,
    pub(super) failure: Arc<OnceLock<String>>,
}

impl<L: Layout> Writer<L> {
    pub(super) fn start(committer: Committer<L>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let failure = Arc::clone(&committer.failure);
        let between_changes = Arc::new(Mutex::new(()));
        let gate = Arc::clone(&between_changes);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || committer.run(waiting, &gate))?;
        Ok(Self { jobs: Some(jobs), failure, between_changes, thread: Some(thread) })
    }

    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// No change is applied while the guard lives: whoever reads everything reads one state.
    pub(super) fn pause(&self) -> MutexGuard<'_, ()> {
        self.between_changes.lock()
    }

    pub(super) async fn write<T, F>(&self, what: Writing, work: F) -> Result<T, L::Error>
    where
        T: Send + 'static,
        F: FnOnce(&L) -> Result<T, Fault<L::Error>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        // A caller who stopped waiting needs no answer.
        let job = job::<L, _, _>(what, work, move |outcome| drop(sender.send(outcome)));
        let Some(jobs) = &self.jobs else {
            return Err(closed::<L>());
        };
        jobs.send(job).await.map_err(|_| closed::<L>())?;
        answer.await.unwrap_or_else(|_| Err(closed::<L>()))
    }

    /// For callers without a runtime: waits on this thread, and needs a free place in the queue.
    pub(super) fn write_blocking<T, F>(&self, work: F) -> Result<T, L::Error>
    where
        T: Send + 'static,
        F: FnOnce(&L) -> Result<T, Fault<L::Error>> + Send + 'static,
    {
        let (sender, answer) = std::sync::mpsc::channel();
        let job = job::<L, _, _>(Writing::Adds, work, move |outcome| drop(sender.send(outcome)));
        let Some(jobs) = &self.jobs else {
            return Err(closed::<L>());
        };
        jobs.try_send(job).map_err(|_| unavailable::<L>("the store is busy"))?;
        answer.recv().unwrap_or_else(|_| Err(closed::<L>()))
    }
}

impl<L: Layout> Drop for Writer<L> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened; the store closes all the same.
            drop(thread.join());
        }
    }
}

fn closed<L: Layout>() -> L::Error {
    unavailable::<L>("the store is closed")
}

fn unavailable<L: Layout>(cause: &str) -> L::Error {
    L::error(Failure::Unavailable(cause.to_owned()))
}

fn job<L, T, F>(what: Writing, work: F, answer: impl FnOnce(Result<T, L::Error>) + Send + 'static) -> Job<L>
where
    L: Layout,
    T: Send + 'static,
    F: FnOnce(&L) -> Result<T, Fault<L::Error>> + Send + 'static,
{
    Box::new(move |committer| {
        let outcome = committer.apply(what, work);
        Box::new(move |durable| {
            let durable = durable.map_err(unavailable::<L>);
            // Not even a refusal is answered before the changes that it may rest on are durable.
            answer(durable.and(outcome));
        })
    })
}

impl<L: Layout> Committer<L> {
    fn run(mut self, mut waiting: mpsc::Receiver<Job<L>>, between_changes: &Mutex<()>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut answers = Vec::new();
            let mut next = Some(first);
            while let Some(job) = next {
                let _change = between_changes.lock();
                answers.push(job(&mut self));
                next = (answers.len() < GROUP_MAX).then(|| waiting.try_recv().ok()).flatten();
            }
            let durable = self.commit();
            for answer in answers {
                answer(durable.as_ref().copied().map_err(String::as_str));
            }
        }
    }

    fn apply<T>(
        &mut self,
        what: Writing,
        work: impl FnOnce(&L) -> Result<T, Fault<L::Error>>,
    ) -> Result<T, L::Error> {
        if let Some(cause) = self.failure.get() {
            return Err(unavailable::<L>(cause));
        }
        self.space.check(what).map_err(L::error)?;
        match caught(|| work(&self.trees)) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Fault::Refused(refusal))) => Err(refusal),
            Ok(Err(Fault::HalfApplied(error))) => {
                self.fail(format!("a change could not be applied: {error}"));
                Err(error)
            }
            Err(panic) => Err(L::error(Failure::Corrupt(panic))),
        }
    }

    /// Brings all changes so far to the disk. After a failure nothing is written any more: the
    /// kernel may have dropped what it could not write, and a second fsync would not tell.
    fn commit(&mut self) -> Result<(), String> {
        if self.failure.get().is_none() {
            match caught(|| self.flush()) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.fail(format!("the disk did not take a change: {error}")),
                Err(panic) => self.fail(format!("the disk did not take a change: {panic}")),
            }
        }
        self.failure.get().cloned().map_or(Ok(()), Err)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let io = |cause: std::io::Error| Failure::Unavailable(cause.to_string());
        self.commits += 1;
        let commits = self.commits.to_be_bytes();
        // The last record of the group in sled's log: if it is there, all before it is.
        self.meta.insert(COMMITS, &commits[..])?;
        self.meta.flush()?;
        self.log.sync_data().map_err(io)?;
        self.commit_counter.write(self.commits).map_err(io)
    }

    fn fail(&self, cause: String) {
        tracing::error!(cause, "the store takes no more writes until it is opened again");
        // The first cause stands.
        drop(self.failure.set(cause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Layout for Tree {
        type Error = Failure;

        fn error(failure: Failure) -> Failure {
            failure
        }
    }

    fn set(value: &'static str) -> impl FnOnce(&Tree) -> Result<(), Fault<Failure>> {
        move |tree| {
            tree.insert("written", value)?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_failed_fsync_is_told_to_all_who_wait_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(folder.path()).flush_every_ms(None).open().unwrap();
        let tree = db.open_tree("numbers").unwrap();
        let writer = Writer::start(Committer {
            trees: tree.clone(),
            meta: db.open_tree("meta").unwrap(),
            space: Space::new(folder.path().to_owned(), 0),
            commit_counter: CommitCounter::open(folder.path()).unwrap(),
            // A device that can be opened but refuses an fsync.
            log: File::open("/dev/null").unwrap(),
            commits: 0,
            failure: Arc::default(),
        })
        .unwrap();
        let (one, other) =
            tokio::join!(writer.write(Writing::Adds, set("1")), writer.write(Writing::Adds, set("1")));
        for told in [one, other] {
            assert!(matches!(told, Err(Failure::Unavailable(_))), "{told:?}");
        }
        assert!(writer.failure().unwrap().contains("the disk did not take a change"));
        assert!(matches!(writer.write(Writing::Adds, set("2")).await, Err(Failure::Unavailable(_))));
        assert_eq!(tree.get("written").unwrap().unwrap(), "1", "reads go on, and nothing was written");
    }
}
