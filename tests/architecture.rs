//! The house rules, as tests: which room may name which, where each foreign crate lives, and how
//! long a file may get. Each rule is also held against a small bad sample, so that it is seen to
//! fail.

mod division;
mod homes;
mod messages;
mod paths;
mod rules;
mod source;
mod tidy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use homes::{homeless_crates, misplaced_crates, unused_homes};
use rules::{empty_rooms, endpoints, entangled_adapters, entangled_endpoints, misplaced_rooms};
use source::{Source, product};
use tidy::{json_of_bytes, long_files, unfinished, vague_names};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder of the project, with their paths relative to it.
fn sources(folder: &str) -> Vec<Source> {
    let root = project().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The gateway's own, of which each file is read once.
fn gateway() -> &'static [Source] {
    static FILES: LazyLock<Vec<Source>> = LazyLock::new(|| sources("gateway/src"));
    &FILES
}

fn sample(name: &str, text: &str) -> Vec<Source> {
    vec![Source::new(name, text)]
}

/// A sample beside another file that is there.
fn beside(other: &str, name: &str, text: &str) -> Vec<Source> {
    sample(other, "").into_iter().chain(sample(name, text)).collect()
}

fn all() -> Vec<Source> {
    let crates = ["gateway/crates/commit/src", "gateway/crates/token-source/src"];
    ["gateway/src", "todo-backend/src", "tests", "benches"]
        .into_iter()
        .chain(crates)
        .flat_map(sources)
        .collect()
}

const NOTHING: [String; 0] = [];

#[test]
fn a_room_names_rooms_of_lower_rank_only() {
    assert_eq!(misplaced_rooms(gateway()), NOTHING);
    assert_eq!(empty_rooms(gateway()), NOTHING);
    let climbs = sample("token/verify.rs", "use crate::pipeline::Pipeline;");
    assert_eq!(misplaced_rooms(&climbs), ["token/verify.rs: token names pipeline"]);
    let sideways = sample("session/open.rs", "fn f() { crate::pipeline::canonical(\"/\"); }");
    assert_eq!(misplaced_rooms(&sideways), ["session/open.rs: session names pipeline"]);
    let grouped = sample("token.rs", "use crate::{clock::Clock, edge::Gateway};");
    assert_eq!(misplaced_rooms(&grouped), ["token.rs: token names edge"]);
    let behind_the_ports = sample("edge.rs", "use crate::adapter::redis::RedisView;");
    assert_eq!(misplaced_rooms(&behind_the_ports), ["edge.rs: edge names adapter"]);
    let unknown = sample("attic.rs", "");
    assert_eq!(misplaced_rooms(&unknown), ["attic.rs: attic has no rank"]);
    let told = sample("token.rs", "// use crate::pipeline::Pipeline;\n/// See crate::edge.\nfn f() {}");
    assert_eq!(misplaced_rooms(&told), NOTHING);
}

#[test]
fn another_room_is_seen_by_whatever_way_it_is_named() {
    for text in [
        "use super::super::edge::Gateway;",
        "mod inner { use super::super::super::edge; }",
        "use crate as house; fn f() { house::edge::f() }",
        "#[serde(with = \"crate::edge::bytes\")] struct S;",
        "fn f() { tracing::info!(\"{}\", crate::edge::NAME) }",
        "const TEXT: &str = \"https://example.com\"; use crate::edge::Gateway;",
    ] {
        let named = misplaced_rooms(&sample("token/verify.rs", text));
        assert_eq!(named, ["token/verify.rs: token names edge"], "{text}");
    }
    for text in ["use super::edge;", "mod edge; use edge::f;", "const T: &str = \"crate::edge::f\";"] {
        assert_eq!(misplaced_rooms(&sample("token/verify.rs", text)), NOTHING, "{text}");
    }
}

