//! The witness: a small file beside sled's that says how many group commits were acknowledged.
//!
//! When sled finds its log damaged it takes the damage for an unfinished write, drops everything
//! after it, and opens. For a ledger of revocations that is the worst answer. The count of commits
//! inside the store and the one in the witness tell.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The file's name in the store's folder.
pub(super) const WITNESS: &str = "witness";

/// Whether a store was made in this folder.
pub fn is_store(folder: &Path) -> bool {
    folder.join(WITNESS).is_file()
}

/// The open file.
pub(super) struct CommitCounter(File);

impl CommitCounter {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(folder.join(WITNESS)).map(Self)
    }

    /// The commits; `None` when nothing was written yet; an error when what is there is not ours.
    pub(super) fn read(&self) -> io::Result<Option<u64>> {
        let mut bytes = [0; 64];
        let length = self.0.read_at(&mut bytes, 0)?;
        if length == 0 {
            return Ok(None);
        }
        let text = bytes.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        let commits = text.and_then(|text| text.strip_suffix('\n')).and_then(|text| text.parse().ok());
        commits.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Called after the commits are on the disk, so that the witness never runs ahead of them. It
    /// needs no fsync of its own: should the power fail, it lags behind, which is harmless.
    pub(super) fn write(&self, commits: u64) -> io::Result<()> {
        // Always of one length: a rewrite in place leaves nothing of an earlier line.
        self.0.write_all_at(format!("{commits:020}\n").as_bytes(), 0)
    }
}
