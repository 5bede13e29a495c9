//! What commands share: how they end, what they write to a terminal, and whose certificates they believe.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

pub mod terminal;
pub mod trust;

use std::io::Read as _;
use std::path::Path;

/// The name of a file that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// How a command ends when it does not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Faults of the configuration, all of them.
    Configuration(Vec<String>),
    /// The question was understood, and the answer is no.
    Verdict(Vec<String>),
    Other(String),
    /// Everything was said already, and this is the status.
    Said(u8),
}

/// A number with its noun, which has two forms.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// From the command line, a file, or standard input.
pub fn read_token(written: Option<String>, file: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(path) = file else { return Ok(written) };
    let mut text = String::new();
    let read = if path.as_os_str() == STANDARD_INPUT {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map_err(|fault| Failure::Other(format!("{}: {fault}", path.display())))?;
    Ok(Some(text))
}
