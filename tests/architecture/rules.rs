//! Which room may name which.

use std::collections::BTreeSet;

use super::source::{Source, product};

/// The ranks: a room names rooms of lower rank only.
const RANKS: [(&str, u8); 23] = [
    ("identity", 0),
    ("clock", 0),
    ("framing", 0),
    ("http1", 1),
    ("problem", 1),
    ("token", 1),
    ("password", 1),
    ("store", 1),
    ("telemetry", 2),
    ("limits", 2),
    ("adapter", 2),
    ("session", 3),
    ("errands", 3),
    ("pipeline", 3),
    ("api", 4),
    ("edge", 5),
    ("config", 6),
    ("startup", 7),
    ("shutdown", 6),
    ("cli", 8),
    ("lib", 9),
    ("main", 9),
    ("notify", 1),
];

/// Rooms that few may name, of whatever rank the others are: what stands behind the ports is chosen when the
/// gateway starts, and the edge knows the endpoints as a service only.
const NAMED_BY: [(&str, &[&str]); 2] =
    [("adapter", &["config", "startup", "cli"]), ("api", &["config", "startup", "cli"])];

fn rank(room: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

pub(super) fn misplaced_rooms(sources: &[Source]) -> Vec<String> {
    let mut faults: Vec<String> = Vec::new();
    for source in product(sources) {
        let room = source.room();
        let Some(own) = rank(room) else {
            faults.push(format!("{}: {room} has no rank", source.name));
            continue;
        };
        let names = source.names();
        let rooms: BTreeSet<&str> = names.iter().filter_map(|path| below(path, "crate")).collect();
        for other in rooms {
            let Some(theirs) = rank(other) else { continue };
            let kept = NAMED_BY.iter().find(|(kept, _)| *kept == other);
            let may = theirs < own && kept.is_none_or(|(_, rooms)| rooms.contains(&room));
            if other != room && !may {
                faults.push(format!("{}: {room} names {other}", source.name));
            }
        }
    }
    faults
}

/// The module that a path names next below another.
fn below<'a>(path: &'a str, module: &str) -> Option<&'a str> {
    path.strip_prefix(module)?.strip_prefix("::")?.split("::").next()
}

/// Ranks of rooms that are there no more.
pub(super) fn empty_rooms(sources: &[Source]) -> Vec<&'static str> {
    let rooms: BTreeSet<&str> = sources.iter().map(Source::room).collect();
    RANKS.iter().map(|(room, _)| *room).filter(|room| !rooms.contains(room)).collect()
}

/// What two adapters need stands beside them, and not in one of them.
pub(super) fn entangled_adapters(sources: &[Source]) -> Vec<String> {
    let in_room = sources.iter().filter(|source| source.room() == "adapter");
    let adapters = in_room.filter_map(Source::part).collect();
    entangled(sources, "adapter", "adapter", &adapters)
}

/// The same of endpoints.
pub(super) fn entangled_endpoints(sources: &[Source]) -> Vec<String> {
    entangled(sources, "api", "endpoint", &endpoints(sources))
}

/// Whatever the router has a method of, but for the document: it names them all, and they say by its words
/// what they are.
pub(super) fn endpoints(sources: &[Source]) -> BTreeSet<&str> {
    const METHODS: [&str; 6] = ["get(", "post(", "put(", "delete(", "patch(", "any("];
    let router = sources.iter().filter(|source| source.name == "api.rs");
    let words = router.flat_map(|router| router.text.split([' ', '.', ',']));
    let handlers = words.filter_map(|word| METHODS.iter().find_map(|method| word.strip_prefix(method)));
    let modules = handlers.filter_map(|handler| Some(handler.split_once("::")?.0));
    modules.filter(|module| *module != "openapi").collect()
}

fn entangled(sources: &[Source], room: &str, what: &str, parts: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    for source in product(sources) {
        let Some(own) = source.part().filter(|part| source.room() == room && parts.contains(part)) else {
            continue;
        };
        let names = source.names();
        let room = format!("crate::{room}");
        let others: BTreeSet<&str> = names.iter().filter_map(|path| below(path, &room)).collect();
        let others = others.into_iter().filter(|other| *other != own && parts.contains(other));
        faults.extend(others.map(|other| format!("{}: {what} {own} names {what} {other}", source.name)));
    }
    faults
}
