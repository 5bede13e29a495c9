//! A file of accounts, line by line: CSV with a header, or JSON lines.

#[cfg(test)]
mod fuzz;

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::rc::Rc;

use csv::StringRecord;
use serde::Deserialize;
use serde_json::Value;

use gateway_clock::Timestamp;
use gateway_identity::{Email, Role, UserId, person_name};
use gateway_store::{Account, StoredHash};

/// Half of what there is: an account that is made later gets an id above all that were imported.
const ID_MAX: u64 = UserId::MAX / 2;

/// Bytes of a JSON line.
const LINE_BYTES_MAX: u64 = 64 * 1_024;

/// A line that was read, and the account in it or what is wrong with it.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) account: Result<Account, String>,
}

/// A line's fields as they are written. Others are ignored: exports of tables have more.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    id: Value,
    email: Value,
    password_hash: Value,
    first_name: Value,
    last_name: Value,
    role: Value,
    is_active: Value,
    created_at: Value,
    email_verified: Value,
}

/// How much of the file was read.
#[derive(Clone, Default)]
pub(super) struct Reach {
    bytes: Rc<Cell<u64>>,
    all: u64,
}

impl Reach {
    /// `None` of what has no length, such as a pipe.
    pub(super) fn part(&self) -> Option<f64> {
        (self.all > 0).then(|| self.bytes.get() as f64 / self.all as f64)
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    reach: Reach,
}

impl std::io::Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(into)?;
        self.reach.bytes.set(self.reach.bytes.get() + length as u64);
        Ok(length)
    }
}

type Lines = Box<dyn Iterator<Item = Line>>;

/// The lines of the file, one after the other; an error is one of the file, not of a line.
pub(super) fn lines(path: &Path, now: Timestamp) -> Result<(Lines, Reach), String> {
    let fault = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
    let file = || File::open(path).map_err(|error| fault(&error));
    let mut reach = Reach::default();
    let mut open = || {
        let file = file()?;
        reach.all = file.metadata().map_or(0, |metadata| metadata.len());
        Ok::<_, String>(Counted { file, reach: reach.clone() })
    };
    let lines: Lines = match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => comma_separated(open()?, now).map_err(|error| fault(&error))?,
        Some("jsonl" | "json" | "ndjson") => {
            let file = BufReader::new(open()?);
            Box::new(JsonLines { file, now, number: 0, text: Vec::new(), ended: false })
        }
        _ => return Err(fault(&"name it .csv for CSV with a header, or .jsonl for JSON lines")),
    };
    Ok((lines, reach))
}

fn comma_separated(file: Counted, now: Timestamp) -> Result<Lines, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(file);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    for needed in ["email", "password_hash"] {
        if !header.iter().any(|name| name == needed) {
            return Err(format!(
                "the header has no `{needed}`; it must name the columns, such as email,password_hash,role"
            ));
        }
    }
    let mut ended = false;
    let lines = reader.into_records().map_while(move |record| {
        let line = match &record {
            _ if ended => return None,
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                Line { number, account: Written::new(&header, record).account(now) }
            }
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                Line { number, account: Err(error.to_string()) }
            }
        };
        // Behind what cannot be read there is nothing to be read either.
        ended = record.is_err_and(|error| error.is_io_error());
        Some(line)
    });
    Ok(Box::new(lines))
}

struct JsonLines {
    file: BufReader<Counted>,
    now: Timestamp,
    number: u64,
    text: Vec<u8>,
    ended: bool,
}

impl JsonLines {
    /// Whether there is another line, in `text`.
    fn read(&mut self) -> Result<bool, String> {
        self.text.clear();
        let mut start = (&mut self.file).take(LINE_BYTES_MAX);
        let length = start.read_until(b'\n', &mut self.text);
        let too_long = self.text.len() as u64 == LINE_BYTES_MAX && !self.text.ends_with(b"\n");
        let rest = if too_long { self.file.skip_until(b'\n') } else { Ok(0) };
        match (length, rest) {
            (Err(error), _) | (_, Err(error)) => {
                self.ended = true;
                Err(format!("cannot be read: {error}"))
            }
            _ if too_long => Err(format!("is longer than {LINE_BYTES_MAX} bytes")),
            (Ok(length), _) => Ok(length > 0),
        }
    }

