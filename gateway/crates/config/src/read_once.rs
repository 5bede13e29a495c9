//! The text of a configuration: read once, from a file, a pipe or standard input, and bounded. What
//! cannot be read a second time is not read again, and never taken for nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map};
use figment::{Error, Metadata, Profile, Provider};

use super::shape::is_secret;

/// More than any configuration; a pipe has no other end to it.
const TEXT_BYTES_MAX: u64 = 8 * 1_024 * 1_024;
/// How standard input is called on the command line.
const STANDARD_INPUT: &str = "-";

/// What was read, for complaints that name where it came from.
pub(super) struct Text<'a> {
    from: &'a Path,
    toml: String,
}

impl<'a> Text<'a> {
    pub(super) fn read(from: &'a Path) -> Result<Self, String> {
        let explain = |fault: std::io::Error| format!("{}: cannot be read: {fault}", called(from));
        let toml = match is_standard_input(from) {
            true => whole(std::io::stdin().lock()),
            false => File::open(from).and_then(whole),
        };
        Ok(Self { from, toml: toml.map_err(explain)? })
    }

    pub(super) fn called(&self) -> String {
        called(self.from)
    }

    pub(super) fn toml(&self) -> &str {
        self.toml.strip_prefix('\u{feff}').unwrap_or(&self.toml)
    }

    /// What is wrong with a text that is no TOML, and in which line. Of the line itself hardly anything
    /// is shown: a secret can stand in it.
    pub(super) fn misread(&self, fault: &Error) -> String {
        let (from, told) = (self.called(), fault.kind.to_string());
        let line = told.strip_prefix("TOML parse error at line ").and_then(|rest| rest.split_once(','));
        let Some((Ok(line), _)) = line.map(|(line, rest)| (line.parse::<usize>(), rest)) else {
            return format!("{from}: no TOML: {told}");
        };
        // Behind the line and the mark below it.
        let why = told.lines().skip(4).map(str::trim).filter(|line| !line.is_empty());
        let why = why.collect::<Vec<_>>().join(", ");
        let unquoted = self.toml().lines().nth(line.saturating_sub(1)).and_then(unquoted);
        format!("{from}:{line}: no TOML: {why}{}", unquoted.unwrap_or_default())
    }

    /// A file that says nothing is none that somebody wrote to be used: it is a pipe that was read
    /// before, a variable that was not set, a copy that failed.
    pub(super) fn says_nothing(&self) -> Option<String> {
        let is_empty = self.data().is_ok_and(|data| data.values().all(Dict::is_empty));
        is_empty.then(|| {
            let from = called(self.from);
            format!("{from}: says nothing: it is empty, or has comments only; to start with the defaults, leave --config out")
        })
    }
}

impl Provider for Text<'_> {
    fn metadata(&self) -> Metadata {
        if is_standard_input(self.from) {
            return Metadata::from("TOML", called(self.from));
        }
        Metadata::from("TOML file", self.from)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Toml::string(self.toml()).data()
    }
}

/// Whether it can be read a second time, and what to say where it cannot.
pub(super) fn again(path: &Path) -> Result<(), String> {
    if is_standard_input(path) {
        return Err("the configuration came from standard input, which can be read once: what is in use stays; a gateway that is to take over changes is started with --config FILE".to_owned());
    }
    plain_file(path).map_err(|fault| format!("{fault}, which cannot be read again: what is in use stays"))
}

/// To open a named pipe is to wait for whoever writes to it, perhaps for ever. What is not there is
/// left to whoever opens it.
pub(super) fn plain_file(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(format!("{} is no plain file, but a pipe, a device or a folder", path.display()))
        }
        _ => Ok(()),
    }
}

/// As people call it.
pub fn called(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// What to write, where a line has a text without quotes.
fn unquoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next()?.trim());
    if value.starts_with(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) {
        return Some("; quotes are straight: \"…\"".to_owned());
    }
    // A number has another fault.
    let is_number = value.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
        && value.matches('.').count() < 2;
    let bare = |text: &str, more: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
        !text.is_empty() && text.chars().all(fits)
    };
    if is_number || !bare(key, "_-.") || !bare(value, "_-./:@*") {
        return None;
    }
    let is_word = value.len() <= 24 && bare(value, "_-") && !is_secret(key) && !key.contains("url");
    let shown = if is_word { format!("{key} = \"{value}\"") } else { format!("{key} = \"…\"") };
    Some(format!("; a text stands in quotes: {shown}"))
}

fn whole(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let read = from.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > TEXT_BYTES_MAX {
        return Err(std::io::Error::other(format!("it has more than {TEXT_BYTES_MAX} bytes")));
    }
    Ok(text)
}
