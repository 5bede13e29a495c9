//! Reads the whole store and compares its counters and its index with the todos themselves.

use super::error::Fault;
use super::ledger::NEXT_TODO_ID;
use super::open::Trees;
use super::tally::{Account, BLOCK_TODOS, Block, Step, Tally};
use super::{key, record};
use crate::todo::{TodoId, UserId};

/// Linear in the size of the store: two to three seconds for half a million todos, once per start.
pub(super) fn consistent(trees: &Trees) -> Result<(), Fault> {
    let mut seen = Seen::default();
    let mut user: Option<OneUser> = None;
    for entry in &trees.todos {
        let (key, bytes) = entry?;
        let (Some(owner), Some(id), 16) = (key::user_of(&key), key::id_of(&key), key.len()) else {
            return Err(Fault::Broken("the key of a todo is misshapen"));
        };
        let (todo, ordinal) = record::decode(id, &bytes).map_err(Fault::Broken)?;
        if !trees.by_state.contains_key(key::state(owner, todo.completed, id))? {
            return Err(Fault::Broken("the index lacks a todo"));
        }
        if let Some(done) = user.take_if(|user| user.id != owner) {
            seen.user(trees, &done)?;
        }
        user.get_or_insert_with(|| OneUser::new(owner)).add(id, ordinal, todo.completed)?;
        seen.greatest = seen.greatest.max(id.get());
    }
    if let Some(done) = user {
        seen.user(trees, &done)?;
    }
    seen.nothing_else(trees)
}

/// What the todos of one user add up to.
struct OneUser {
    id: UserId,
    tally: Tally,
    blocks: Vec<(u64, Block)>,
    last_ordinal: Option<u64>,
}

impl OneUser {
    fn new(id: UserId) -> Self {
        Self { id, tally: Tally::default(), blocks: Vec::new(), last_ordinal: None }
    }

    fn add(&mut self, id: TodoId, ordinal: u64, completed: bool) -> Result<(), Fault> {
        if self.last_ordinal.is_some_and(|last| last >= ordinal) {
            return Err(Fault::Broken("the todos of a user are out of order"));
        }
        self.last_ordinal = Some(ordinal);
        let number = ordinal / BLOCK_TODOS;
        if self.blocks.last().is_none_or(|(last, _)| *last != number) {
            self.blocks.push((number, Block { first: id, tally: Tally::default() }));
        }
        let overflow = Fault::Broken("there are too many todos");
        let added = |tally: Tally| tally.shifted(Step::added(completed));
        match (added(self.tally), self.blocks.last_mut()) {
            (Some(tally), Some((_, block))) => {
                self.tally = tally;
                block.tally = added(block.tally).ok_or(overflow)?;
                Ok(())
            }
            _ => Err(overflow),
        }
    }
}

/// What the users seen so far add up to.
#[derive(Default)]
struct Seen {
    todos: u64,
    blocks: usize,
    greatest: u64,
}

impl Seen {
    fn user(&mut self, trees: &Trees, user: &OneUser) -> Result<(), Fault> {
        let account = trees.accounts.get(key::user(user.id))?;
        let account = account.and_then(|bytes| Account::decode(&bytes));
        let sound = account.is_some_and(|account| {
            account.tally == user.tally && user.last_ordinal.is_some_and(|last| last < account.made)
        });
        if !sound {
            return Err(Fault::Broken("a user's counters do not fit the todos"));
        }
        for (number, counted) in &user.blocks {
            let block = trees.blocks.get(key::block(user.id, *number))?;
            let block = block.and_then(|bytes| Block::decode(&bytes));
            // The first todo of a block may have been deleted since.
            if !block.is_some_and(|b| b.tally == counted.tally && b.first <= counted.first) {
                return Err(Fault::Broken("a block's counters do not fit the todos"));
            }
        }
        self.todos += user.tally.total;
        self.blocks += user.blocks.len();
        Ok(())
    }

    /// What no todo accounts for must not be there.
    fn nothing_else(&self, trees: &Trees) -> Result<(), Fault> {
        let mut claimed = 0_u64;
        for entry in &trees.accounts {
            let account = Account::decode(&entry?.1);
            let account = account.ok_or(Fault::Broken("a user's counters are not readable"))?;
            claimed = claimed.saturating_add(account.tally.total);
        }
        let indexed = count(&trees.by_state)? as u64;
        if claimed != self.todos || indexed != self.todos || count(&trees.blocks)? != self.blocks {
            return Err(Fault::Broken("todos are missing"));
        }
        let next = trees.number(NEXT_TODO_ID)?;
        if self.greatest > 0 && next.is_none_or(|next| next <= self.greatest) {
            return Err(Fault::Broken("the id counter lags behind the todos"));
        }
        Ok(())
    }
}

/// `Tree::len` would hide an error as a smaller number.
fn count(tree: &sled::Tree) -> Result<usize, Fault> {
    let mut entries = 0;
    for key in tree.iter().keys() {
        key?;
        entries += 1;
    }
    Ok(entries)
}
