//! The embedded store: accounts, sessions and the revocation ledger in one folder, kept by sled.
//!
//! What sled needs around it is `gateway-durable-sled`'s: here are the trees, what a change of the ports
//! writes into them as one transaction, and a way out of the store (`export`, `import`).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod accounts;
mod audit;
mod codec;
mod ending;
mod export;
mod familiar;
mod figures;
mod import;
mod installation;
mod open;
mod outbox;
mod revocations;
mod room;
mod sessions;
mod tickets;
mod trees;
mod users;
mod writes;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use figures::StoreFigures;
pub use gateway_durable_sled::{SledOptions, is_store};
pub use import::Importing;
pub use installation::{installation_of, record as record_installation};
pub use open::OpenError;

use figures::Place;
use gateway_clock::Timestamp;
use gateway_durable_sled::{Durable, Writing};
use gateway_store::StoreError;
use trees::{Fault, Trees};

/// The embedded store. Clones share it; when the last one is dropped, the store is closed.
///
/// Its methods need a tokio runtime. None of them waits for the disk on an async worker, but for
/// the look-up of a single record that sled's cache does not hold.
#[derive(Clone)]
pub struct SledStore(Arc<Inner>);

struct Inner {
    durable: Durable<Trees>,
    place: Place,
    opened: Opened,
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
        self.0.durable.failure()
    }

    /// How much room it takes and has.
    pub fn figures(&self) -> StoreFigures {
        self.0.place.figures()
    }

    fn trees(&self) -> &Trees {
        self.0.durable.trees()
    }

    /// Runs `work` on the writer's thread, and answers once what it wrote is durable.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, Fault> + Send + 'static,
    {
        self.0.durable.write(Writing::Adds, work).await
    }

    /// The same for what removes more than it adds: a disk that is (nearly) full must not keep it from
    /// that.
    async fn write_freeing<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, Fault> + Send + 'static,
    {
        self.0.durable.write(Writing::Frees, work).await
    }

    /// Looks up a few records, on this thread.
    fn read<T>(&self, work: impl FnOnce(&Trees) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.durable.read(work)
    }

    /// Reads many records, on a thread that may block.
    async fn scan<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Trees) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.durable.scan(work).await
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("failure", &self.failure()).finish_non_exhaustive()
    }
}
