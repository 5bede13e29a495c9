//! Unknown keys, all at once, each with the key that was probably meant.

use figment::Figment;
use figment::value::{Dict, Value};

use super::file::{File, Limit, Rate, RouteEntry, UpstreamEntry};

/// What was written, less the keys that no setting has: each of those is a fault.
pub(super) fn without_unknown(figment: &Figment, written: Dict, faults: &mut Vec<String>) -> Dict {
    keep_known(figment, "", written, &known(), faults)
}

type Known = serde_json::Map<String, serde_json::Value>;

fn keep_known(
    figment: &Figment,
    above: &str,
    written: Dict,
    known: &Known,
    faults: &mut Vec<String>,
) -> Dict {
    let mut kept = Dict::new();
    for (key, value) in written {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match known.get(&key) {
            None => faults.push(unknown(figment, &path, &key, known)),
            Some(expected) => {
                kept.insert(key, descend(figment, &path, value, expected, faults));
            }
        }
    }
    kept
}

fn descend(
    figment: &Figment,
    path: &str,
    value: Value,
    expected: &serde_json::Value,
    faults: &mut Vec<String>,
) -> Value {
    match (value, expected) {
        (Value::Dict(tag, dict), serde_json::Value::Object(known)) => {
            Value::Dict(tag, keep_known(figment, path, dict, known, faults))
        }
        (Value::Array(tag, items), serde_json::Value::Array(sample)) => {
            let items = items.into_iter().enumerate().map(|(index, item)| match sample.first() {
                Some(sample) => descend(figment, &format!("{path}[{index}]"), item, sample, faults),
                None => item,
            });
            Value::Array(tag, items.collect())
        }
        (value, _) => value,
    }
}

fn unknown(figment: &Figment, path: &str, key: &str, known: &Known) -> String {
    let place = place(figment, path);
    let likely = known
        .keys()
        .map(|candidate| (strsim::jaro_winkler(candidate, key), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match likely {
        Some((_, candidate)) => format!("{place}`{path}` is no setting; did you mean `{candidate}`?"),
        None => {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            format!("{place}`{path}` is no setting; there are: {}", names.join(", "))
        }
    }
}

/// The file that a key stands in, or the environment, as the beginning of a message.
pub(super) fn place(figment: &Figment, path: &str) -> String {
    let key = path.split(['[', '.']).take(2).collect::<Vec<_>>();
    let found = figment.find_metadata(&key.join(".")).or_else(|| figment.find_metadata(key.first()?));
    match found {
        Some(metadata) => match &metadata.source {
            Some(source) => format!("{source}: "),
            None if metadata.name.contains("environment") => "environment: ".to_owned(),
            None => String::new(),
        },
        None => String::new(),
    }
}

/// All keys there are, from the defaults and one sample of each list's entries.
fn known() -> Known {
    let mut file = File::default();
    file.upstreams.push(UpstreamEntry::new("", String::new()));
    let user_limit = Some(Limit::Rate(Rate { requests: 1, window_seconds: 1 }));
    file.routes.push(RouteEntry { user_limit, ..RouteEntry::new("", "", "") });
    match serde_json::to_value(file) {
        Ok(serde_json::Value::Object(known)) => known,
        _ => Known::new(),
    }
}
