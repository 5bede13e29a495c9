//! How much room is left where the store lies, so that a write is refused before the disk is full.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway_clock::Stopwatch;

use super::Failure;

/// How long a reading stands. In this time a busy store grows by a few megabytes at most.
const READING_AGE_MAX: Duration = Duration::from_millis(250);

/// What a change does to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
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

    /// `Failure::Full` when less than the agreed room is left. What removes more than it adds gets
    /// by with half of that: it must be possible when nothing else is.
    pub(super) fn check(&mut self, what: Writing) -> Result<(), Failure> {
        let free = self.free_bytes()?;
        let needed = match what {
            Writing::Adds => self.min_free_bytes,
            Writing::Frees => self.min_free_bytes / 2,
        };
        if free >= needed {
            return Ok(());
        }
        Err(Failure::Full(format!(
            "{} has {} MiB free, {} MiB are needed before anything is written",
            self.folder.display(),
            free >> 20,
            needed.div_ceil(1 << 20),
        )))
    }

    fn free_bytes(&mut self) -> Result<u64, Failure> {
        if let Some((age, free)) = &self.reading
            && age.elapsed() < READING_AGE_MAX
        {
            return Ok(*free);
        }
        let free = free_bytes(&self.folder).map_err(|cause| {
            Failure::Unavailable(format!("{} cannot be read: {cause}", self.folder.display()))
        })?;
        self.reading = Some((Stopwatch::start(), free));
        Ok(free)
    }
}

/// What an ordinary user may still use, without the blocks that are reserved for root.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
