//! Where each setting is written: a file and its line, or the environment.

use figment::value::{Dict, Value};
use figment::{Figment, Source};
use toml::de::{DeTable, DeValue};

use super::read_once::Text;

/// What was read, kept for complaints that come later.
#[derive(Default)]
pub(super) struct Places {
    figment: Option<Figment>,
    written: Dict,
    /// How the file is called, and its text.
    called: Option<String>,
    text: String,
}

/// Where something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
    /// Of a list whose entries have names: which one, such as ``route `todos` ``.
    pub(super) entry: Option<String>,
}

impl Places {
    /// Of a file that may not be readable.
    pub(super) fn of_file(called: String, text: Option<&Text<'_>>) -> Self {
        let text = text.map(|text| text.toml().to_owned()).unwrap_or_default();
        Self { called: Some(called), text, ..Self::default() }
    }

    /// Everything that was written, from all places.
    pub(super) fn with(self, figment: Figment, written: Dict) -> Self {
        Self { figment: Some(figment), written, ..self }
    }

    /// Whether something is written of this list, right or wrong.
    pub(super) fn has_entries(&self, list: &str) -> bool {
        self.written.get(list).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()))
    }

    /// Of this setting, or of the nearest one around it that is written.
    pub(super) fn find(&self, key: &str) -> Option<Place> {
        let keys: Vec<&str> = key.split(['.', '[', ']']).filter(|key| !key.is_empty()).collect();
        let entry = self.entry(&keys);
        let (value, depth) = deepest(&self.written, &keys);
        let source =
            self.figment.as_ref().zip(value).and_then(|(figment, value)| figment.get_metadata(value.tag()));
        if source.is_some_and(|source| source.name.contains("environment")) {
            return Some(Place { file: Some("environment".to_owned()), line: None, entry });
        }
        // A table is made of all places; what it says itself stands in the file.
        let of_file =
            source.is_some_and(|source| matches!(source.source, Some(Source::File(_) | Source::Custom(_))));
        if !of_file && !matches!(value, Some(Value::Dict(..))) {
            return None;
        }
        let line = line_of(&self.text, &keys[..depth])?;
        Some(Place { file: self.called.clone(), line: Some(line), entry })
    }

    /// The place that a sentence about the file as a whole begins with, and the rest of it.
    pub(super) fn split<'a>(&self, message: &'a str) -> Option<(Place, &'a str)> {
        let rest = message.strip_prefix(self.called.as_ref()?)?.strip_prefix(':')?;
        let line = rest.split_once(": ").and_then(|(line, rest)| Some((line.parse().ok()?, rest)));
        let (line, rest) = match line {
            Some((line, rest)) => (Some(line), rest),
            None => (None, rest.strip_prefix(' ')?),
        };
        Some((Place { file: self.called.clone(), line, entry: None }, rest))
    }

    fn entry(&self, keys: &[&str]) -> Option<String> {
        let kind = match *keys.first()? {
            "routes" => "route",
            "upstreams" => "upstream",
            "issuers" => "issuer",
            _ => return None,
        };
        let (value, depth) = deepest(&self.written, &[keys[0], keys.get(1)?, "name"]);
        let name = value.filter(|_| depth == 3)?.as_str()?;
        Some(format!("{kind} `{name}`"))
    }
}

/// The innermost value on this way, and how many of its steps there are.
fn deepest<'a>(written: &'a Dict, keys: &[&str]) -> (Option<&'a Value>, usize) {
    let mut found: Option<&Value> = None;
    for (depth, key) in keys.iter().enumerate() {
        let next = match found {
            None => written.get(*key),
            Some(Value::Dict(_, table)) => table.get(*key),
            Some(Value::Array(_, items)) => key.parse().ok().and_then(|index: usize| items.get(index)),
            Some(_) => None,
        };
        match next {
            Some(next) => found = Some(next),
            None => return (found, depth),
        }
    }
    (found, keys.len())
}

/// The line of the innermost key on this way that the text has; none where it has not one.
fn line_of(text: &str, keys: &[&str]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let (first, rest) = keys.split_first()?;
    let (key, mut value) = table.get_ref().iter().find(|(key, _)| key.get_ref() == first)?;
    let mut at = key.span().start;
    for key in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => {
                let found = table.iter().find(|(name, _)| name.get_ref() == key);
                found.map(|(name, value)| (name.span().start, value))
            }
            DeValue::Array(items) => {
                let item = key.parse().ok().and_then(|index: usize| items.get(index));
                item.map(|item| (item.span().start, item))
            }
            _ => None,
        };
        let Some((start, below)) = next else { break };
        (at, value) = (start, below);
    }
    Some(text.get(..at)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_in_the_line_where_it_is_written() {
        let text = "# a\n[server]\nlisten = 1\n\n[[routes]]\nname = \"a\"\n[[routes]]\nname = \"b\"\n\
                    user_limit = { requests = 1,\n window_seconds = 2 }\n[routes.cors]\norigins = [\"x\",\n \"y\"]\n";
        let line = |key: &str| line_of(text, &key.split('.').collect::<Vec<_>>());
        for (key, at) in [
            ("server", 2),
            ("server.listen", 3),
            ("server.other", 2),
            ("routes.0.name", 6),
            ("routes.1", 7),
            ("routes.1.name", 8),
            ("routes.1.user_limit.window_seconds", 10),
            ("routes.1.cors.origins.1", 13),
        ] {
            assert_eq!(line(key), Some(at), "{key}");
        }
        assert_eq!(line("upstreams.0"), None);
    }
}
