//! Findings: sentences about a configuration, and what programs can take from them.
//!
//! A sentence begins with what it is about and ends with what to do, so that key, value and advice
//! are told apart here alone, whoever wrote it.

use std::fmt;

use super::file::File;
use super::places::{Place, Places};
use super::shape::is_setting;

/// Something that was found in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The setting, such as `routes[0].path`, or the variable of the environment.
    pub key: Option<String>,
    /// The route, upstream or issuer that the setting belongs to.
    pub entry: Option<String>,
    /// Where it is written: a file, or `environment`.
    pub file: Option<String>,
    pub line: Option<usize>,
    /// As it was written; absent where it may be secret.
    pub value: Option<String>,
    /// The whole sentence.
    pub message: String,
    /// The part of it that says what to do, if one does.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn new(message: String, file: &File, places: &Places) -> Self {
        let message = visible(message);
        if let Some((Place { file, line, entry }, message)) = places.split(&message) {
            let advice = advice(message).map(str::to_owned);
            return Self { key: None, entry, file, line, value: None, advice, message: message.to_owned() };
        }
        let about = About::from_message(&message, file);
        let (value, rest) = written(about.rest);
        let advice = advice(rest).map(str::to_owned);
        let (key, value) = (about.key, value.map(str::to_owned));
        let Place { file, line, entry } = key.as_deref().and_then(|key| places.find(key)).unwrap_or_default();
        Self { key, entry: entry.map(visible), file, line, value, message, advice }
    }
}

/// Escapes what a terminal would obey: a name of the configuration's can hold it.
fn visible(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, entry, message, .. } = self;
        if let Some(file) = file {
            f.write_str(file)?;
            line.iter().try_for_each(|line| write!(f, ":{line}"))?;
            // Where the sentence itself begins with the name, it need not be said twice.
            let named = entry.as_ref().filter(|_| message.starts_with('`'));
            named.iter().try_for_each(|entry| write!(f, " ({entry})"))?;
            f.write_str(": ")?;
        }
        f.write_str(message)
    }
}

/// What a sentence is about, and how it goes on.
struct About<'a> {
    key: Option<String>,
    rest: &'a str,
}

impl<'a> About<'a> {
    fn from_message(message: &'a str, file: &File) -> Self {
        if let Some((key, rest)) = message.strip_prefix('`').and_then(|text| text.split_once('`')) {
            return Self { key: Some(key.to_owned()), rest };
        }
        if let Some(about) = Self::entry(message, file) {
            return about;
        }
        let (word, rest) = word(message);
        let is_variable = word.contains('_') && !word.contains(|letter: char| letter.is_ascii_lowercase());
        let key = (is_variable || is_setting(word)).then(|| word.to_owned());
        Self { rest: if key.is_some() { rest } else { message }, key }
    }

    /// `route "name": setting …`
    fn entry(message: &'a str, file: &File) -> Option<Self> {
        let (kind, rest) = message.split_once(" `")?;
        let (name, rest) = rest.split_once('`')?;
        let at = |mut names: Box<dyn Iterator<Item = &String> + '_>| names.position(|other| other == name);
        let (list, index) = match kind {
            "route" => ("routes", at(Box::new(file.routes.iter().map(|entry| &entry.name)))?),
            "upstream" => ("upstreams", at(Box::new(file.upstreams.iter().map(|entry| &entry.name)))?),
            "issuer" => ("issuers", at(Box::new(file.issuers.iter().map(|entry| &entry.name)))?),
            _ => return None,
        };
        let entry = format!("{list}[{index}]");
        let below = rest.strip_prefix(": ").unwrap_or(rest);
        let (setting, after) = word(below.strip_prefix("the ").unwrap_or(below));
        let key = format!("{entry}.{setting}");
        Some(match is_setting(&key) {
            true => Self { key: Some(key), rest: after },
            false => Self { key: Some(entry), rest: below },
        })
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_.[]".contains(letter)));
    text.split_at(end.unwrap_or(text.len()))
}

/// The value that stands behind a key, and what follows it.
fn written(text: &str) -> (Option<&str>, &str) {
    let Some(text) = text.strip_prefix(" = ") else { return (None, text) };
    if let Some(text) = text.strip_prefix('"') {
        // The value may have quotes itself: its own is the first behind which a sentence goes on.
        let goes_on = |rest: &str| rest.is_empty() || GOES_ON.iter().any(|begin| rest.starts_with(begin));
        let ends = || text.match_indices('"').map(|(at, _)| at);
        let end = ends().find(|at| text.get(at + 1..).is_some_and(goes_on)).or_else(|| ends().next());
        if let Some((value, rest)) = end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?))) {
            return (Some(value), rest);
        }
    }
    let end = [": ", "; ", ", ", " is "].iter().filter_map(|end| text.find(end)).min();
    let (value, rest) = text.split_at(end.unwrap_or(text.len()));
    (Some(value), rest)
}

