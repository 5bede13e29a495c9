//! How much room the store takes and has, to be told.

use std::path::{Path, PathBuf};

use gateway_durable_sled::free_bytes;

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
