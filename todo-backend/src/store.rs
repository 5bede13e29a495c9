//! Where todos live: sled, written so that what was answered with 2xx survives a crash and a power cut.
//!
//! One change is one transaction over all trees (`ledger`), and is answered only after one flush
//! that it shares with the writers beside it (`flusher`). sled 0.34 never recovers from a full disk
//! once it has met one, so a write is refused before it gets that far (`space`). sled takes damage for the end of its log, so a `witness` knows where that was. It panics on
//! some damaged files: such panics end at this module's rim as an error (`quiet`).
//!
//! Five trees; numbers in keys are big-endian, so that keys sort as numbers do:
//!
//! | tree       | key                                   | value                                  |
//! |------------|---------------------------------------|----------------------------------------|
//! | `todos`    | user, todo                            | the todo                               |
//! | `by_state` | user, completed, todo                 | nothing                                |
//! | `accounts` | user                                  | todos, completed ones, ever made       |
//! | `blocks`   | user, block of 256 ordinals           | first todo, todos, completed ones      |
//! | `meta`     | `schema`, `next_todo_id`, `changes` … | a number                               |

mod check;
mod error;
mod flusher;
mod key;
mod ledger;
mod lock;
mod open;
mod quiet;
mod record;
mod removal;
mod slice;
mod space;
mod tally;
mod transfer;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

pub use error::StoreError;

use crate::clock;
use crate::todo::{Change, NewTodo, Selection, Slice, Todo, TodoId, UserId};
use flusher::Flusher;
use ledger::{Ledger, Outcome};
use lock::FolderLock;
use open::{Opened, Trees};
use space::Space;

/// A handle to an open store; clones share it. It closes, flushed, when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped first: its thread holds a handle of the database too.
    flusher: Flusher,
    trees: Trees,
    space: Space,
    /// Readers see a page and its total at one moment: sled's iterators alone are no snapshots.
    moment: RwLock<()>,
    path: PathBuf,
    // Dropped last.
    _lock: FolderLock,
}

impl Store {
    /// Opens the store in a folder, or makes one (mode 0700) where there is none.
    ///
    /// The whole store is read and its counters are compared with the todos, so that damage shows
    /// here and not in the middle of a request.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it, [`StoreError::Damaged`] when it cannot
    /// be trusted any more, and others for what the file system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Ok(Self::of(open::open(path)?, path, Space::of_folder(path)))
    }

    /// As `open`, where no write will find room.
    #[cfg(test)]
    pub(crate) fn open_on_full_disk(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(open::open(path)?, path, Space::measured_by(|| Ok(1024))))
    }

    fn of(opened: Opened, path: &Path, space: Space) -> Self {
        let Opened { trees, witness, lock: _lock } = opened;
        let flusher = Flusher::start(trees.db.clone(), witness);
        let (moment, path) = (RwLock::new(()), path.to_owned());
        Self { inner: Arc::new(Inner { flusher, trees, space, moment, path, _lock }) }
    }

    /// Makes a todo and returns it once it is on disk.
    pub(crate) async fn create(
        &self,
        user: UserId,
        new: NewTodo,
        now: Timestamp,
    ) -> Result<Todo, StoreError> {
        let written = self.write(|ledger| {
            let NewTodo { title, description } = new.clone();
            let id = ledger.next_id()?;
            let todo = Todo { id, title, description, completed: false, created_at: now };
            ledger.insert(user, &todo)?;
            Ok(Some(todo))
        });
        written.await?.ok_or_else(|| self.damaged("a new todo vanished"))
    }

    /// Changes a todo, or returns `None` where the user has none of this id.
    pub(crate) async fn update(
        &self,
        user: UserId,
        id: TodoId,
        change: Change,
    ) -> Result<Option<()>, StoreError> {
        self.write(|ledger| ledger.change(user, id, &change)).await
    }

    /// Deletes a todo, or returns `None` where the user has none of this id.
    pub(crate) async fn delete(&self, user: UserId, id: TodoId) -> Result<Option<()>, StoreError> {
        self.write(|ledger| ledger.remove(user, id)).await
    }

    /// A user's todo; somebody else's is not there.
    pub(crate) fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.guarded(|trees| {
            let Some(bytes) = trees.todos.get(key::todo(user, id))? else {
                return Ok(None);
            };
            let (todo, _) = record::decode(id, &bytes).map_err(|why| self.damaged(why))?;
            Ok(Some(todo))
        })
    }

    /// A user's todos in the order of their ids: `limit` of them, after the first `offset`.
    pub(crate) fn list(
        &self,
        user: UserId,
        selection: Selection,
        offset: u64,
        limit: usize,
    ) -> Result<Slice, StoreError> {
        let _moment = self.inner.moment.read().unwrap_or_else(PoisonError::into_inner);
        self.guarded(|trees| {
            slice::read(trees, user, selection, offset, limit).map_err(|fault| fault.at(&self.inner.path))
        })
    }

    /// Waits until everything written so far is on disk.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flusher.flushed(0).await
    }

    /// A change of `None` changed nothing, and has nothing to wait for.
    async fn write<T>(
        &self,
        change: impl Fn(&Ledger<'_>) -> Outcome<Option<T>>,
    ) -> Result<Option<T>, StoreError> {
        let (changed, number) = self.apply(change)?;
        if changed.is_some() {
            self.inner.flusher.flushed(number).await?;
        }
        Ok(changed)
    }

    /// One transaction, in memory and in sled's buffer; not yet on disk. The number is that of the
    /// last change.
    fn apply<T>(&self, change: impl Fn(&Ledger<'_>) -> Outcome<T>) -> Result<(T, u64), StoreError> {
        self.inner.space.check(clock::monotonic())?;
        self.inner.flusher.check()?;
        let _moment = self.inner.moment.write().unwrap_or_else(PoisonError::into_inner);
        self.guarded(|trees| trees.transact(&self.inner.path, change))
    }

    /// The rim: neither an error of sled's nor a panic of its leaves as anything but a [`StoreError`].
    fn guarded<T>(&self, work: impl FnOnce(&Trees) -> Result<T, StoreError>) -> Result<T, StoreError> {
        quiet::catch(|| work(&self.inner.trees)).unwrap_or_else(|why| Err(self.damaged(why)))
    }

    fn damaged(&self, why: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.inner.path, why)
    }
}

#[cfg(test)]
mod tests;
