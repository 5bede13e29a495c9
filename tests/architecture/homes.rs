//! Where each foreign crate lives.

use super::source::{Source, product};

/// Crates, or modules of them, and the rooms that may name them. Of what stands here by its modules, the
/// rest is nobody's.
const HOMES: &[(&str, &[&str])] = &[
    // The framework, and the protocols.
    ("pingora", &["edge", "startup", "shutdown"]),
    ("h2", &["edge"]),
    ("ppp", &["edge"]),
    ("atomic_waker", &["edge"]),
    ("axum", &["api"]),
    ("tower", &["api"]),
    ("utoipa", &["api"]),
    ("http_body", &["api", "edge"]),
    // The socket of the operator is served and asked over HTTP/1.1 without Pingora.
    ("http_body_util", &["api", "edge", "startup", "cli"]),
    ("httparse", &["http1"]),
    ("hyper", &["startup", "cli"]),
    ("hyper_util", &["startup", "cli"]),
    ("reqwest", &["adapter"]),
    ("form_urlencoded", &["api", "cli"]),
    ("memchr", &["framing", "pipeline", "telemetry"]),
    ("ipnet", &["pipeline", "edge", "config"]),
    // Cryptography. Keys and signatures are one room's; hashes are many rooms'.
    ("jsonwebtoken", &["token"]),
    ("aws_lc_rs::encoding", &["token"]),
    ("aws_lc_rs::rsa", &["token"]),
    ("aws_lc_rs::signature", &["token"]),
    ("aws_lc_rs::rand", &["token", "errands"]),
    ("aws_lc_rs::pbkdf2", &["password"]),
    ("aws_lc_rs::constant_time", &["password"]),
    ("aws_lc_rs::hmac", &["token", "telemetry", "pipeline", "adapter"]),
    ("aws_lc_rs::digest", &["token", "identity", "password", "store", "api"]),
    ("argon2", &["password"]),
    ("bcrypt", &["password"]),
    ("scrypt", &["password"]),
    ("zxcvbn", &["password"]),
    ("base64", &["token", "password", "pipeline", "errands", "adapter", "cli"]),
    ("zeroize", &["token", "password", "pipeline", "adapter", "config"]),
    // Random numbers: names of files, of sessions and of requests, and the salt of what is not secret.
    ("uuid", &["identity", "password", "notify", "telemetry", "adapter", "config", "cli"]),
    // TLS: towards clients, towards services, and of other issuers' certificates.
    ("rustls", &["token", "edge", "config", "cli"]),
    ("webpki", &["token", "edge"]),
    ("x509_parser", &["token", "edge"]),
    ("rustls_native_certs", &["cli"]),
    ("tokio_rustls", &["cli"]),
    // Stores, and what goes out.
    ("sled", &["adapter"]),
    ("redis", &["adapter"]),
    ("lettre", &["adapter"]),
    ("minijinja", &["notify"]),
    ("governor", &["limits"]),
    ("prometheus", &["telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    // Time, which `clock` reads, and spans of it as people write them.
    ("jiff", &["clock", "cli"]),
    // What runs, waits and listens. Whatever decides without it stays so.
    ("tokio", &["password", "adapter", "session", "errands", "api", "edge", "startup", "shutdown", "cli"]),
    // The operating system.
    ("rustix", &["password", "telemetry", "adapter", "edge", "config", "startup", "cli"]),
    ("rlimit", &["edge", "startup", "cli"]),
    ("nix", &["startup"]),
    ("mimalloc", &["main"]),
    // Settings, the command line and the terminal.
    ("figment", &["config"]),
    ("toml", &["config"]),
    ("strsim", &["config"]),
    ("clap", &["cli"]),
    ("anstream", &["cli"]),
    ("csv", &["cli"]),
    ("hdrhistogram", &["cli"]),
    ("rpassword", &["cli"]),
    ("todo_backend", &["cli"]),
    // What is ours, and stands alone.
    ("commit", &["store", "session"]),
    ("token_source", &["http1", "pipeline", "edge", "config"]),
];

/// What any room may use: types and tools that say nothing of what is done with them.
const ANYWHERE: &[&str] = &[
    "arc_swap",
    "async_trait",
    "bytes",
    "foldhash",
    "http",
    "parking_lot",
    "secrecy",
    "serde",
    "serde_json",
    "thiserror",
    "tracing",
];

/// Crates that go by another name in the code than in Cargo.toml.
const RENAMED: [(&str, &str); 1] = [("rustls_webpki", "webpki")];

pub(super) fn misplaced_crates(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in product(sources) {
        let names = source.names();
        for (home, rooms) in HOMES.iter().filter(|(_, rooms)| !rooms.contains(&source.room())) {
            if names.iter().any(|path| is_in(path, home)) {
                faults.push(format!("{}: {home} lives in {}", source.name, rooms.join(", ")));
            }
        }
        let homeless = names.iter().filter(|path| {
            let mut homes = HOMES.iter().filter(|(home, _)| first(home) == first(path)).peekable();
            homes.peek().is_some() && !homes.any(|(home, _)| is_in(path, home))
        });
        faults.extend(homeless.map(|path| format!("{}: {path} has no home", source.name)));
    }
    faults
}

fn is_in(path: &str, home: &str) -> bool {
    path.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

/// Rooms that do not use what they may.
pub(super) fn unused_homes(sources: &[Source]) -> Vec<String> {
    let product = product(sources);
    let uses = |room: &str, home: &str| {
        let mut files = product.iter().filter(|source| source.room() == room);
        files.any(|source| source.names().iter().any(|path| is_in(path, home)))
    };
    let rows = HOMES.iter().flat_map(|(home, rooms)| rooms.iter().map(move |room| (*home, *room)));
    rows.filter(|(home, room)| !uses(room, home))
        .map(|(home, room)| format!("{home} is not in {room}"))
        .collect()
}

/// Dependencies that no rule speaks of, and rules about none.
pub(super) fn homeless_crates(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_"));
    let in_code =
        |name: String| RENAMED.iter().find(|(ours, _)| *ours == name).map_or(name, |row| row.1.into());
    let crates: Vec<String> = names.map(in_code).collect();
    let ruled: Vec<&str> = HOMES.iter().map(|row| first(row.0)).chain(ANYWHERE.iter().copied()).collect();
    let homeless = crates.iter().filter(|name| !ruled.contains(&name.as_str()));
    let gone = ruled.iter().filter(|name| !crates.iter().any(|krate| krate == *name));
    homeless
        .map(|name| format!("{name} has no home"))
        .chain(gone.map(|name| format!("{name} is no dependency")))
        .collect()
}
