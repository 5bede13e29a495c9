//! Counters kept beside the todos, so that a total needs no counting and a far page no long walk.

use crate::todo::{Selection, TodoId};

/// So many todos share one block: enough to skip far in few steps, few enough to walk through one.
/// Tests use small ones, so that short histories cross many of them.
pub(super) const BLOCK_TODOS: u64 = if cfg!(test) { 4 } else { 256 };

/// How many todos there are, and how many of them are completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) completed: u64,
}

impl Tally {
    pub(super) fn count(self, selection: Selection) -> u64 {
        match selection {
            Selection::All => self.total,
            Selection::Open => self.total.saturating_sub(self.completed),
            Selection::Completed => self.completed,
        }
    }

    /// `None` when the result could not be the tally of anything.
    pub(super) fn shifted(self, step: Step) -> Option<Self> {
        let total = self.total.checked_add_signed(step.total)?;
        let completed = self.completed.checked_add_signed(step.completed)?;
        (completed <= total).then_some(Self { total, completed })
    }
}

/// What one change does to a tally.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    total: i64,
    completed: i64,
}

impl Step {
    pub(super) fn added(completed: bool) -> Self {
        Self { total: 1, completed: completed.into() }
    }

    pub(super) fn removed(completed: bool) -> Self {
        Self { total: -1, completed: -i64::from(completed) }
    }

    pub(super) fn moved(completed: bool) -> Self {
        Self { total: 0, completed: if completed { 1 } else { -1 } }
    }
}

/// A user's line in `accounts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) tally: Tally,
    /// How many todos the user ever made: the next one's ordinal.
    pub(super) made: u64,
}

/// A stretch of 256 ordinals of one user. As ids and ordinals rise together, it is also a stretch
/// of the user's todos in their order, and `first` is where to start reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// No todo of this block has a smaller id; it may be deleted by now.
    pub(super) first: TodoId,
    pub(super) tally: Tally,
}

impl Account {
    pub(super) fn encode(self) -> Vec<u8> {
        encode([self.tally.total, self.tally.completed, self.made])
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [total, completed, made] = decode(bytes)?;
        Some(Self { tally: Tally { total, completed }, made })
    }
}

impl Block {
    pub(super) fn encode(self) -> Vec<u8> {
        encode([self.first.get(), self.tally.total, self.tally.completed])
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [first, total, completed] = decode(bytes)?;
        Some(Self { first: TodoId::new(first)?, tally: Tally { total, completed } })
    }
}

fn encode(numbers: [u64; 3]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn decode(bytes: &[u8]) -> Option<[u64; 3]> {
    let (numbers, []) = bytes.as_chunks::<8>() else {
        return None;
    };
    let numbers: &[[u8; 8]; 3] = numbers.try_into().ok()?;
    Some(numbers.map(u64::from_be_bytes))
}
