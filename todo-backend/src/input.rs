//! From the fields of a request to a new todo or a change: all faults at once, in the contract's words.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::todo::{Change, Description, NewTodo, Title};

type Fields = Map<String, Value>;

/// `title` is required; a `null` counts as absent. Other fields than the two are ignored.
pub(crate) fn new_todo(fields: &Fields) -> Result<NewTodo, Refusal> {
    let mut faults = Vec::new();
    let title = match fields.get("title") {
        None | Some(Value::Null) => Err("Title is required"),
        Some(value) => title(value),
    };
    let title = noted(title, &mut faults);
    let description = fields.get("description").map_or(Ok(Description::default()), description);
    let description = noted(description, &mut faults);
    match (title, description) {
        (Some(title), Some(description)) => Ok(NewTodo { title, description }),
        _ => Err(Refusal::invalid(faults)),
    }
}

/// Each field is optional; `null` is a value only for the description, which it takes away.
pub(crate) fn change(fields: &Fields) -> Result<Change, Refusal> {
    let mut faults = Vec::new();
    let change = Change {
        title: fields.get("title").and_then(|value| noted(title(value), &mut faults)),
        description: fields.get("description").and_then(|value| noted(description(value), &mut faults)),
        completed: fields
            .get("completed")
            .and_then(|value| noted(value.as_bool().ok_or("completed must be a boolean"), &mut faults)),
    };
    if faults.is_empty() { Ok(change) } else { Err(Refusal::invalid(faults)) }
}

fn title(value: &Value) -> Result<Title, &'static str> {
    Title::parse(value.as_str().ok_or("title must be a string")?)
}

fn description(value: &Value) -> Result<Description, &'static str> {
    if value.is_null() {
        return Ok(Description::default());
    }
    Description::parse(value.as_str().ok_or("description must be a string")?)
}

fn noted<T>(parsed: Result<T, &'static str>, faults: &mut Vec<Cow<'static, str>>) -> Option<T> {
    parsed.map_err(|fault| faults.push(fault.into())).ok()
}
