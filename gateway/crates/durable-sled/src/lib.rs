//! A sled database that keeps its word: what was answered is on the disk, and what was lost is noticed.
//!
//! sled 0.34 is fast and small, but careless by default. What this crate adds: one thread makes all
//! changes, and has them on the disk, fsync included, before they are answered (`writer`); no write is
//! tried on a nearly full disk, which sled does not survive (`space`); a log that lost its end is noticed
//! instead of silently accepted (`commit_counter`); the folder is private, and one process's (`open`); and
//! a panic of sled's is a value (`panics`). Which trees there are, and what is in them, is not known here.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod commit_counter;
mod failure;
mod open;
mod panics;
mod space;
mod writer;

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use parking_lot::MutexGuard;

pub use commit_counter::is_store;
pub use failure::{Failure, Fault};
pub use open::{OpenFault, Opening, SledOptions};
pub use panics::caught;
pub use space::{Writing, free_bytes};

use writer::Writer;

/// The trees of a program, for looking and for changing.
pub trait Layout: Clone + Send + Sync + 'static {
    /// What the program answers instead.
    type Error: fmt::Display + Send + 'static;

    /// A failure in the program's words.
    fn error(failure: Failure) -> Self::Error;
}

/// An open store. Clones share it; when the last one is dropped, it is closed.
#[derive(Clone)]
pub struct Durable<L: Layout>(Arc<Inner<L>>);

/// The order of the fields is the order in which they are dropped: the writer ends and answers
/// whoever waits, then sled closes its files, then the folder is free for the next process.
struct Inner<L: Layout> {
    writer: Writer<L>,
    trees: L,
    _lock: File,
}

impl<L: Layout> Durable<L> {
    fn new(writer: Writer<L>, trees: L, lock: File) -> Self {
        Self(Arc::new(Inner { writer, trees, _lock: lock }))
    }

    pub fn trees(&self) -> &L {
        &self.0.trees
    }

    /// Why no write is accepted any more until the store is opened again: after a failed fsync
    /// nobody can know what is on the disk. `None` in good health.
    pub fn failure(&self) -> Option<&str> {
        self.0.writer.failure()
    }

    /// No change is applied while the guard lives: whoever reads everything reads one state.
    pub fn pause(&self) -> MutexGuard<'_, ()> {
        self.0.writer.pause()
    }

    /// Runs `work` on the writer's thread, alone, and answers once what it wrote is durable.
    pub async fn write<T, F>(&self, what: Writing, work: F) -> Result<T, L::Error>
    where
        T: Send + 'static,
        F: FnOnce(&L) -> Result<T, Fault<L::Error>> + Send + 'static,
    {
        self.0.writer.write(what, work).await
    }

    /// For callers without a runtime: waits on this thread, and needs a free place in the queue.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, L::Error>
    where
        T: Send + 'static,
        F: FnOnce(&L) -> Result<T, Fault<L::Error>> + Send + 'static,
    {
        self.0.writer.write_blocking(work)
    }

    /// Looks up a few records, on this thread.
    pub fn read<T>(&self, work: impl FnOnce(&L) -> Result<T, L::Error>) -> Result<T, L::Error> {
        caught(|| work(self.trees())).unwrap_or_else(|panic| Err(L::error(Failure::Corrupt(panic))))
    }

    /// Reads many records, on a thread that may block.
    pub async fn scan<T, F>(&self, work: F) -> Result<T, L::Error>
    where
        T: Send + 'static,
        F: FnOnce(&L) -> Result<T, L::Error> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read(work))
            .await
            .map_err(|ended| L::error(Failure::Unavailable(ended.to_string())))?
    }
}
