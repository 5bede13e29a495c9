//! Reads one page: whole blocks are skipped by their counters, so a far page costs no walk through the near ones.
//!
//! The cost of any page is one small entry per 256 todos before it, at most 255 keys skipped inside
//! its first block, and its own todos; only those are deserialised.

use sled::IVec;

use super::error::Fault;
use super::open::Trees;
use super::tally::{Account, Block};
use super::{key, record};
use crate::todo::{Selection, Slice, Todo, TodoId, UserId};

pub(super) fn read(
    trees: &Trees,
    user: UserId,
    selection: Selection,
    offset: u64,
    limit: usize,
) -> Result<Slice, Fault> {
    let total = match trees.accounts.get(key::user(user))? {
        None => 0,
        Some(bytes) => {
            let account = Account::decode(&bytes);
            account.ok_or(Fault::Broken("a user's counters are not readable"))?.tally.count(selection)
        }
    };
    if offset >= total {
        return Ok(Slice { todos: Vec::new(), total });
    }
    let (first, skip) = seek(trees, user, selection, offset)?;
    let todos = match selection {
        Selection::All => all_from(trees, user, first, skip, limit)?,
        Selection::Open => in_state_from(trees, user, false, first, skip, limit)?,
        Selection::Completed => in_state_from(trees, user, true, first, skip, limit)?,
    };
    Ok(Slice { todos, total })
}

/// The todo to start at, and how many to skip from there on.
fn seek(trees: &Trees, user: UserId, selection: Selection, offset: u64) -> Result<(TodoId, usize), Fault> {
    let mut left = offset;
    for entry in trees.blocks.scan_prefix(key::user(user)) {
        let (_, bytes) = entry?;
        let block = Block::decode(&bytes).ok_or(Fault::Broken("a block's counters are not readable"))?;
        let here = block.tally.count(selection);
        if left < here {
            let skip = usize::try_from(left).map_err(|_| Fault::Broken("a block is too large"))?;
            return Ok((block.first, skip));
        }
        left -= here;
    }
    Err(Fault::Broken("the blocks hold fewer todos than the user has"))
}

fn all_from(
    trees: &Trees,
    user: UserId,
    first: TodoId,
    skip: usize,
    limit: usize,
) -> Result<Vec<Todo>, Fault> {
    let range = key::todo(user, first)..=last_key(key::todo(user, first));
    trees
        .todos
        .range(range)
        .skip(skip)
        .take(limit)
        .map(|entry| {
            let (key, bytes) = entry?;
            decode(key::id_of(&key), &bytes)
        })
        .collect()
}

fn in_state_from(
    trees: &Trees,
    user: UserId,
    completed: bool,
    first: TodoId,
    skip: usize,
    limit: usize,
) -> Result<Vec<Todo>, Fault> {
    let start = key::state(user, completed, first);
    trees
        .by_state
        .range(start..=last_key(start))
        .keys()
        .skip(skip)
        .take(limit)
        .map(|key| {
            let id = key::id_of(&key?);
            let bytes: Option<IVec> = match id {
                None => None,
                Some(id) => trees.todos.get(key::todo(user, id))?,
            };
            decode(id, &bytes.ok_or(Fault::Broken("the index names a todo that is not there"))?)
        })
        .collect()
}

/// The last key that begins as this one does: it differs in the id, its last eight bytes.
fn last_key<const N: usize>(mut key: [u8; N]) -> [u8; N] {
    if let Some(id) = key.last_chunk_mut::<8>() {
        *id = [0xff; 8];
    }
    key
}

fn decode(id: Option<TodoId>, bytes: &[u8]) -> Result<Todo, Fault> {
    let id = id.ok_or(Fault::Broken("a key is too short"))?;
    record::decode(id, bytes).map(|(todo, _)| todo).map_err(Fault::Broken)
}
