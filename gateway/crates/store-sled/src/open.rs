//! Opening the folder: private, held by one process, of a version that we know, and whole.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sled::Db;
use thiserror::Error;

use super::commit_counter::{CommitCounter, WITNESS};
use super::space::{Place, Space, Writing};
use super::trees::{COMMITS, Fault, IMPORTING, LAST_USER_ID, MADE_AT, SCHEMA, STORE_ID, Trees};
use super::writer::{Committer, Writer};
use super::{Inner, Opened, SledOptions, SledStore, codec, installation, panics};
use gateway_clock::{Clock as _, Stopwatch, SystemClock, Timestamp};
use gateway_identity::InstallationId;
use gateway_store::StoreError;

/// The layout of the trees. A store with a higher number was made by a newer version.
const SCHEMA_VERSION: u64 = 2;

/// The layout before there was an index of sessions by user.
const SCHEMA_WITHOUT_USER_SESSIONS: u64 = 1;

/// How long sled's own lock is waited for. Ours is held then, so that the only other holder can be
/// a background thread of sled in this process, about to let go of a store just closed.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// Why the store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "the store in {} is in use by another process: stop that one first, or use another folder",
        folder.display()
    )]
    Locked { folder: PathBuf },
    #[error(
        "the store in {folder} is damaged: {cause}. What to do: move the folder aside (mv {folder} \
         {folder}.damaged), start a new one and restore your last export with `gateway store \
         import`. Accounts, sessions and revocations newer than the export are lost; to be sure \
         that no token revoked since is accepted again, change the signing secret, too",
        folder = folder.display()
    )]
    Damaged { folder: PathBuf, cause: String },
    #[error(
        "the store in {} was made by a newer version (its schema is {found}, this version knows \
         {SCHEMA_VERSION}): start the newer version, or restore an export made by this one",
        folder.display()
    )]
    Newer { folder: PathBuf, found: u64 },
    #[error("{} holds a sled database that is not a gateway's: use another folder", folder.display())]
    Foreign { folder: PathBuf },
    #[error("no store was made in {}: {cause}", folder.display())]
    Full { folder: PathBuf, cause: String },
    #[error("the store in {} cannot be opened: {cause}", folder.display())]
    Io { folder: PathBuf, cause: String },
}

/// What went wrong, before the folder is named.
enum Trouble {
    Locked,
    Damaged(String),
    Newer(u64),
    Foreign,
    Full(String),
    Io(String),
}

pub(super) fn open(folder: &Path, options: SledOptions) -> Result<SledStore, OpenError> {
    let opened = panics::caught(|| open_caught(folder, options));
    opened.unwrap_or_else(|panic| Err(Trouble::Damaged(panic))).map_err(|trouble| {
        let folder = folder.to_owned();
        match trouble {
            Trouble::Locked => OpenError::Locked { folder },
            Trouble::Damaged(cause) => OpenError::Damaged { folder, cause },
            Trouble::Newer(found) => OpenError::Newer { folder, found },
            Trouble::Foreign => OpenError::Foreign { folder },
            Trouble::Full(cause) => OpenError::Full { folder, cause },
            Trouble::Io(cause) => OpenError::Io { folder, cause },
        }
    })
}

fn open_caught(folder: &Path, options: SledOptions) -> Result<SledStore, Trouble> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = lock(folder)?;
    let db = open_sled(folder, options)?;
    make_private(folder)?;
    let trees = Trees::open(&db)?;
    let mut space = Space::new(folder.to_owned(), options.min_free_bytes);
    let log = File::open(folder.join("db"))?;
    let commit_counter = CommitCounter::open(folder)?;
    let (commits, opened) = match witness_of(&commit_counter)? {
        None if is_empty(&db)? => (make(&trees, &mut space, &log)?, Opened::New),
        told => {
            let commits = inspect(&trees, told)?;
            migrate(&trees, &log)?;
            trees.learn_from_sessions()?;
            (commits, Opened::Since(made_at(&trees)?))
        }
    };
    commit_counter.write(commits)?;
    installation::record(folder, trees.installation()?);
    File::open(folder)?.sync_all()?;
    let failure = Arc::default();
    let committer = Committer { trees: trees.clone(), space, commit_counter, log, commits, failure };
    let writer = Writer::start(committer)?;
    let place = Place { folder: folder.to_owned(), min_free_bytes: options.min_free_bytes };
    Ok(SledStore(Arc::new(Inner { writer, trees, place, opened, _lock: lock })))
}

/// A lock of our own, because sled's says "in use" only in the text of an I/O error.
fn lock(folder: &Path) -> Result<File, Trouble> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::Locked),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

fn open_sled(folder: &Path, options: SledOptions) -> Result<Db, Trouble> {
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
                    return Err(Trouble::Locked);
                }
                std::thread::yield_now();
            }
            opened => return Ok(opened?),
        }
    }
}