#[test]
fn what_is_only_there_for_tests_is_left_out_wherever_it_stands() {
    const CLIMBS: &str = "use crate::edge::Gateway;";
    for tests in [
        "#[cfg(test)] mod tests;",
        "#[cfg(test)] mod tests { use crate::cli; }",
        "#[cfg(test)] #[must_use] pub(crate) fn f<A, B>(of: [u8; 2]) { crate::cli::f() }",
        "#[cfg(all(test, unix))] use crate::cli::{f, g};",
        "enum E { #[cfg(test)] A(crate::cli::A), B }",
        "fn f() { match x { #[cfg(test)] A => crate::cli::f(), B => {} } }",
        "fn f() { #[cfg(test)] let x = crate::cli::X {}; }",
        "struct S { #[cfg(test)] a: crate::cli::A, b: u8 }",
    ] {
        let both = misplaced_rooms(&sample("token.rs", &format!("{tests} {CLIMBS}")));
        assert_eq!(both, ["token.rs: token names edge"], "{tests}");
    }
    let without = "#[cfg(not(test))] use crate::edge::Gateway;";
    assert_eq!(misplaced_rooms(&sample("token.rs", without)), ["token.rs: token names edge"]);
    let mut files = sample("token.rs", "#[cfg(test)] mod proof;");
    files.extend(sample("token/proof.rs", CLIMBS));
    files.extend(sample("token/proof/far.rs", CLIMBS));
    files.extend(sample("token/proofs.rs", CLIMBS));
    assert_eq!(misplaced_rooms(&files), ["token/proofs.rs: token names edge"]);
}

#[test]
fn one_adapter_never_names_another_and_one_endpoint_never_names_another() {
    let all = gateway();
    assert!(["login", "key_set", "operator"].iter().all(|one| endpoints(all).contains(one)));
    assert_eq!(entangled_adapters(all), NOTHING);
    assert_eq!(entangled_endpoints(all), NOTHING);
    let adapters = beside("adapter/paper.rs", "adapter/redis/view.rs", "use crate::adapter::paper::Paper;");
    assert_eq!(entangled_adapters(&adapters), ["adapter/redis/view.rs: adapter redis names adapter paper"]);
    let router = ".route(\"/x\", get(sessions::list).put(register::write))";
    let mut endpoints = sample("api.rs", &format!("fn f() {{ Router::new(){router}; }}"));
    endpoints.extend(sample("api/register.rs", "fn f() { super::sessions::overloaded() }"));
    assert_eq!(
        entangled_endpoints(&endpoints),
        ["api/register.rs: endpoint register names endpoint sessions"]
    );
}

#[test]
fn each_foreign_crate_has_its_homes() {
    assert_eq!(misplaced_crates(gateway()), NOTHING);
    assert_eq!(unused_homes(gateway()), NOTHING);
    let elsewhere = sample("pipeline/verify.rs", "fn f() { jsonwebtoken::decode(); }");
    assert_eq!(misplaced_crates(&elsewhere), ["pipeline/verify.rs: jsonwebtoken lives in token"]);
    let part = sample("api/login.rs", "use pingora::proxy::Session;");
    assert_eq!(misplaced_crates(&part), ["api/login.rs: pingora lives in edge, startup, shutdown"]);
    let renamed = sample("api/login.rs", "use pingora as p;");
    assert_eq!(misplaced_crates(&renamed), ["api/login.rs: pingora lives in edge, startup, shutdown"]);
    let signs = sample("api/login.rs", "use aws_lc_rs::{digest, signature::Ed25519KeyPair};");
    assert_eq!(misplaced_crates(&signs), ["api/login.rs: aws_lc_rs::signature lives in token"]);
    let nobodys = sample("token.rs", "use aws_lc_rs::aead;");
    assert_eq!(misplaced_crates(&nobodys), ["token.rs: aws_lc_rs::aead has no home"]);
    let own = sample("cli/store.rs", "mod sled; fn f() { sled::open() }");
    assert_eq!(misplaced_crates(&own), NOTHING);
    assert!(unused_homes(&own).contains(&"sled is not in adapter".to_owned()));
}

#[test]
fn each_dependency_has_a_home_or_is_anybodys() {
    let manifest = std::fs::read_to_string(project().join("gateway/Cargo.toml")).unwrap();
    assert_eq!(homeless_crates(&manifest), NOTHING);
    let grown = manifest.replace("[dependencies]", "[dependencies]\nleft-pad = \"1\"");
    assert_eq!(homeless_crates(&grown), ["left_pad has no home"]);
    let shrunk = manifest.replace("ppp.workspace = true", "");
    assert_eq!(homeless_crates(&shrunk), ["ppp is no dependency"]);
}

