//! A todo as it lies in the tree `todos`: JSON, so that a damaged store can still be read by eye.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::todo::{Description, Title, Todo, TodoId};

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    title: std::borrow::Cow<'a, str>,
    /// Stores of before have `null` where none was given.
    description: Option<std::borrow::Cow<'a, str>>,
    completed: bool,
    created_ms: i64,
    /// Its number among all that its user ever made, from 0; it says in which block it is counted.
    ordinal: u64,
}

pub(super) fn encode(todo: &Todo, ordinal: u64) -> Result<Vec<u8>, &'static str> {
    let record = Record {
        title: todo.title.as_str().into(),
        description: Some(todo.description.as_str().into()),
        completed: todo.completed,
        created_ms: todo.created_at.as_millisecond(),
        ordinal,
    };
    serde_json::to_vec(&record).map_err(|_| "a todo has no JSON form")
}

/// The todo and its ordinal.
pub(super) fn decode(id: TodoId, bytes: &[u8]) -> Result<(Todo, u64), &'static str> {
    let unreadable = "a todo is not readable";
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(|_| unreadable)?;
    let description = Description::parse(&record.description.unwrap_or_default());
    let todo = Todo {
        id,
        title: Title::parse(&record.title).map_err(|_| unreadable)?,
        description: description.map_err(|_| unreadable)?,
        completed: record.completed,
        created_at: Timestamp::from_millisecond(record.created_ms).map_err(|_| unreadable)?,
    };
    Ok((todo, record.ordinal))
}
