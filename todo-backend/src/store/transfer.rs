//! Export to and import from JSON lines: the way out of a damaged store, and to another machine.
//!
//! The first line says what follows: format, number of todos, next id. A file that was cut off is
//! therefore known, and an id that was ever given out is not given out again.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::ledger::NEXT_TODO_ID;
use super::open::IMPORTING_KEY;
use super::{Store, key, record};
use crate::todo::{Description, Title, Todo, TodoId, UserId};

const FORMAT: &str = "todo-backend/1";

/// Longer than the longest todo with every character escaped.
const LINE_BYTES_MAX: u64 = 256 * 1024;

/// Todos per transaction: few enough that one stays small in memory.
const BATCH_TODOS: usize = 500;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    todos: u64,
    next_todo_id: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    user_id: u64,
    id: u64,
    title: String,
    /// Exports of before have `null` where none was given.
    description: Option<String>,
    completed: bool,
    created_at: Timestamp,
}

impl Store {
    /// Writes all todos of all users as JSON lines and returns how many there were. Nothing may
    /// write to the store meanwhile.
    pub fn export(&self, out: &mut impl Write) -> Result<u64, StoreError> {
        let trees = &self.inner.trees;
        let mut todos = 0;
        for key in trees.todos.iter().keys() {
            key?;
            todos += 1;
        }
        let next = trees.number(NEXT_TODO_ID).map_err(|fault| fault.at(&self.inner.path))?;
        let next_todo_id = next.unwrap_or(1);
        write_line(out, &Header { format: FORMAT.to_owned(), todos, next_todo_id })?;
        for entry in &trees.todos {
            let (key, bytes) = entry?;
            let (Some(user), Some(id)) = (key::user_of(&key), key::id_of(&key)) else {
                return Err(self.damaged("the key of a todo is misshapen"));
            };
            let (todo, _) = record::decode(id, &bytes).map_err(|why| self.damaged(why))?;
            write_line(out, &Line::of(user, todo))?;
        }
        out.flush()?;
        Ok(todos)
    }

    /// Takes an export into an empty store and returns how many todos it had. The file is read
    /// twice, first only to find faults, so that a bad one changes nothing.
    pub fn import(&self, file: &Path) -> Result<u64, StoreError> {
        let trees = &self.inner.trees;
        if !trees.accounts.is_empty() || trees.meta.contains_key(NEXT_TODO_ID)? {
            return Err(StoreError::NotEmpty(self.inner.path.clone()));
        }
        let header = read(file, |_, _| Ok(()))?;

        trees.meta.insert(IMPORTING_KEY, &[])?;
        trees.db.flush()?;
        let mut batch = Vec::with_capacity(BATCH_TODOS);
        read(file, |user, todo| {
            batch.push((user, todo));
            if batch.len() == BATCH_TODOS { self.insert_all(&mut batch) } else { Ok(()) }
        })?;
        self.insert_all(&mut batch)?;
        self.apply(|ledger| {
            ledger.set_next_id(header.next_todo_id)?;
            ledger.meta.remove(IMPORTING_KEY)?;
            Ok(())
        })?;
        trees.db.flush()?;
        Ok(header.todos)
    }

    fn insert_all(&self, batch: &mut Vec<(UserId, Todo)>) -> Result<(), StoreError> {
        self.apply(|ledger| batch.iter().try_for_each(|(user, todo)| ledger.insert(*user, todo)))?;
        batch.clear();
        Ok(())
    }
}

/// Reads an export from its first line to its last, and refuses it at the first fault.
fn read(
    file: &Path,
    mut take: impl FnMut(UserId, Todo) -> Result<(), StoreError>,
) -> Result<Header, StoreError> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    let mut lines = Lines { reader: BufReader::new(File::open(file).map_err(named)?), number: 0 };
    let header: Header = match lines.next()? {
        Some(header) => header,
        None => return Err(lines.fault("the file is empty")),
    };
    if header.format != FORMAT {
        return Err(lines.fault(&format!("the format is {}, not {FORMAT}", header.format)));
    }
    let mut ids = HashSet::new();
    let mut last = None;
    while let Some(line) = lines.next::<Line>()? {
        let (user, todo) = line.parse().map_err(|why| lines.fault(why))?;
        if last.is_some_and(|last| last >= (user, todo.id)) {
            return Err(lines.fault("todos must be sorted by user_id, then id"));
        }
        if !ids.insert(todo.id) {
            return Err(lines.fault("this id was there before"));
        }
        if todo.id.get() >= header.next_todo_id {
            return Err(lines.fault("this id is not below next_todo_id of the first line"));
        }
        last = Some((user, todo.id));
        take(user, todo)?;
    }
    if ids.len() as u64 != header.todos {
        return Err(lines.fault(&format!(
            "the file ends after {} todos, and its first line says {}",
            ids.len(),
            header.todos
        )));
    }
    Ok(header)
}

struct Lines {
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let mut text = Vec::new();
        self.number += 1;
        self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| self.fault(&error.to_string()))
    }

    fn fault(&self, why: &str) -> StoreError {
        StoreError::Import { line: self.number, why: why.to_owned() }
    }
}

impl Line {
    fn of(user: UserId, todo: Todo) -> Self {
        Self {
            user_id: user.get(),
            id: todo.id.get(),
            title: todo.title.as_str().to_owned(),
            description: Some(todo.description.as_str().to_owned()),
            completed: todo.completed,
            created_at: todo.created_at,
        }
    }

    fn parse(self) -> Result<(UserId, Todo), &'static str> {
        let user = UserId::new(self.user_id).ok_or("user_id must be a positive integer")?;
        let description = Description::parse(&self.description.unwrap_or_default())?;
        let todo = Todo {
            id: TodoId::new(self.id).ok_or("id must be a positive integer")?,
            title: Title::parse(&self.title)?,
            description,
            completed: self.completed,
            created_at: self.created_at,
        };
        Ok((user, todo))
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *out, line).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
