//! What differs between two configurations, and what of it a running gateway cannot take over.

use serde_json::Value;

use super::file::File;

/// Settings that a reload swaps, with all that is below them. Everything else is bound to sockets,
/// threads, stores and tokens that are out already.
const RELOADABLE: [&str; 10] = [
    "limits",
    "cors",
    "issuers",
    "upstreams",
    "routes",
    "tokens.bytes_max",
    "log.level",
    "log.access",
    "log.addresses",
    "log.emails",
];
/// And of each listener.
const RELOADABLE_OF_LISTENERS: [&str; 4] =
    [".tls.certificates", ".tls.client_ca_file", ".tls.client_certificates", ".tls.http2"];

/// The settings that differ, by their paths.
pub fn changed(before: &File, after: &File) -> Vec<String> {
    let mut paths = Vec::new();
    let value = |file: &File| serde_json::to_value(file).unwrap_or_default();
    compare("", &value(before), &value(after), &mut paths);
    paths
}

/// Those of them that need a restart.
pub fn needing_restart(changed: &[String]) -> Vec<String> {
    let reloads = |path: &&String| {
        RELOADABLE.iter().any(|above| {
            path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }) || path.strip_prefix("listeners[").and_then(|rest| rest.split_once(']')).is_some_and(
            |(_, below)| RELOADABLE_OF_LISTENERS.iter().any(|setting| below.starts_with(setting)),
        )
    };
    changed.iter().filter(|path| !reloads(path)).cloned().collect()
}

fn compare(path: &str, before: &Value, after: &Value, paths: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let known = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in known {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let none = Value::Null;
                compare(&below, one.get(key).unwrap_or(&none), other.get(key).unwrap_or(&none), paths);
            }
        }
        _ if before == after => {}
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{index}]"), one, other, paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_named_and_what_needs_a_restart_is_told_apart() {
        let before = File::default();
        let mut after = File::default();
        after.server.listen = "127.0.0.1:1".to_owned();
        after.limits.keys_max = 7;
        after.routes.push(super::super::RouteEntry::new("a", "/", "b"));
        let paths = changed(&before, &after);
        assert_eq!(paths, ["limits.keys_max", "routes", "server.listen"]);
        assert_eq!(needing_restart(&paths), ["server.listen"]);
        assert!(changed(&after, &after).is_empty());
    }
}
