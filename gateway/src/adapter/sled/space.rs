//! How much room is left where the store lies, so that a write is refused before the disk is full.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::store::StoreError;

/// How long a reading stands. In this time a busy store grows by a few megabytes at most.
const READING_AGE_MAX: Duration = Duration::from_millis(250);

/// Watches the file system of one folder.
pub(super) struct Space {
    folder: PathBuf,
    min_free_bytes: u64,
    reading: Option<(Stopwatch, u64)>,
}

impl Space {
    pub(super) fn of(folder: PathBuf, min_free_bytes: u64) -> Self {
        Self { folder, min_free_bytes, reading: None }
    }

    /// `StoreError::Full` when less than the agreed room is left.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let free = self.free_bytes()?;
        if free >= self.min_free_bytes {
            return Ok(());
        }
        Err(StoreError::Full(format!(
            "{} has {} MiB free, {} MiB are needed before anything is written",
            self.folder.display(),
            free >> 20,
            self.min_free_bytes.div_ceil(1 << 20),
        )))
    }

    fn free_bytes(&mut self) -> Result<u64, StoreError> {
        if let Some((age, free)) = &self.reading
            && age.elapsed() < READING_AGE_MAX
        {
            return Ok(*free);
        }
        let stat = rustix::fs::statvfs(&self.folder).map_err(|cause| {
            StoreError::Unavailable(format!("{} cannot be read: {cause}", self.folder.display()))
        })?;
        // What an ordinary user may still use, without the blocks that are reserved for root.
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        self.reading = Some((Stopwatch::start(), free));
        Ok(free)
    }
}
