//! The house rules, as tests: which room may name which, where each foreign crate lives, and how
//! long a file may get. Each rule is also held against a small bad sample, so that it is seen to
//! fail.

mod messages;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rules::{
    Source, json_of_bytes, long_files, misplaced_crates, misplaced_rooms, unfinished, unwraps, vague_names,
};

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
                found.push(Source { name, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn sample(name: &str, text: &str) -> Vec<Source> {
    vec![Source { name: name.to_owned(), text: text.to_owned() }]
}

fn all() -> Vec<Source> {
    ["gateway/src", "todo-backend/src", "tests", "benches"].into_iter().flat_map(sources).collect()
}

const NOTHING: [String; 0] = [];

#[test]
fn a_room_names_rooms_of_lower_rank_only() {
    assert_eq!(misplaced_rooms(&sources("gateway/src")), NOTHING);
    let climbs = sample("token/verify.rs", "use crate::pipeline::Pipeline;");
    assert_eq!(misplaced_rooms(&climbs), ["token/verify.rs: token names pipeline"]);
    let sideways = sample("session/open.rs", "fn f() { crate::pipeline::canonical(\"/\"); }");
    assert_eq!(misplaced_rooms(&sideways), ["session/open.rs: session names pipeline"]);
    let grouped = sample("token.rs", "use crate::{clock::Clock, edge::Gateway};");
    assert_eq!(misplaced_rooms(&grouped), ["token.rs: token names edge"]);
    let unknown = sample("attic.rs", "");
    assert_eq!(misplaced_rooms(&unknown), ["attic.rs: attic has no rank"]);
    let told = sample("token.rs", "// use crate::pipeline::Pipeline;\n/// See crate::edge.");
    assert_eq!(misplaced_rooms(&told), NOTHING);
}

#[test]
fn one_adapter_never_names_another_and_one_endpoint_never_names_another() {
    let adapters = sample("adapter/redis/view.rs", "use crate::adapter::sled::SledStore;");
    assert_eq!(misplaced_rooms(&adapters), ["adapter/redis/view.rs: adapter redis names adapter sled"]);
    let endpoints = sample("api/register.rs", "fn f() { super::login::overloaded() }");
    assert_eq!(misplaced_rooms(&endpoints), ["api/register.rs: endpoint register names endpoint login"]);
}

#[test]
fn each_foreign_crate_has_one_home() {
    assert_eq!(misplaced_crates(&sources("gateway/src")), NOTHING);
    let elsewhere = sample("pipeline/verify.rs", "fn f() { jsonwebtoken::decode(); }");
    assert_eq!(misplaced_crates(&elsewhere), ["pipeline/verify.rs: jsonwebtoken lives in token"]);
    let part = sample("api/login.rs", "use pingora::proxy::Session;");
    assert_eq!(misplaced_crates(&part), ["api/login.rs: pingora lives in edge, startup, shutdown"]);
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
fn no_request_can_meet_an_unwrap() {
    assert_eq!(unwraps(&sources("gateway/src")), NOTHING);
    assert_eq!(unwraps(&sources("todo-backend/src")), NOTHING);
    assert_eq!(unwraps(&sample("a.rs", "fn f() { x.unwrap(); }")), ["a.rs"]);
    assert_eq!(unwraps(&sample("a.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }")), NOTHING);
}

#[test]
fn what_others_wrote_is_utf8_before_it_is_json() {
    assert_eq!(json_of_bytes(&sources("gateway/src")), NOTHING);
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
    let rooms: BTreeSet<String> = sources("gateway/src").iter().map(Source::room).collect();
    for room in rooms {
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
    let units: String = sources("gateway/src")
        .iter()
        .filter_map(|source| Some(source.text.split_once("#[cfg(test)]")?.1))
        .collect();
    let reference = std::fs::read_to_string(project().join("docs/errors.md")).unwrap();
    for code in gateway::problem::Code::ALL {
        let entry = code.entry();
        let row = format!(
            "| `{}` | {} | {} | {} | {} |",
            entry.word, entry.status, entry.message, entry.meaning, entry.next_step
        );
        assert!(reference.contains(&row), "docs/errors.md lacks this row:\n{row}");
        let tested = tests.contains(entry.word) || units.contains(&format!("Code::{code:?}"));
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
