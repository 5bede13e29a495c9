//! Which crate may be built with which.

use std::collections::BTreeSet;

use super::graph::Crate;
use super::source::{Source, product};

/// The ranks: a crate is built with crates of lower rank only.
const RANKS: [(&str, u8); 32] = [
    ("bounded", 0),
    ("clock", 0),
    ("command", 0),
    ("commit", 0),
    ("framing", 0),
    ("identity", 0),
    ("token-source", 0),
    ("durable-sled", 1),
    ("http1", 1),
    ("notify", 1),
    ("password", 1),
    ("store", 1),
    ("token", 1),
    ("jwks", 2),
    ("mail", 2),
    ("problem", 2),
    ("store-memory", 2),
    ("store-postgres", 2),
    ("store-redis", 2),
    ("store-sled", 2),
    ("telemetry", 2),
    ("webhook", 2),
    ("outbox-relay", 3),
    ("limits", 3),
    ("session", 3),
    ("pipeline", 4),
    ("api", 5),
    ("edge", 5),
    ("prove-upstream", 5),
    ("config", 6),
    ("bench", 7),
    ("gateway", 8),
];

/// Crates that few are built with, of whatever rank the others are: what stands behind the ports is chosen
/// when the gateway starts, and the edge knows the endpoints as a service only.
const BUILT_INTO: [(&str, &[&str]); 11] = [
    ("durable-sled", &["store-sled"]),
    ("store-sled", &["config", "bench", "gateway"]),
    ("store-postgres", &["config", "gateway"]),
    ("store-redis", &["config", "gateway"]),
    ("store-memory", &["gateway"]),
    ("jwks", &["config", "gateway"]),
    ("mail", &["config", "gateway"]),
    ("webhook", &["config", "gateway"]),
    ("api", &["config", "gateway"]),
    ("bench", &["gateway"]),
    ("prove-upstream", &["gateway"]),
];

fn rank(name: &str) -> Option<u8> {
    RANKS.iter().find(|(other, _)| *other == name).map(|(_, rank)| *rank)
}

pub(super) fn misplaced_crates(crates: &[Crate]) -> Vec<String> {
    let mut faults: Vec<String> = Vec::new();
    for one in crates {
        let name = &one.name;
        let Some(own) = rank(name) else {
            faults.push(format!("{name} has no rank"));
            continue;
        };
        for other in one.rooms.iter().filter(|other| *other != "todo-backend") {
            let kept = BUILT_INTO.iter().find(|(kept, _)| kept == other);
            let may = rank(other).is_some_and(|theirs| theirs < own)
                && kept.is_none_or(|(_, into)| into.contains(&name.as_str()));
            if !may {
                faults.push(format!("{name} is built with {other}"));
            }
        }
    }
    faults
}

/// Ranks of crates that are there no more.
pub(super) fn empty_ranks(crates: &[Crate]) -> Vec<&'static str> {
    let names: BTreeSet<&str> = crates.iter().map(|one| one.name.as_str()).collect();
    RANKS.iter().map(|(name, _)| *name).filter(|name| !names.contains(name)).collect()
}

/// The module that a path names next below another.
fn below<'a>(path: &'a str, module: &str) -> Option<&'a str> {
    path.strip_prefix(module)?.strip_prefix("::")?.split("::").next()
}

/// Whatever the router has a method of, but for the document: it names them all, and they say by its words
/// what they are.
pub(super) fn endpoints(sources: &[Source]) -> BTreeSet<&str> {
    const METHODS: [&str; 7] = ["routes(routes!(", "get(", "post(", "put(", "delete(", "patch(", "any("];
    let router = sources.iter().filter(|source| source.name == "lib.rs");
    let words = router.flat_map(|router| router.text.split([' ', '.', ',']));
    let handlers = words.filter_map(|word| METHODS.iter().find_map(|method| word.strip_prefix(method)));
    let modules = handlers.filter_map(|handler| Some(handler.split_once("::")?.0));
    modules.filter(|module| *module != "openapi").collect()
}

/// What two endpoints need stands beside them, and not in one of them.
pub(super) fn entangled_endpoints(sources: &[Source]) -> Vec<String> {
    let endpoints = endpoints(sources);
    let mut faults = Vec::new();
    for source in product(sources) {
        let own = source.room();
        if !endpoints.contains(own) {
            continue;
        }
        let names = source.names();
        let others: BTreeSet<&str> = names.iter().filter_map(|path| below(path, "crate")).collect();
        let others = others.into_iter().filter(|other| *other != own && endpoints.contains(other));
        faults.extend(others.map(|other| format!("{}: endpoint {own} names endpoint {other}", source.name)));
    }
    faults
}
