//! Where each setting is written: a file and its line, or the environment.

use std::collections::HashMap;

use figment::value::{Dict, Value};
use figment::{Figment, Source};
use toml::de::{DeTable, DeValue};

use super::read_once::Text;

/// What was read, kept for complaints that come later.
#[derive(Default)]
pub(super) struct Places {
    figment: Option<Figment>,
    written: Dict,
    /// How the file is called.
    called: Option<String>,
    /// Where in it each setting begins: `routes.0.path` in line 7.
    lines: HashMap<String, usize>,
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
        let lines = text.and_then(|text| lines_of(text.toml())).unwrap_or_default();
        Self { called: Some(called), lines, ..Self::default() }
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
        let line = innermost(&self.lines, keys.get(..depth)?)?;
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
        let (table, place) = (*keys.first()?, *keys.get(1)?);
        let kind = match table {
            "routes" => "route",
            "upstreams" => "upstream",
            "issuers" => "issuer",
            _ => return None,
        };
        let (value, depth) = deepest(&self.written, &[table, place, "name"]);
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

/// The line of the innermost of these keys that the text has.
fn innermost(lines: &HashMap<String, usize>, keys: &[&str]) -> Option<usize> {
    (1..=keys.len()).rev().find_map(|depth| lines.get(&keys.get(..depth)?.join("."))).copied()
}

/// Read once, whatever there is to complain of.
fn lines_of(text: &str) -> Option<HashMap<String, usize>> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|end| *end < at) + 1;
    let table = DeTable::parse(text).ok()?;
    let mut lines = HashMap::new();
    let mut open = vec![(String::new(), table.get_ref())];
    while let Some((above, table)) = open.pop() {
        for (key, value) in table {
            let path = format!("{above}{}", key.get_ref());
            lines.insert(path.clone(), line(key.span().start));
            match value.get_ref() {
                DeValue::Table(table) => open.push((path + ".", table)),
                DeValue::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let path = format!("{path}.{index}");
                        lines.insert(path.clone(), line(item.span().start));
                        if let DeValue::Table(table) = item.get_ref() {
                            open.push((path + ".", table));
                        }
                    }
                }
                _ => {}
            }
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_in_the_line_where_it_is_written() {
        let text = "# a\n[server]\nlisten = 1\n\n[[routes]]\nname = \"a\"\n[[routes]]\nname = \"b\"\n\
                    user_limit = { requests = 1,\n window_seconds = 2 }\n[routes.cors]\norigins = [\"x\",\n \"y\"]\n";
        let lines = lines_of(text).unwrap();
        let line = |key: &str| innermost(&lines, &key.split('.').collect::<Vec<_>>());
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
