//! The embedded store: accounts, sessions and the revocation ledger in one folder, kept by sled.
//!
//! sled 0.34 is fast and small, but careless by default. What this room adds: every write is one
//! transaction and is on the disk, fsync included, before it is answered (`writer`); no write is
//! tried on a nearly full disk, which sled does not survive (`space`); a log that lost its end is
//! noticed instead of silently accepted (`witness`); and a way out of it (`export`, `import`).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod accounts;
mod audit;
mod codec;
mod commit_counter;
mod ending;
mod export;
mod familiar;
mod import;
mod import_check;
mod installation;
mod open;
mod outbox;
mod panics;
mod revocations;
mod room;
mod sessions;
mod space;
mod tickets;
mod transfer;
mod trees;
mod users;
mod writer;
mod writes;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub use commit_counter::is_store;
pub use import::{IDS_SKIPPED, Importing, verify};
pub use installation::installation_of;
pub use open::OpenError;
pub use transfer::{TransferCounts, TransferError};

use gateway_clock::Timestamp;
use gateway_store::StoreError;
pub use space::StoreFigures;
use space::{Place, Writing};
use trees::{Fault, Trees};
use writer::Writer;

/// How the embedded store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// What sled may keep of its pages in memory. Its own default is 1 GiB.
    pub cache_bytes: u64,
    /// Writes are refused while the disk has less room than this: sled fails for good when it
    /// meets a full disk, so that it must never get there.
    pub min_free_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, min_free_bytes: 64 << 20 }
    }
}

/// The embedded store. Clones share it; when the last one is dropped, the store is closed.
///
/// Its methods need a tokio runtime. None of them waits for the disk on an async worker, but for
/// the look-up of a single record that sled's cache does not hold.
#[derive(Clone)]
pub struct SledStore(Arc<Inner>);

/// The order of the fields is the order in which they are dropped: the writer ends and answers
/// whoever waits, then sled closes its files, then the folder is free for the next process.
struct Inner {
    writer: Writer,
    trees: Trees,
    place: Place,
    opened: Opened,
    _lock: File,
}

/// Whether a store was there, to be told at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none.
    New,
    /// There was one, made then: `None` where that is not known any more.
    Since(Option<Timestamp>),
}

impl SledStore {
    /// Opens the store in `dir`, and makes it if there is none. Blocks.
    pub fn open(dir: &Path, options: SledOptions) -> Result<Self, OpenError> {
        open::open(dir, options)
    }

    /// Whether it was there before.
    pub fn opened(&self) -> Opened {
        self.0.opened
    }

    /// Why no write is accepted any more until the store is opened again: after a failed fsync
    /// nobody can know what is on the disk. `None` in good health.
    pub fn failure(&self) -> Option<&str> {
        self.0.writer.failure()
    }

    /// How much room it takes and has.
    pub fn figures(&self) -> StoreFigures {
        self.0.place.figures()
    }

    fn trees(&self) -> &Trees {
        &self.0.trees
    }

    /// Runs `work` on the writer's thread, and answers once what it wrote is durable.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, Fault> + Send + 'static,
    {
        self.0.writer.write(Writing::Adds, work).await
    }

    /// The same for what removes more than it adds: a disk that is (nearly) full must not keep it from
    /// that.
    async fn write_freeing<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, Fault> + Send + 'static,
    {
        self.0.writer.write(Writing::Frees, work).await
    }

    /// Looks up a few records, on this thread.
    fn read<T>(&self, work: impl FnOnce(&Trees) -> Result<T, StoreError>) -> Result<T, StoreError> {
        panics::caught(|| work(self.trees())).unwrap_or_else(|panic| Err(StoreError::Corrupt(panic)))
    }

    /// Reads many records, on a thread that may block.
    async fn scan<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read(work))
            .await
            .map_err(|ended| StoreError::Unavailable(ended.to_string()))?
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("failure", &self.failure()).finish_non_exhaustive()
    }
}
