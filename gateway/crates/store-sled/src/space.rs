//! How much room is left where the store lies, so that a write is refused before the disk is full.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway_clock::Stopwatch;
use gateway_store::StoreError;

/// How long a reading stands. In this time a busy store grows by a few megabytes at most.
const READING_AGE_MAX: Duration = Duration::from_millis(250);

/// What a change does to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Adds,
    Frees,
}

/// Watches the file system of one folder.
pub(super) struct Space {
    folder: PathBuf,
    min_free_bytes: u64,
    reading: Option<(Stopwatch, u64)>,
}

impl Space {
    pub(super) fn new(folder: PathBuf, min_free_bytes: u64) -> Self {
        Self { folder, min_free_bytes, reading: None }
    }

    /// `StoreError::Full` when less than the agreed room is left. What removes more than it adds gets
    /// by with half of that: it must be possible when nothing else is.
    pub(super) fn check(&mut self, what: Writing) -> Result<(), StoreError> {
        let free = self.free_bytes()?;
        let needed = match what {
            Writing::Adds => self.min_free_bytes,
            Writing::Frees => self.min_free_bytes / 2,
        };
        if free >= needed {
            return Ok(());
        }
        Err(StoreError::Full(format!(
            "{} has {} MiB free, {} MiB are needed before anything is written",
            self.folder.display(),
            free >> 20,
            needed.div_ceil(1 << 20),
        )))
    }

    fn free_bytes(&mut self) -> Result<u64, StoreError> {
        if let Some((age, free)) = &self.reading
            && age.elapsed() < READING_AGE_MAX
        {
            return Ok(*free);
        }
        let free = free_bytes(&self.folder).map_err(|cause| {
            StoreError::Unavailable(format!("{} cannot be read: {cause}", self.folder.display()))
        })?;
        self.reading = Some((Stopwatch::start(), free));
        Ok(free)
    }
}

/// What an ordinary user may still use, without the blocks that are reserved for root.
fn free_bytes(folder: &Path) -> rustix::io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Where the store lies, for who asks how much room there is.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) min_free_bytes: u64,
}

/// The room of the store, in bytes. Zero where it cannot be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreFigures {
    pub size_bytes: u64,
    pub disk_free_bytes: u64,
    pub disk_free_min_bytes: u64,
}

impl Place {
    pub(super) fn figures(&self) -> StoreFigures {
        StoreFigures {
            size_bytes: size_below(&self.folder),
            disk_free_bytes: free_bytes(&self.folder).unwrap_or_default(),
            disk_free_min_bytes: self.min_free_bytes,
        }
    }
}

/// sled has its log in one file, and large values in a folder beside it.
fn size_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
