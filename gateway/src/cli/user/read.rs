//! A file of accounts, line by line: CSV with a header, or JSON lines.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::adapter::sled::Account;
use crate::clock::Timestamp;
use crate::identity::{Email, Role, UserId};
use crate::store::StoredHash;

/// Characters of a name, as at registration.
const NAME_CHARACTERS_MAX: usize = 100;

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
}

/// The whole file; an error is one of the file, not of a line.
pub(super) fn lines(file: &Path, now: Timestamp) -> Result<Vec<Line>, String> {
    let fault = |fault: &dyn std::fmt::Display| format!("{}: {fault}", file.display());
    let bytes = std::fs::read(file).map_err(|error| fault(&error))?;
    let lines = match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => comma_separated(&bytes, now).map_err(|error| fault(&error))?,
        Some("jsonl" | "json" | "ndjson") => json_lines(&bytes, now),
        _ => return Err(fault(&"name it .csv for CSV with a header, or .jsonl for JSON lines")),
    };
    if lines.is_empty() { Err(fault(&"there is no account in it")) } else { Ok(lines) }
}

fn comma_separated(bytes: &[u8], now: Timestamp) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(bytes);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    for needed in ["email", "password_hash"] {
        if !header.iter().any(|name| name == needed) {
            return Err(format!(
                "the header has no `{needed}`; it must name the columns, such as email,password_hash,role"
            ));
        }
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let (number, account) = match record {
            Ok(record) => {
                let fields =
                    header.iter().zip(&record).map(|(name, value)| (name.to_owned(), Value::from(value)));
                let fields = Value::Object(fields.collect());
                let number = record.position().map_or(0, csv::Position::line);
                (number, serde_json::from_value(fields).map_err(|error| error.to_string()))
            }
            Err(error) => (error.position().map_or(0, csv::Position::line), Err(error.to_string())),
        };
        lines.push(Line { number, account: account.and_then(|written: Written| written.account(now)) });
    }
    Ok(lines)
}

fn json_lines(bytes: &[u8], now: Timestamp) -> Vec<Line> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let written = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let read = written.map(|(line, number)| {
        let written = serde_json::from_slice(line);
        // The message names a place, and never what stands there.
        let written = written.map_err(|error| format!("no JSON object (column {})", error.column()));
        Line { number, account: written.and_then(|written: Written| written.account(now)) }
    });
    read.collect()
}

impl Written {
    fn account(self, now: Timestamp) -> Result<Account, String> {
        let id = match text("id", &self.id)? {
            Some(text) => Some(text.parse::<UserId>().map_err(|()| "id is no whole number from 1 on")?),
            None => None,
        };
        let email = text("email", &self.email)?.ok_or("email is missing")?;
        let password_hash = text("password_hash", &self.password_hash)?.ok_or("password_hash is missing")?;
        let role = match text("role", &self.role)?.as_deref() {
            None | Some("user") => Role::User,
            Some("admin") => Role::Admin,
            Some(_) => return Err("role must be user or admin".to_owned()),
        };
        let is_active =
            match text("is_active", &self.is_active)?.map(|text| text.to_ascii_lowercase()).as_deref() {
                None | Some("true" | "t" | "1" | "yes") => true,
                Some("false" | "f" | "0" | "no") => false,
                Some(_) => return Err("is_active must be true or false".to_owned()),
            };
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
        })
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
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(format!("{field} has more than {NAME_CHARACTERS_MAX} characters"));
    }
    Ok(name)
}
