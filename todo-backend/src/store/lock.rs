//! One process to a folder. sled has a lock too, but lets go of it a moment after its handles are gone.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::StoreError;

/// How long closing waits for sled's own threads. They end in milliseconds, unless they are stuck.
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// Held while a store is open, and until sled's lock is free again: whoever gets it gets both.
pub(super) struct FolderLock {
    folder: PathBuf,
    _file: File,
}

impl FolderLock {
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let failed = |cause: io::Error| StoreError::Folder { path: folder.to_owned(), cause };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _file: file }),
            Err(Errno::WOULDBLOCK) => Err(StoreError::InUse(folder.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }
}

impl Drop for FolderLock {
    /// A thread of sled's that has just written may still hold the file of the database. Nobody
    /// else can, as we have the outer lock; so to wait for it is to wait for that thread. The wait
    /// has a thread of its own because `flock` knows no deadline.
    fn drop(&mut self) {
        let Ok(db) = File::open(self.folder.join("db")) else {
            return;
        };
        let (freed, waiting) = mpsc::channel();
        let waiter = move || {
            flock(&db, FlockOperation::LockExclusive).ok();
            drop(db);
            freed.send(()).ok();
        };
        let started = std::thread::Builder::new().name("todo-closer".to_owned()).spawn(waiter);
        if started.is_ok() && waiting.recv_timeout(CLOSING_MAX).is_err() {
            tracing::warn!("the database still has its files open");
        }
    }
}
