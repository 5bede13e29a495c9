//! Opening the folder: private, held by one process, of a layout that is known, and whole.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway_clock::Stopwatch;
use sled::{Batch, Db, Tree};
use thiserror::Error;

use super::commit_counter::{CommitCounter, WITNESS};
use super::space::{Space, Writing};
use super::writer::{Committer, Writer};
use super::{Durable, Layout};

/// The tree that each store has, and its keys that are ours; all else in it is the program's.
const META: &str = "meta";
const SCHEMA: &str = "schema";
pub(super) const COMMITS: &str = "commits";

/// How long sled's own lock is waited for. Ours is held then, so that the only other holder can be
/// a background thread of sled in this process, about to let go of a store just closed.
const LINGER_MAX: Duration = Duration::from_secs(2);

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

/// Why a store was not opened. The folder is named by who opens it.
#[derive(Debug, Error)]
pub enum OpenFault {
    #[error("it is in use by another process: stop that one first, or use another folder")]
    Locked,
    #[error("it is damaged ({0}): move the folder aside to begin with a new one")]
    Damaged(String),
    #[error("it was made by a newer version (its schema is {0}): start that one")]
    Newer(u64),
    #[error("it is the sled database of another program: use another folder")]
    Foreign,
    /// None was made.
    #[error("{0}")]
    Full(String),
    #[error("{0}")]
    Io(String),
}

/// A store while it is opened: the folder is ours, and nothing that is in it is believed yet.
///
/// The order of the fields is the order in which they are dropped: the lock goes last.
pub struct Opening {
    folder: PathBuf,
    meta: Tree,
    db: Db,
    space: Space,
    log: File,
    commit_counter: CommitCounter,
    /// Commits that were answered; `None` where nobody ever counted.
    acknowledged: Option<u64>,
    /// Commits that are here.
    commits: u64,
    lock: File,
}