/// sled creates its files as the umask says. They hold password hashes and addresses.
fn make_private(folder: &Path) -> Result<(), Trouble> {
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

fn witness_of(commit_counter: &CommitCounter) -> Result<Option<u64>, Trouble> {
    commit_counter.read().map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidData => Trouble::Damaged(format!("its file {WITNESS} is garbled")),
        _ => cause.into(),
    })
}

/// Whether nothing was ever stored, by us or by anybody else.
fn is_empty(db: &Db) -> Result<bool, Trouble> {
    for name in db.tree_names() {
        if db.open_tree(name)?.first()?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A new store: its version and its name are one transaction, so that there is no half of it.
fn make(trees: &Trees, space: &mut Space, log: &File) -> Result<u64, Trouble> {
    space.check(Writing::Adds).map_err(|full| Trouble::Full(full.to_string()))?;
    let (id, now) = (InstallationId::random().to_string(), SystemClock.now());
    trees.transact(|change| {
        change.set_counter(SCHEMA, SCHEMA_VERSION)?;
        change.set_counter(COMMITS, 0)?;
        change.set_counter(MADE_AT, now.millis())?;
        change.meta.insert(STORE_ID, id.as_bytes())?;
        Ok(())
    })?;
    trees.meta.flush()?;
    log.sync_all()?;
    Ok(0)
}

/// When a store was made that was there: it says so itself, or the first entry of its trail does.
fn made_at(trees: &Trees) -> Result<Option<Timestamp>, Trouble> {
    let millis = trees.counter(MADE_AT)?;
    if millis > 0 {
        return Ok(Some(Timestamp::from_millis(millis)));
    }
    let Some((_, first)) = trees.audit.first()? else { return Ok(None) };
    let entry: serde_json::Value = codec::decode("an entry of the audit trail", &first)?;
    Ok(entry.get("time").and_then(|time| time.as_str()).and_then(Timestamp::parse))
}

/// A store that was there: is it one that we know, and all of it?
fn inspect(trees: &Trees, told: Option<u64>) -> Result<u64, Trouble> {
    let schema = trees.meta.get(SCHEMA)?;
    let schema = match (&schema, told) {
        (Some(version), _) => codec::number("the schema version", version)?,
        (None, None) => return Err(Trouble::Foreign),
        (None, Some(_)) => return Err(Trouble::Damaged("all that was in it is gone".to_owned())),
    };
    match schema {
        SCHEMA_VERSION | SCHEMA_WITHOUT_USER_SESSIONS => {}
        newer if newer > SCHEMA_VERSION => return Err(Trouble::Newer(newer)),
        _ => {
            return Err(Trouble::Damaged(format!("no version has the schema {schema}")));
        }
    }
    if trees.meta.contains_key(IMPORTING)? {
        return Err(Trouble::Damaged("an import into it was broken off".to_owned()));
    }
    trees.installation()?;
    let here = trees.counter(COMMITS)?;
    if let Some(lost) = told.unwrap_or(0).checked_sub(here).filter(|lost| *lost > 0) {
        let gone = match lost {
            1 => "the last group of acknowledged writes is gone".to_owned(),
            _ => format!("the last {lost} groups of acknowledged writes are gone"),
        };
        return Err(Trouble::Damaged(gone));
    }
    look_around(trees)?;
    Ok(here)
}

/// Brings an older layout to today's. Broken off, it begins anew at the next start.
fn migrate(trees: &Trees, log: &File) -> Result<(), Trouble> {
    let schema = trees.counter(SCHEMA)?;
    if schema == SCHEMA_VERSION {
        return Ok(());
    }
    for value in trees.sessions.iter().values() {
        let session: gateway_store::Session = codec::decode("a session", &value?)?;
        trees.user_sessions.insert(codec::user_session_key(session.user, session.id), &[][..])?;
    }
    trees.user_sessions.flush()?;
    trees.transact(|change| change.set_counter(SCHEMA, SCHEMA_VERSION))?;
    trees.meta.flush()?;
    log.sync_all()?;
    tracing::info!(from = schema, to = SCHEMA_VERSION, "the store was brought to this version's layout");
    Ok(())
}

/// Reads a little of every tree: what lies open to view should be found before the first request.
fn look_around(trees: &Trees) -> Result<(), Trouble> {
    for tree in trees.all() {
        tree.first()?;
    }
    if let Some((key, value)) = trees.users.last()? {
        let user: gateway_store::User = codec::decode("an account", &value)?;
        if user.id != codec::user_id(&key)? || user.id.get() > trees.counter(LAST_USER_ID)? {
            return Err(Trouble::Damaged("its accounts and their counter disagree".to_owned()));
        }
    }
    if let Some((_, value)) = trees.sessions.last()? {
        codec::decode::<gateway_store::Session>("a session", &value)?;
    }
    if let Some((key, value)) = trees.revocations.last()? {
        codec::revocation(&key, &value)?;
    }
    Ok(())
}

impl From<io::Error> for Trouble {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause.to_string())
    }
}

impl From<Fault> for Trouble {
    fn from((Fault::Refused(error) | Fault::HalfApplied(error)): Fault) -> Self {
        error.into()
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(cause) => Self::Damaged(cause),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<sled::Error> for Trouble {
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
