//! The rules themselves, as plain functions over sources.

/// A file, by its path below the folder that is looked at.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// The first part of the path.
    pub(super) fn room(&self) -> String {
        self.name.split(['/', '.']).next().unwrap().to_owned()
    }

    /// The text without comments.
    fn code(&self) -> String {
        let lines = self.text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The code that is not only there for tests.
    fn product(&self) -> String {
        let code = self.code();
        code.split_once("#[cfg(test)]").map_or(code.clone(), |(product, _)| product.to_owned())
    }
}

/// The ranks: a room names rooms of lower rank only.
const RANKS: [(&str, u8); 22] = [
    ("identity", 0),
    ("clock", 0),
    ("framing", 0),
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

/// Rooms of lower rank that a room must not name all the same.
const FORBIDDEN: [(&str, &str); 6] = [
    ("session", "adapter"),
    ("errands", "adapter"),
    ("pipeline", "adapter"),
    ("api", "adapter"),
    ("edge", "adapter"),
    ("edge", "api"),
];

/// Foreign crates, and the rooms that may name them.
const HOMES: [(&str, &[&str]); 27] = [
    ("pingora", &["edge", "startup", "shutdown"]),
    ("axum", &["api"]),
    ("tower", &["api"]),
    ("jsonwebtoken", &["token"]),
    ("argon2", &["password"]),
    ("scrypt", &["password"]),
    ("lettre", &["adapter"]),
    ("minijinja", &["notify"]),
    ("utoipa", &["api"]),
    ("bcrypt", &["password"]),
    ("zxcvbn", &["password"]),
    ("csv", &["cli"]),
    ("sled", &["adapter"]),
    ("redis", &["adapter"]),
    ("reqwest", &["adapter"]),
    ("governor", &["limits"]),
    ("prometheus", &["telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("x509_parser", &["edge", "token"]),
    ("figment", &["config"]),
    ("clap", &["cli"]),
    ("hyper", &["cli", "startup"]),
    ("hyper_util", &["cli", "startup"]),
    ("tokio_rustls", &["cli"]),
    ("hdrhistogram", &["cli"]),
];

fn rank(room: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

pub(super) fn misplaced_rooms(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let room = source.room();
        let Some(own) = rank(&room) else {
            faults.push(format!("{}: {room} has no rank", source.name));
            continue;
        };
        let code = source.product();
        for other in named_rooms(&code) {
            let Some(theirs) = rank(&other) else { continue };
            let forbidden = FORBIDDEN.contains(&(room.as_str(), other.as_str()));
            if other != room && (theirs >= own || forbidden) {
                faults.push(format!("{}: {room} names {other}", source.name));
            }
        }
        if room == "adapter" {
            faults.extend(other_adapters(source, &code));
        }
        if room == "api" {
            faults.extend(other_endpoints(source, &code));
        }
    }
    faults
}

/// The rooms behind each `crate::`, those in a group included.
fn named_rooms(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = &group[..group.find("};").unwrap_or(group.len())];
                let mut depth = 0;
                let mut start = true;
                for (index, letter) in group.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ if start && letter.is_alphabetic() => {
                            named.push(word(&group[index..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => named.push(word(rest)),
        }
    }
    named.sort();
    named.dedup();
    named
}

fn other_adapters(source: &Source, code: &str) -> Vec<String> {
    let own = source.name.split(['/', '.']).nth(1).unwrap_or("");
    let others = ["sled", "redis", "embedded", "own_first", "jwks", "mail"]
        .into_iter()
        .filter(|other| *other != own && own != "rs");
    others
        .filter(|other| code.contains(&format!("adapter::{other}")))
        .map(|other| format!("{}: adapter {own} names adapter {other}", source.name))
        .collect()
}

/// What two endpoints need stands beside them, and not in one of them.
fn other_endpoints(source: &Source, code: &str) -> Vec<String> {
    const ENDPOINTS: [&str; 13] = [
        "register",
        "login",
        "refresh",
        "logout",
        "profile",
        "password",
        "email",
        "admin_users",
        "operator",
        "invitations",
        "reports",
        "audit",
        "verify",
    ];
    let own = source.name.split(['/', '.']).nth(1).unwrap_or("");
    if !ENDPOINTS.contains(&own) {
        return Vec::new();
    }
    let named = |other: &&&str| **other != own && code.contains(&format!("super::{other}"));
    let others = ENDPOINTS.iter().filter(named);
    others.map(|other| format!("{}: endpoint {own} names endpoint {other}", source.name)).collect()
}

pub(super) fn misplaced_crates(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let code = source.product();
        for (name, homes) in HOMES {
            let at_home = homes.contains(&source.room().as_str());
            if !at_home && names_crate(&code, name) {
                faults.push(format!("{}: {name} lives in {}", source.name, homes.join(", ")));
            }
        }
    }
    faults
}

/// `name::` that is not the tail of a longer path or word.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(index, _)| {
        let before = code[..index].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

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
pub(super) fn json_of_bytes(sources: &[Source]) -> Vec<String> {
    const READERS: [&str; 5] = ["token", "api", "pipeline", "adapter/jwks", "cli/user"];
    let reads = sources.iter().filter(|source| {
        let name = &source.name;
        // What is described is what we render ourselves.
        let ours = name.ends_with("tests.rs") || name.starts_with("api/openapi/");
        !ours
            && READERS.iter().any(|reader| name.starts_with(reader))
            && source.product().contains("serde_json::from_slice")
    });
    reads.map(|source| source.name.clone()).collect()
}

/// `unwrap` where a request could meet it.
pub(super) fn unwraps(sources: &[Source]) -> Vec<String> {
    let met = sources.iter().filter(|source| {
        let is_test = source.name.ends_with("tests.rs") || source.name.contains("tests/");
        !is_test && source.product().contains(".unwrap()")
    });
    met.map(|source| source.name.clone()).collect()
}