    fn account(&self) -> Result<Account, String> {
        let text = std::str::from_utf8(&self.text).map_err(|_| "is not UTF-8".to_owned())?;
        let written = serde_json::from_str(text);
        // The message names a place, and never what stands there.
        let written = written.map_err(|error| format!("no JSON object (column {})", error.column()));
        written.and_then(|written: Written| written.account(self.now))
    }
}

impl Iterator for JsonLines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.ended {
            self.number += 1;
            let account = match self.read() {
                Ok(false) => return None,
                Ok(true) if self.text.trim_ascii().is_empty() => continue,
                Ok(true) => self.account(),
                Err(fault) => Err(fault),
            };
            return Some(Line { number: self.number, account });
        }
        None
    }
}

impl Written {
    fn new(header: &StringRecord, record: &StringRecord) -> Self {
        let mut written = Self::default();
        for (name, value) in header.iter().zip(record) {
            let field = match name {
                "id" => &mut written.id,
                "email" => &mut written.email,
                "password_hash" => &mut written.password_hash,
                "first_name" => &mut written.first_name,
                "last_name" => &mut written.last_name,
                "role" => &mut written.role,
                "is_active" => &mut written.is_active,
                "created_at" => &mut written.created_at,
                "email_verified" => &mut written.email_verified,
                _ => continue,
            };
            *field = Value::from(value);
        }
        written
    }

    fn account(self, now: Timestamp) -> Result<Account, String> {
        let id = match text("id", &self.id)? {
            Some(text) => {
                let id = text.parse::<UserId>().map_err(|()| "id is no whole number from 1 on")?;
                if id.get() > ID_MAX {
                    return Err(format!("id is over {ID_MAX}: accounts to come need ids above it"));
                }
                Some(id)
            }
            None => None,
        };
        let email = text("email", &self.email)?.ok_or("email is missing")?;
        let password_hash = text("password_hash", &self.password_hash)?.ok_or("password_hash is missing")?;
        let role = match text("role", &self.role)?.as_deref() {
            None | Some("user") => Role::User,
            Some("admin") => Role::Admin,
            Some(_) => return Err("role must be user or admin".to_owned()),
        };
        let is_active = truth("is_active", &self.is_active)?.unwrap_or(true);
        let email_verified = truth("email_verified", &self.email_verified)?.unwrap_or(false);
        let created_at = match text("created_at", &self.created_at)? {
            Some(text) => {
                Timestamp::parse(&text).ok_or("created_at is no time; write it as 2024-02-29T13:00:00Z")?
            }
            None => now,
        };
        Ok(Account {
            id,
            email: Email::parse(&email).map_err(|_| "email is no address that the gateway takes")?,
            password_hash: StoredHash(password_hash),
            first_name: name("first_name", &self.first_name)?,
            last_name: name("last_name", &self.last_name)?,
            role,
            is_active,
            created_at,
            email_verified,
        })
    }
}

fn truth(field: &str, value: &Value) -> Result<Option<bool>, String> {
    match text(field, value)?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None => Ok(None),
        Some("true" | "t" | "1" | "yes") => Ok(Some(true)),
        Some("false" | "f" | "0" | "no") => Ok(Some(false)),
        Some(_) => Err(format!("{field} must be true or false")),
    }
}

/// What is empty is not there.
fn text(field: &str, value: &Value) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(format!("{field} is no text")),
    };
    Ok((!text.is_empty()).then_some(text))
}

fn name(field: &str, value: &Value) -> Result<String, String> {
    let name = text(field, value)?.unwrap_or_default();
    person_name(&name).map(str::to_owned).map_err(|fault| format!("{field} {fault}"))
}
