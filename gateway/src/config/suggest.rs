//! Unknown keys, all at once, each with the key that was probably meant.

use figment::Figment;
use figment::value::{Dict, Value};

use super::file::{File, Rate, RouteEntry, UpstreamEntry};

/// One line for each key that no setting has.
pub(super) fn unknown_keys(figment: &Figment) -> Vec<String> {
    let mut faults = Vec::new();
    // A file that is no TOML is told of when it is extracted.
    let Ok(written) = figment.extract::<Dict>() else { return faults };
    let known = known();
    for (key, value) in &written {
        match known.get(key) {
            None => faults.push(fault(figment, key, key, &known)),
            Some(expected) => compare(figment, key, value, expected, &mut faults),
        }
    }
    faults
}

fn compare(
    figment: &Figment,
    path: &str,
    value: &Value,
    expected: &serde_json::Value,
    faults: &mut Vec<String>,
) {
    match (value, expected) {
        (Value::Dict(_, dict), serde_json::Value::Object(known)) => {
            for (key, value) in dict {
                let path = format!("{path}.{key}");
                match known.get(key) {
                    None => faults.push(fault(figment, &path, key, known)),
                    Some(expected) => compare(figment, &path, value, expected, faults),
                }
            }
        }
        (Value::Array(_, items), serde_json::Value::Array(sample)) => {
            let Some(sample) = sample.first() else { return };
            for (index, item) in items.iter().enumerate() {
                compare(figment, &format!("{path}[{index}]"), item, sample, faults);
            }
        }
        _ => {}
    }
}

fn fault(
    figment: &Figment,
    path: &str,
    key: &str,
    known: &serde_json::Map<String, serde_json::Value>,
) -> String {
    let source = figment.find_metadata(path).and_then(|metadata| metadata.source.as_ref());
    let place = source.map(|source| format!("{source}: ")).unwrap_or_default();
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

/// All keys there are, from the defaults and one sample of each list's entries.
fn known() -> serde_json::Map<String, serde_json::Value> {
    let mut file = File::default();
    let rate = super::file::Limit::Rate(Rate { requests: 1, window_seconds: 1 });
    file.upstreams.push(UpstreamEntry::new("", String::new()));
    let sample = RouteEntry::new("", "", "");
    file.routes.push(RouteEntry { user_limit: Some(rate), ..sample });
    match serde_json::to_value(file) {
        Ok(serde_json::Value::Object(known)) => known,
        _ => serde_json::Map::new(),
    }
}
