//! A todo, and what a request may say of one: all faults at once, in the contract's words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

const TITLE_CHARACTERS_MAX: usize = 255;
const DESCRIPTION_CHARACTERS_MAX: usize = 10_000;

type Fields = Map<String, Value>;

/// As it lies in the store; its number is in its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Todo {
    pub(crate) title: String,
    /// Stores of before have `null` where none was given.
    pub(crate) description: Option<String>,
    pub(crate) completed: bool,
    pub(crate) created_ms: i64,
}

impl Todo {
    /// A `null` counts as no title. Other fields than the two are ignored.
    pub(crate) fn new(fields: &Fields, now: Timestamp) -> Result<Self, Refusal> {
        let mut faults = Vec::new();
        let given = fields.get("title").filter(|given| !given.is_null());
        let title = noted(given.map_or(Err("Title is required"), title), &mut faults);
        let description =
            noted(fields.get("description").map_or(Ok(String::new()), description), &mut faults);
        match (title, description) {
            (Some(title), Some(description)) => Ok(Self {
                title,
                description: Some(description),
                completed: false,
                created_ms: now.as_millisecond(),
            }),
            _ => Err(Refusal::invalid(faults)),
        }
    }
}

/// What to change of a todo; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    title: Option<String>,
    description: Option<String>,
    completed: Option<bool>,
}

impl Change {
    pub(crate) fn parse(fields: &Fields) -> Result<Self, Refusal> {
        let mut faults = Vec::new();
        let completed = |value: &Value| value.as_bool().ok_or("completed must be a boolean");
        let change = Self {
            title: fields.get("title").and_then(|value| noted(title(value), &mut faults)),
            description: fields.get("description").and_then(|value| noted(description(value), &mut faults)),
            completed: fields.get("completed").and_then(|value| noted(completed(value), &mut faults)),
        };
        if faults.is_empty() { Ok(change) } else { Err(Refusal::invalid(faults)) }
    }

    pub(crate) fn apply(self, todo: &mut Todo) {
        let Self { title, description, completed } = self;
        todo.title = title.unwrap_or_else(|| std::mem::take(&mut todo.title));
        todo.description = description.or_else(|| todo.description.take());
        todo.completed = completed.unwrap_or(todo.completed);
    }
}

/// Trimmed, 1 to 255 characters.
fn title(value: &Value) -> Result<String, &'static str> {
    let text = value.as_str().ok_or("title must be a string")?.trim();
    match text.chars().count() {
        0 => Err("Title is required"),
        1..=TITLE_CHARACTERS_MAX => Ok(text.to_owned()),
        _ => Err("Title must be at most 255 characters"),
    }
}

/// As it came, at most 10,000 characters; `null` is none.
fn description(value: &Value) -> Result<String, &'static str> {
    let text = if value.is_null() { "" } else { value.as_str().ok_or("description must be a string")? };
    if text.chars().count() > DESCRIPTION_CHARACTERS_MAX {
        return Err("Description must be at most 10000 characters");
    }
    Ok(text.to_owned())
}

fn noted<T>(parsed: Result<T, &'static str>, faults: &mut Vec<String>) -> Option<T> {
    parsed.map_err(|fault| faults.push(fault.to_owned())).ok()
}