impl Opening {
    /// Takes the folder, makes it where there is none, and opens sled in it. sled panics on some damaged
    /// files, here and in what follows: [`caught`](super::caught) is to be around all of it.
    pub fn begin(folder: &Path, options: SledOptions) -> Result<Self, OpenFault> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = lock(folder)?;
        let db = open_sled(folder, options)?;
        make_private(folder)?;
        let meta = db.open_tree(META)?;
        let space = Space::new(folder.to_owned(), options.min_free_bytes);
        let log = File::open(folder.join("db"))?;
        let commit_counter = CommitCounter::open(folder)?;
        let acknowledged = acknowledged(&commit_counter)?;
        let folder = folder.to_owned();
        Ok(Self { folder, meta, db, space, log, commit_counter, acknowledged, commits: 0, lock })
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Whether nothing was ever stored, by us or by anybody else.
    pub fn is_new(&self) -> Result<bool, OpenFault> {
        if self.acknowledged.is_some() {
            return Ok(false);
        }
        for name in self.db.tree_names() {
            if self.db.open_tree(name)?.first()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A new store: its version and what else it has from the beginning in the tree `meta` are one step,
    /// so that there is no half of it.
    pub fn make(&mut self, schema: u64, mut beginning: Batch) -> Result<(), OpenFault> {
        self.space.check(Writing::Adds).map_err(|full| OpenFault::Full(full.to_string()))?;
        beginning.insert(SCHEMA, &schema.to_be_bytes()[..]);
        beginning.insert(COMMITS, &0_u64.to_be_bytes()[..]);
        self.meta.apply_batch(beginning)?;
        self.sync()
    }

    /// A store that was there: is it one whose schema is known, and all of it? Answers its schema.
    pub fn inspect(&mut self, known: RangeInclusive<u64>) -> Result<u64, OpenFault> {
        let schema = match (self.number(SCHEMA)?, self.acknowledged) {
            (Some(schema), _) => schema,
            (None, None) => return Err(OpenFault::Foreign),
            (None, Some(_)) => return Err(OpenFault::Damaged("all that was in it is gone".to_owned())),
        };
        if schema > *known.end() {
            return Err(OpenFault::Newer(schema));
        }
        if !known.contains(&schema) {
            return Err(OpenFault::Damaged(format!("no version has the schema {schema}")));
        }
        self.commits = self.number(COMMITS)?.unwrap_or(0);
        match self.acknowledged.unwrap_or(0).saturating_sub(self.commits) {
            0 => Ok(schema),
            1 => Err(OpenFault::Damaged("the last group of acknowledged writes is gone".to_owned())),
            lost => {
                Err(OpenFault::Damaged(format!("the last {lost} groups of acknowledged writes are gone")))
            }
        }
    }

    /// Says that the store has this version's layout now. Broken off before, it begins anew at the next start.
    pub fn set_schema(&self, schema: u64) -> Result<(), OpenFault> {
        self.meta.insert(SCHEMA, &schema.to_be_bytes()[..])?;
        self.sync()
    }

    /// Nothing speaks against the store: it is written from here on.
    pub fn finish<L: Layout>(self, trees: L) -> Result<Durable<L>, OpenFault> {
        let Self { folder, meta, space, log, commit_counter, commits, lock, .. } = self;
        commit_counter.write(commits)?;
        File::open(folder)?.sync_all()?;
        let failure = Arc::default();
        let committer =
            Committer { trees: trees.clone(), meta, space, commit_counter, log, commits, failure };
        Ok(Durable::new(Writer::start(committer)?, trees, lock))
    }

    fn sync(&self) -> Result<(), OpenFault> {
        self.meta.flush()?;
        Ok(self.log.sync_all()?)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, OpenFault> {
        let Some(value) = self.meta.get(name)? else { return Ok(None) };
        let bytes = value.as_ref().try_into();
        let bytes = bytes.map_err(|_| OpenFault::Damaged(format!("{name} cannot be read")))?;
        Ok(Some(u64::from_be_bytes(bytes)))
    }
}

/// A lock of our own, because sled's says "in use" only in the text of an I/O error.
fn lock(folder: &Path) -> Result<File, OpenFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenFault::Locked),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

fn open_sled(folder: &Path, options: SledOptions) -> Result<Db, OpenFault> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(options.cache_bytes)
        // We flush before each answer; sled's half-second timer would add nothing.
        .flush_every_ms(None);
    let waiting = Stopwatch::start();
    loop {
        match config.open() {
            Err(sled::Error::Io(cause)) if cause.to_string().contains("could not acquire lock") => {
                if waiting.elapsed() > LINGER_MAX {
                    return Err(OpenFault::Locked);
                }
                std::thread::yield_now();
            }
            opened => return Ok(opened?),
        }
    }
}

/// sled creates its files as the umask says. They hold what is nobody else's to read.
fn make_private(folder: &Path) -> Result<(), OpenFault> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let mode = if entry.file_type()?.is_dir() { 0o700 } else { 0o600 };
        // What belongs to another user, as `lost+found` of a volume, has nothing of ours in it.
        match std::fs::set_permissions(entry.path(), Permissions::from_mode(mode)) {
            Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied && !is_ours(&entry) => {}
            set => set?,
        }
    }
    Ok(())
}

fn is_ours(entry: &std::fs::DirEntry) -> bool {
    entry.metadata().is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw())
}

fn acknowledged(commit_counter: &CommitCounter) -> Result<Option<u64>, OpenFault> {
    commit_counter.read().map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidData => OpenFault::Damaged(format!("its file {WITNESS} is garbled")),
        _ => cause.into(),
    })
}

impl From<io::Error> for OpenFault {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause.to_string())
    }
}

impl From<sled::Error> for OpenFault {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(cause) => match cause.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Self::Damaged(cause.to_string()),
                _ => cause.into(),
            },
            other => Self::Damaged(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
