//! How files are: their length, their names, and what must not be in them.

use super::source::{Source, product};

pub(super) fn long_files(sources: &[Source]) -> Vec<String> {
    let lines = sources.iter().map(|source| (source, source.text.lines().count()));
    lines
        .filter(|(_, lines)| *lines > 400)
        .map(|(source, lines)| format!("{}: {lines} lines", source.name))
        .collect()
}

pub(super) fn vague_names(sources: &[Source]) -> Vec<String> {
    const VAGUE: [&str; 9] =
        ["util", "utils", "common", "helper", "helpers", "misc", "manager", "service", "mod"];
    let mut faults = Vec::new();
    for source in sources {
        let stem = source.name.rsplit('/').next().unwrap().trim_end_matches(".rs");
        if VAGUE.contains(&stem) {
            faults.push(source.name.clone());
        }
        let declared =
            source.text.lines().filter_map(|line| line.split("mod ").nth(1)?.split([';', ' ']).next());
        faults.extend(
            declared.filter(|name| VAGUE.contains(name)).map(|name| format!("{}: mod {name}", source.name)),
        );
    }
    faults
}

/// Markers of unfinished work.
pub(super) fn unfinished(sources: &[Source]) -> Vec<String> {
    // Put together here, so that this file does not find itself.
    let markers = [["FIX", "ME"], ["TO", "DO:"], ["X", "XX"]].map(|halves| halves.concat());
    let mut faults = Vec::new();
    for source in sources {
        let left = markers.iter().filter(|marker| source.text.contains(marker.as_str()));
        faults.extend(left.map(|marker| format!("{}: {marker}", source.name)));
    }
    faults
}

/// Where what others wrote is read as JSON from bytes: `serde_json` takes bytes that are not UTF-8 in
/// whatever it skips, so they are to be read as text before.
pub(super) fn json_of_bytes(name: &str, sources: &[Source]) -> Vec<String> {
    // What these read was written by a gateway, or is an answer that one of ours rendered.
    const OURS: [(&str, &str); 6] = [
        ("store", "transfer/"),
        ("store-sled", ""),
        ("api", "openapi/"),
        ("gateway", "cli/explain.rs"),
        ("gateway", "cli/operators.rs"),
        ("gateway", "startup/upgrade.rs"),
    ];
    let is_ours =
        |source: &&Source| OURS.iter().any(|(own, file)| *own == name && source.name.starts_with(file));
    let others = product(sources).into_iter().filter(|source| !is_ours(source));
    others
        .filter(|source| source.names().contains("serde_json::from_slice"))
        .map(|source| format!("{name}: {}", source.name))
        .collect()
}
