//! Where todos live: sled, as the gateway has it, so that what was answered survives a crash.
//!
//! Two trees; numbers in keys are big-endian, so that keys sort as numbers do:
//!
//! | tree    | key            | value                 |
//! |---------|----------------|-----------------------|
//! | `todos` | user, todo     | the todo, as JSON     |
//! | `meta`  | `next_todo_id` | a number              |
//!
//! A key begins with the user: a look-up cannot reach into somebody else's todos. A list reads all of its
//! user's, and keeps no more of them than its page.

use std::path::{Path, PathBuf};

use gateway_durable_sled::{Durable, Failure, Layout, OpenFault, Opening, SledOptions, Writing, caught};
use sled::{Batch, IVec, Tree};

use crate::caller::UserId;
use crate::page::Wanted;
use crate::todo::{Change, Todo};

/// The layout of the trees. That of before had counters of the todos, too.
const SCHEMA: u64 = 2;
const COUNTERS_OF_BEFORE: [&str; 3] = ["by_state", "accounts", "blocks"];

const NEXT_TODO_ID: &str = "next_todo_id";

/// Todos of a deleted account that go in one step: other users wait while it runs.
const REMOVED_AT_ONCE_MAX: usize = if cfg!(test) { 4 } else { 1024 };

const OPTIONS: SledOptions = SledOptions { cache_bytes: 64 << 20, min_free_bytes: 32 << 20 };

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
#[error("the todo store in {} cannot be opened: {fault}", folder.display())]
pub struct OpenError {
    folder: PathBuf,
    fault: OpenFault,
}

/// An open store; clones share it. It closes when the last one is dropped.
///
/// What changes something runs on the one thread of the store that does: nothing else happens between a look
/// and a write.
#[derive(Clone)]
pub struct Store(Durable<Trees>);

impl Store {
    /// Opens the store in a folder, or makes one (mode 0700) where there is none.
    ///
    /// # Errors
    /// While another process has it, when it cannot be trusted any more, and for what the file system refuses.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(folder.as_ref(), OPTIONS)
    }

    pub(crate) fn open_with(folder: &Path, options: SledOptions) -> Result<Self, OpenError> {
        let opened = caught(|| open(folder, options));
        let opened = opened.unwrap_or_else(|panic| Err(OpenFault::Damaged(panic)));
        opened.map(Self).map_err(|fault| OpenError { folder: folder.to_owned(), fault })
    }

    /// Makes a todo and returns its number once it is on disk.
    pub(crate) async fn create(&self, user: UserId, todo: Todo) -> Result<u64, Failure> {
        let work = move |trees: &Trees| {
            let id = trees.meta.get(NEXT_TODO_ID)?.map_or(Ok(1), |next| number(&next))?;
            // The counter first: cut off in between, a number is left out, and none is given twice.
            trees.meta.insert(NEXT_TODO_ID, &(id + 1).to_be_bytes()[..])?;
            trees.todos.insert(key(user, id), encode(&todo)?)?;
            Ok(id)
        };
        self.0.write(Writing::Adds, work).await
    }

    /// Changes a todo; false where the user has none of this number.
    pub(crate) async fn update(&self, user: UserId, id: u64, change: Change) -> Result<bool, Failure> {
        let work = move |trees: &Trees| {
            let Some(found) = trees.todos.get(key(user, id))? else { return Ok(false) };
            let mut todo = decode(&found)?;
            change.apply(&mut todo);
            trees.todos.insert(key(user, id), encode(&todo)?)?;
            Ok(true)
        };
        self.0.write(Writing::Adds, work).await
    }

    /// Deletes a todo; false where the user has none of this number.
    pub(crate) async fn delete(&self, user: UserId, id: u64) -> Result<bool, Failure> {
        let work = move |trees: &Trees| Ok(trees.todos.remove(key(user, id))?.is_some());
        self.0.write(Writing::Frees, work).await
    }

    /// Returns once everything of this user is gone for good; that there is nothing is no fault. Who stops
    /// waiting stops it between two steps, and the next call goes on from there.
    pub(crate) async fn remove_user(&self, user: UserId) -> Result<(), Failure> {
        let work = move |trees: &Trees| {
            let keys = trees.todos.scan_prefix(user.get().to_be_bytes()).keys();
            let keys: Vec<IVec> = keys.take(REMOVED_AT_ONCE_MAX).collect::<Result<_, _>>()?;
            keys.iter().try_for_each(|key| trees.todos.remove(key).map(drop))?;
            Ok(keys.len())
        };
        while self.0.write(Writing::Frees, work).await? == REMOVED_AT_ONCE_MAX {}
        Ok(())
    }

    /// A user's todo; somebody else's is not there.
    pub(crate) fn get(&self, user: UserId, id: u64) -> Result<Option<Todo>, Failure> {
        self.0.read(|trees| trees.todos.get(key(user, id))?.map(|found| decode(&found)).transpose())
    }

    /// A page of the user's todos with their numbers, in the order of these, and how many there are.
    pub(crate) async fn list(
        &self,
        user: UserId,
        wanted: Wanted,
    ) -> Result<(Vec<(u64, Todo)>, u64), Failure> {
        let work = move |trees: &Trees| {
            let (mut page, mut total) = (Vec::new(), 0);
            for entry in trees.todos.scan_prefix(user.get().to_be_bytes()) {
                let (key, found) = entry?;
                let todo = decode(&found)?;
                if !wanted.is_about(todo.completed) {
                    continue;
                }
                if wanted.has(total) {
                    page.push((number(key.get(8..).unwrap_or_default())?, todo));
                }
                total += 1;
            }
            Ok((page, total))
        };
        self.0.scan(work).await
    }
}

fn open(folder: &Path, options: SledOptions) -> Result<Durable<Trees>, OpenFault> {
    let mut opening = Opening::begin(folder, options)?;
    let (todos, meta) = (opening.db().open_tree("todos")?, opening.db().open_tree("meta")?);
    if opening.is_new()? {
        opening.make(SCHEMA, Batch::default())?;
    } else if opening.inspect(1..=SCHEMA)? < SCHEMA {
        for counters in COUNTERS_OF_BEFORE {
            opening.db().drop_tree(counters)?;
        }
        opening.set_schema(SCHEMA)?;
    }
    opening.finish(Trees { todos, meta })
}

#[derive(Clone)]
struct Trees {
    todos: Tree,
    meta: Tree,
}

impl Layout for Trees {
    type Error = Failure;

    fn error(failure: Failure) -> Failure {
        failure
    }
}

fn key(user: UserId, id: u64) -> [u8; 16] {
    (u128::from(user.get()) << 64 | u128::from(id)).to_be_bytes()
}

fn number(bytes: &[u8]) -> Result<u64, Failure> {
    let bytes = bytes.try_into().map_err(|_| Failure::Corrupt("a number is not readable".to_owned()))?;
    Ok(u64::from_be_bytes(bytes))
}

fn encode(todo: &Todo) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(todo).map_err(|fault| Failure::Corrupt(fault.to_string()))
}

fn decode(bytes: &[u8]) -> Result<Todo, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|fault| Failure::Corrupt(format!("a todo is not readable: {fault}")))
}

#[cfg(test)]
mod tests;