/// What stands behind a value in quotes.
const GOES_ON: [&str; 8] = [": ", "; ", ", ", " is ", " has ", " cannot ", " says ", " belongs "];

/// How advice begins that no semicolon stands before.
const ADVICE: [&str; 15] = [
    "allowed ",
    "at least ",
    "at most ",
    "chgrp ",
    "chmod ",
    "choose ",
    "give ",
    "leave ",
    "must ",
    "name ",
    "put ",
    "run ",
    "set ",
    "use ",
    "write ",
];

/// What to do stands behind a semicolon, or else behind the last colon.
fn advice(text: &str) -> Option<&str> {
    if let Some((_, advice)) = text.split_once("; ") {
        return Some(advice);
    }
    let (_, advice) = text.rsplit_once(": ")?;
    ADVICE.iter().any(|word| advice.starts_with(word)).then_some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::RouteEntry;

    fn read(message: &str) -> (Option<String>, Option<String>, Option<String>) {
        let routes = vec![RouteEntry::new("a", "/a", "b"), RouteEntry::new("todos", "/", "b")];
        let file = File { routes, ..File::default() };
        let finding = Finding::new(message.to_owned(), &file, &Places::default());
        assert_eq!(finding.message, message);
        (finding.key, finding.value, finding.advice)
    }

    #[test]
    fn nothing_that_is_shown_is_obeyed_by_a_terminal() {
        let shown = |message: &str| {
            Finding::new(message.to_owned(), &File::default(), &Places::default()).to_string()
        };
        let said = shown("`server.\u{1b}[2J` = \"a\nb\u{9b}\": is no setting");
        assert_eq!(said, r#"`server.\u{1b}[2J` = "a\nb\u{9b}": is no setting"#);
        assert_eq!(shown("`server.é\u{200b}` is no setting"), "`server.é\u{200b}` is no setting");
    }

    #[test]
    fn a_sentence_is_told_apart_into_key_value_and_advice() {
        let cases = [
            (
                "`routes[1].auth` = \"publik\": must be \"public\"; did you mean it?",
                "routes[1].auth",
                "publik",
                "did you mean it?",
            ),
            (
                "`server.threads` = -1: must be a whole number",
                "server.threads",
                "-1",
                "must be a whole number",
            ),
            ("server.listen = \"x\" is no address; write y", "server.listen", "x", "write y"),
            (
                "tokens.access_lifetime_seconds = 1: allowed are 60 to 86400",
                "tokens.access_lifetime_seconds",
                "1",
                "allowed are 60 to 86400",
            ),
            ("route `todos`: user_limit: at least 1; write 1", "routes[1].user_limit", "", "write 1"),
            ("route `todos`: the path `x` must begin with a slash", "routes[1].path", "", ""),
            ("route `todos`: a timeout of 0 ms would refuse every request", "routes[1]", "", ""),
            ("JWT_SECRET_KEY: the key has 3 bytes; make one", "JWT_SECRET_KEY", "", "make one"),
            (
                "listeners[0].tls: a.key can be read by others (mode 644): chmod 600 a.key",
                "listeners[0].tls",
                "",
                "chmod 600 a.key",
            ),
            (
                "tokens.issuer = \"a \"b\" c\" is no issuer; write another",
                "tokens.issuer",
                "a \"b\" c",
                "write another",
            ),
            ("/a/b.key can be read by others: chmod 600 /a/b.key", "", "", "chmod 600 /a/b.key"),
            ("there are no routes: everything but /api/auth is 404", "", "", ""),
        ];
        for (message, key, value, advice) in cases {
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            assert_eq!(read(message), (some(key), some(value), some(advice)), "{message}");
        }
    }
}
