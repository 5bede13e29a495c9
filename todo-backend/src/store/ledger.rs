//! What one change writes, in all trees at once. It runs inside a sled transaction, which may run it
//! again after a conflict: no effect here but on the trees.

use sled::transaction::{
    ConflictableTransactionError as Stop, ConflictableTransactionResult, TransactionalTree, abort,
};

use super::tally::{Account, BLOCK_TODOS, Block, Step, Tally};
use super::{key, record};
use crate::todo::{Change, Todo, TodoId, UserId};

/// The trees do not fit together: the store is damaged, and the change is undone.
#[derive(Debug)]
pub(super) struct Broken(pub(super) &'static str);

/// What a change came to; a conflict runs it again.
pub(super) type Outcome<T> = ConflictableTransactionResult<T, Broken>;

pub(super) const NEXT_TODO_ID: &[u8] = b"next_todo_id";
pub(super) const CHANGES: &[u8] = b"changes";

/// The trees as one transaction sees them.
pub(super) struct Ledger<'a> {
    pub(super) todos: &'a TransactionalTree,
    pub(super) by_state: &'a TransactionalTree,
    pub(super) accounts: &'a TransactionalTree,
    pub(super) blocks: &'a TransactionalTree,
    pub(super) meta: &'a TransactionalTree,
}

impl Ledger<'_> {
    /// Takes the next id. The counter only rises, so the id of a deleted todo never comes again.
    pub(super) fn next_id(&self) -> Outcome<TodoId> {
        let next = self.number(NEXT_TODO_ID)?.unwrap_or(1);
        self.set_next_id(sound(next.checked_add(1), "the ids are used up")?)?;
        sound(TodoId::new(next), "the id counter is zero")
    }

    pub(super) fn set_next_id(&self, next: u64) -> Outcome<()> {
        self.meta.insert(NEXT_TODO_ID, &next.to_be_bytes())?;
        Ok(())
    }

    /// Adds a todo whose id is greater than all that its user ever had.
    pub(super) fn insert(&self, user: UserId, todo: &Todo) -> Outcome<()> {
        let mut account = self.account(user)?;
        let ordinal = account.made;
        account.made += 1;
        self.accounts.insert(&key::user(user), account.encode())?;
        self.put(user, todo, ordinal)?;
        self.by_state.insert(&key::state(user, todo.completed, todo.id), &[])?;
        self.count(user, todo.id, ordinal, Step::added(todo.completed))?;
        self.stamp()
    }

    pub(super) fn change(&self, user: UserId, id: TodoId, change: &Change) -> Outcome<Option<()>> {
        let Some((mut todo, ordinal)) = self.todo(user, id)? else {
            return Ok(None);
        };
        let was_completed = todo.completed;
        let Change { title, description, completed } = change.clone();
        todo.title = title.unwrap_or(todo.title);
        todo.description = description.unwrap_or(todo.description);
        todo.completed = completed.unwrap_or(was_completed);

        self.put(user, &todo, ordinal)?;
        if todo.completed != was_completed {
            self.by_state.remove(&key::state(user, was_completed, id))?;
            self.by_state.insert(&key::state(user, todo.completed, id), &[])?;
            self.count(user, id, ordinal, Step::moved(todo.completed))?;
        }
        self.stamp()?;
        Ok(Some(()))
    }

    pub(super) fn remove(&self, user: UserId, id: TodoId) -> Outcome<Option<()>> {
        let Some((todo, ordinal)) = self.todo(user, id)? else {
            return Ok(None);
        };
        self.todos.remove(&key::todo(user, id))?;
        self.by_state.remove(&key::state(user, todo.completed, id))?;
        self.count(user, id, ordinal, Step::removed(todo.completed))?;
        self.stamp()?;
        Ok(Some(()))
    }

    /// Forgets that there ever was this user; false where a todo is left.
    pub(super) fn forget(&self, user: UserId) -> Outcome<bool> {
        if self.account(user)?.tally.total > 0 {
            return Ok(false);
        }
        if self.accounts.remove(&key::user(user))?.is_some() {
            self.stamp()?;
        }
        Ok(true)
    }

    /// How many changes the store has seen, this one included.
    pub(super) fn changes(&self) -> Outcome<u64> {
        Ok(self.number(CHANGES)?.unwrap_or(0))
    }

    /// Gives the change its number, which the witness remembers once it is on disk.
    fn stamp(&self) -> Outcome<()> {
        let next = sound(self.changes()?.checked_add(1), "the change numbers are used up")?;
        self.meta.insert(CHANGES, &next.to_be_bytes())?;
        Ok(())
    }

    fn number(&self, name: &[u8]) -> Outcome<Option<u64>> {
        let Some(bytes) = self.meta.get(name)? else {
            return Ok(None);
        };
        let bytes: Option<[u8; 8]> = bytes.as_ref().try_into().ok();
        sound(bytes, "a counter is not readable").map(|bytes| Some(u64::from_be_bytes(bytes)))
    }

    fn todo(&self, user: UserId, id: TodoId) -> Outcome<Option<(Todo, u64)>> {
        let Some(bytes) = self.todos.get(key::todo(user, id))? else {
            return Ok(None);
        };
        record::decode(id, &bytes).map(Some).map_err(|why| Stop::Abort(Broken(why)))
    }

    fn put(&self, user: UserId, todo: &Todo, ordinal: u64) -> Outcome<()> {
        let bytes = record::encode(todo, ordinal).map_err(|why| Stop::Abort(Broken(why)))?;
        self.todos.insert(&key::todo(user, todo.id), bytes)?;
        Ok(())
    }

    fn account(&self, user: UserId) -> Outcome<Account> {
        match self.accounts.get(key::user(user))? {
            None => Ok(Account::default()),
            Some(bytes) => sound(Account::decode(&bytes), "a user's counters are not readable"),
        }
    }

    fn count(&self, user: UserId, id: TodoId, ordinal: u64, step: Step) -> Outcome<()> {
        let wrong = "a user's counters do not fit the todos";
        let mut account = self.account(user)?;
        account.tally = sound(account.tally.shifted(step), wrong)?;
        self.accounts.insert(&key::user(user), account.encode())?;

        let key = key::block(user, ordinal / BLOCK_TODOS);
        let mut block = match self.blocks.get(key)? {
            // Ids rise with ordinals, so the first to come into a block has its smallest id.
            None => Block { first: id, tally: Tally::default() },
            Some(bytes) => sound(Block::decode(&bytes), "a block's counters are not readable")?,
        };
        block.tally = sound(block.tally.shifted(step), wrong)?;
        if block.tally.total == 0 {
            self.blocks.remove(&key)?;
        } else {
            self.blocks.insert(&key, block.encode())?;
        }
        Ok(())
    }
}

fn sound<T>(value: Option<T>, why: &'static str) -> Outcome<T> {
    value.map_or_else(|| abort(Broken(why)), Ok)
}
