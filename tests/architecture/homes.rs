//! What a crate is built with is in its `Cargo.toml`, and what is there is used. Of some crates of others,
//! single modules have a home.

use super::graph::Crate;
use super::source::{Source, product};

/// Modules of crates of others, and the crates that may name them. Of what stands here by its modules, the
/// rest is nobody's: keys and signatures are one crate's, hashes are many crates'.
const HOMES: &[(&str, &[&str])] = &[
    ("aws_lc_rs::encoding", &["token"]),
    ("aws_lc_rs::rsa", &["token"]),
    ("aws_lc_rs::signature", &["token"]),
    ("aws_lc_rs::rand", &["token", "outbox-relay"]),
    ("aws_lc_rs::pbkdf2", &["password"]),
    ("aws_lc_rs::constant_time", &["password"]),
    ("aws_lc_rs::hmac", &["token", "telemetry", "pipeline", "webhook"]),
    ("aws_lc_rs::digest", &["token", "identity", "password", "store", "api"]),
    // All of it: what it needs around it, and what is kept in it.
    ("sled", &["durable-sled", "store-sled"]),
];

/// Crates of others that one crate alone is built with: whoever reads about them reads it. Tools, and what
/// is read or spoken in several places, may be anybody's.
const ALONE: &[(&str, &str)] = &[
    ("argon2", "password"),
    ("axum", "api"),
    ("bcrypt", "password"),
    ("deadpool-postgres", "store-postgres"),
    ("figment", "config"),
    ("governor", "limits"),
    ("h2", "edge"),
    ("hdrhistogram", "bench"),
    ("httparse", "http1"),
    ("jsonwebtoken", "token"),
    ("lettre", "mail"),
    ("minijinja", "notify"),
    ("nix", "gateway"),
    ("opentelemetry", "telemetry"),
    ("ppp", "edge"),
    ("prometheus", "telemetry"),
    ("scrypt", "password"),
    ("tokio-postgres", "store-postgres"),
    ("utoipa", "api"),
    ("zxcvbn", "password"),
];

/// Crates that go by another name in the code than in Cargo.toml.
const RENAMED: [(&str, &str); 1] = [("rustls_webpki", "webpki")];

/// Modules that are named where they do not live.
pub(super) fn misplaced_modules(name: &str, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in product(sources) {
        let names = source.names();
        for (home, crates) in HOMES.iter().filter(|(_, crates)| !crates.contains(&name)) {
            if names.iter().any(|path| is_in(path, home)) {
                faults.push(format!("{name}: {home} lives in {}", crates.join(", ")));
            }
        }
        let homeless = names.iter().filter(|path| {
            let mut homes = HOMES.iter().filter(|(home, _)| first(home) == first(path)).peekable();
            homes.peek().is_some() && !homes.any(|(home, _)| is_in(path, home))
        });
        faults.extend(homeless.map(|path| format!("{name}: {path} has no home")));
    }
    faults
}

/// Crates that are built with what is another one's alone.
pub(super) fn strayed(crates: &[Crate]) -> Vec<String> {
    let each = crates.iter().flat_map(|one| ALONE.iter().map(move |row| (one, row)));
    let strays = each.filter(|(one, (foreign, home))| one.foreign.contains(*foreign) != (one.name == *home));
    strays.map(|(one, (foreign, home))| format!("{}: {foreign} is {home}'s alone", one.name)).collect()
}

/// What stands in a `Cargo.toml` and is named nowhere in the program.
pub(super) fn unused(one: &Crate, sources: &[Source]) -> Vec<String> {
    let product = product(sources);
    let in_code = |name: &str| {
        let name = name.replace('-', "_");
        RENAMED.iter().find(|(ours, _)| *ours == name).map_or(name, |row| row.1.into())
    };
    let is_named =
        |name: &str| product.iter().any(|file| file.names().iter().any(|path| first(path) == name));
    let foreign = one.foreign.iter().map(|name| (name, in_code(name)));
    foreign
        .filter(|(_, code)| !is_named(code))
        .map(|(name, _)| format!("{} is built with {name}, and does not name it", one.name))
        .collect()
}

fn is_in(path: &str, home: &str) -> bool {
    path.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}