#[test]
fn no_file_is_longer_than_400_lines() {
    assert_eq!(long_files(&all()), NOTHING);
    assert_eq!(long_files(&sample("a.rs", &"x\n".repeat(401))), ["a.rs: 401 lines"]);
}

#[test]
fn no_file_or_module_has_a_name_that_says_nothing() {
    assert_eq!(vague_names(&all()), NOTHING);
    assert_eq!(vague_names(&sample("api/utils.rs", "")), ["api/utils.rs"]);
    assert_eq!(vague_names(&sample("api.rs", &["mod ", "helpers;"].concat())), ["api.rs: mod helpers"]);
    assert_eq!(vague_names(&sample("api/mod.rs", "")), ["api/mod.rs"]);
}

#[test]
fn nothing_is_left_unfinished() {
    assert_eq!(unfinished(&all()), NOTHING);
    let marker = ["FIX", "ME"].concat();
    assert_eq!(unfinished(&sample("a.rs", &format!("// {marker}: later"))).len(), 1);
}

#[test]
fn what_others_wrote_is_utf8_before_it_is_json() {
    assert_eq!(json_of_bytes(gateway()), NOTHING);
    let bytes = sample("adapter/jwks/fetch.rs", "let x = serde_json::from_slice(&body);");
    assert_eq!(json_of_bytes(&bytes), ["adapter/jwks/fetch.rs"]);
}

#[test]
fn each_file_says_first_what_is_in_it() {
    for source in all() {
        // The entry of a test binary's chapter may have an inner attribute after it, never before.
        assert!(source.text.starts_with("//! "), "{} does not begin with a `//!` sentence", source.name);
    }
}

#[test]
fn each_room_stands_in_the_map() {
    let map = std::fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    for room in product(gateway()).into_iter().map(Source::room).collect::<BTreeSet<_>>() {
        assert!(map.contains(&format!("`{room}`")), "ARCHITECTURE.md does not name the room `{room}`");
    }
}

#[test]
fn each_file_of_the_tests_is_declared() {
    let sources = sources("tests");
    let all: String = sources.iter().map(|source| source.text.as_str()).collect();
    for source in &sources {
        let module = Path::new(&source.name).file_stem().unwrap().to_str().unwrap();
        let declared = ["mod ", "pub mod ", "pub(crate) mod "]
            .iter()
            .any(|word| all.contains(&format!("{word}{module};")));
        assert!(declared || module == "main", "{} is declared nowhere: it never runs", source.name);
    }
}

#[test]
fn each_error_code_appears_in_a_test_and_in_the_reference() {
    let tests: String = sources("tests").iter().map(|source| source.text.as_str()).collect();
    let units: BTreeSet<String> = gateway().iter().flat_map(Source::names_in_tests).collect();
    let reference = std::fs::read_to_string(project().join("docs/errors.md")).unwrap();
    for code in gateway::problem::Code::ALL {
        let entry = code.entry();
        let row = format!(
            "| `{}` | {} | {} | {} | {} |",
            entry.word, entry.status, entry.message, entry.meaning, entry.next_step
        );
        assert!(reference.contains(&row), "docs/errors.md lacks this row:\n{row}");
        let named = format!("Code::{code:?}");
        let tested = tests.contains(entry.word) || units.iter().any(|path| path.ends_with(&named));
        assert!(tested, "no test names the code {}", entry.word);
    }
}

#[test]
fn the_configuration_that_explains_all_settings_is_the_default() {
    let path = project().join("conf/gateway.toml");
    let json = |file: &gateway::config::File| serde_json::to_value(file).unwrap();
    // What has no default stands there as a comment; everything else as a setting.
    let text = std::fs::read_to_string(path).unwrap();
    let settings = json(&gateway::config::File::default());
    for (section, keys) in settings.as_object().unwrap() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            // A table with a heading of its own, or one in a line.
            let headed = text.contains(&format!("\n[{section}.{key}]\n"));
            let below = value.as_object().filter(|_| headed).into_iter().flat_map(|table| table.keys());
            for key in below.chain((!headed).then_some(key)) {
                assert!(
                    text.contains(&format!("{key} = ")),
                    "conf/gateway.toml does not explain {section}.{key}"
                );
            }
        }
    }
}
