//! Opens the trees, and tells a damaged store from a new one, a busy one and one of tomorrow's.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use sled::transaction::{TransactionError, Transactional};
use sled::{Config, Db, Tree};

use super::error::{Fault, StoreError};
use super::ledger::{Broken, CHANGES, Ledger, Outcome};
use super::lock::FolderLock;
use super::witness::{Testimony, Witness};
use super::{check, quiet};

/// sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// The format that this version writes.
const SCHEMA: u64 = 1;
const SCHEMA_KEY: &[u8] = b"schema";
pub(super) const IMPORTING_KEY: &[u8] = b"importing";

pub(super) struct Trees {
    pub(super) db: Db,
    pub(super) todos: Tree,
    pub(super) by_state: Tree,
    pub(super) accounts: Tree,
    pub(super) blocks: Tree,
    pub(super) meta: Tree,
}

/// All that an open store consists of, in the order in which it has to go: the lock last.
pub(super) struct Opened {
    pub(super) trees: Trees,
    pub(super) witness: Witness,
    pub(super) lock: FolderLock,
}

pub(super) fn open(path: &Path) -> Result<Opened, StoreError> {
    let folder = |cause| StoreError::Folder { path: path.to_owned(), cause };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(folder)?;
    let lock = FolderLock::take(path)?;

    let opened = quiet::catch(|| Config::new().path(path).cache_capacity(CACHE_BYTES).open());
    let db = match opened {
        Ok(Ok(db)) => db,
        Ok(Err(error)) => return Err(refused(path, error)),
        Err(panic) => return Err(StoreError::damaged(path, panic)),
    };
    let examined = quiet::catch(|| examine(path, Db::clone(&db)))
        .unwrap_or_else(|panic| Err(StoreError::damaged(path, panic)));
    match examined {
        Ok((trees, witness)) => Ok(Opened { trees, witness, lock }),
        Err(damage @ StoreError::Damaged { .. }) => {
            // Its destructor would write to what is damaged; the end of the process closes it.
            std::mem::forget((db, lock));
            Err(damage)
        }
        Err(error) => Err(error),
    }
}

/// What sled says when it does not open.
pub(super) fn refused(path: &Path, error: sled::Error) -> StoreError {
    match error {
        // sled has no kind of its own for a lock that is held.
        sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock") => {
            StoreError::InUse(path.to_owned())
        }
        sled::Error::Io(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => {
            StoreError::Folder { path: path.to_owned(), cause }
        }
        // Its own words are a file offset and a backtrace.
        sled::Error::Corruption { .. } => StoreError::damaged(path, "some of its data cannot be read back"),
        damage => StoreError::damaged(path, damage.to_string()),
    }
}

fn examine(path: &Path, db: Db) -> Result<(Trees, Witness), StoreError> {
    let at_open = |error: sled::Error| refused(path, error);
    let folder = |cause| StoreError::Folder { path: path.to_owned(), cause };
    let tree = |name: &str| db.open_tree(name).map_err(at_open);
    let trees = Trees {
        todos: tree("todos")?,
        by_state: tree("by_state")?,
        accounts: tree("accounts")?,
        blocks: tree("blocks")?,
        meta: tree("meta")?,
        db: db.clone(),
    };
    let testimony = Witness::hear(path).map_err(folder)?;
    match trees.number(SCHEMA_KEY).map_err(|fault| fault.at_open(path))? {
        None if testimony == Testimony::Silent => {
            trees.meta.insert(SCHEMA_KEY, &SCHEMA.to_be_bytes()).map_err(at_open)?;
            trees.db.flush().map_err(at_open)?;
        }
        None => return Err(StoreError::damaged(path, "its contents are gone")),
        Some(found) if found > SCHEMA => {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: SCHEMA });
        }
        Some(_) => {}
    }
    if trees.meta.contains_key(IMPORTING_KEY).map_err(at_open)? {
        return Err(StoreError::HalfImported(path.to_owned()));
    }
    let changes = trees.number(CHANGES).map_err(|fault| fault.at_open(path))?.unwrap_or(0);
    match testimony {
        Testimony::Confirmed(confirmed) if confirmed > changes => {
            let lost = confirmed - changes;
            let why = format!("the last {lost} of {confirmed} confirmed changes are missing");
            return Err(StoreError::damaged(path, why));
        }
        Testimony::Unreadable => {
            return Err(StoreError::damaged(path, "the file confirmed-changes is not readable"));
        }
        Testimony::Silent | Testimony::Confirmed(_) => {}
    }
    check::consistent(&trees).map_err(|fault| fault.at_open(path))?;
    let witness = Witness::call(path, changes).map_err(folder)?;
    Ok((trees, witness))
}

impl Trees {
    /// A number of `meta`.
    pub(super) fn number(&self, name: &[u8]) -> Result<Option<u64>, Fault> {
        let Some(bytes) = self.meta.get(name)? else {
            return Ok(None);
        };
        let number = bytes.as_ref().try_into().map(u64::from_be_bytes);
        number.map(Some).map_err(|_| Fault::Broken("a counter is not readable"))
    }

    /// One change over all trees, or none of it; with what it came to, the number of the last change.
    pub(super) fn transact<T>(
        &self,
        path: &Path,
        change: impl Fn(&Ledger<'_>) -> Outcome<T>,
    ) -> Result<(T, u64), StoreError> {
        let trees = (&self.todos, &self.by_state, &self.accounts, &self.blocks, &self.meta);
        trees
            .transaction(|(todos, by_state, accounts, blocks, meta)| {
                let ledger = Ledger { todos, by_state, accounts, blocks, meta };
                let outcome = change(&ledger)?;
                Ok((outcome, ledger.changes()?))
            })
            .map_err(|error| match error {
                TransactionError::Abort(Broken(why)) => StoreError::damaged(path, why),
                TransactionError::Storage(error) => error.into(),
            })
    }
}
