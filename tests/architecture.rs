//! The house rules, as tests: which crate may be built with which, where crates of others live, and how
//! long a file may get. Each rule is also held against a small bad sample, so that it is seen to
//! fail.

mod division;
mod graph;
mod homes;
mod messages;
mod paths;
mod rules;
mod source;
mod tidy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use graph::{crates, read};
use homes::{misplaced_modules, strayed, unused};
use rules::{empty_ranks, endpoints, entangled_endpoints, misplaced_crates};
use source::Source;
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

/// The product's own, crate by crate, of which each file is read once.
fn product() -> &'static [(&'static str, Vec<Source>)] {
    static FILES: LazyLock<Vec<(&str, Vec<Source>)>> =
        LazyLock::new(|| crates().iter().map(|one| (one.name.as_str(), sources(&one.sources))).collect());
    &FILES
}

/// Those of one crate.
fn of(name: &str) -> &'static [Source] {
    product().iter().find(|(other, _)| *other == name).map(|(_, sources)| &sources[..]).unwrap()
}

fn sample(name: &str, text: &str) -> Vec<Source> {
    vec![Source::new(name, text)]
}

fn all() -> Vec<Source> {
    let ours = crates().iter().map(|one| one.sources.as_str());
    ours.chain(["gateway/crates/fuzz/src", "todo-backend/src", "tests", "benches"])
        .flat_map(sources)
        .collect()
}

const NOTHING: [String; 0] = [];

/// What Cargo would say of a crate with this name that is built with these.
fn built(name: &str, with: &[&str]) -> String {
    let package = |name: &str, with: &[&str]| {
        let dependency = |name: &&str| serde_json::json!({"name": name, "kind": null});
        let with: Vec<_> = with.iter().map(dependency).collect();
        serde_json::json!({"name": name, "manifest_path": "/x/Cargo.toml", "dependencies": with})
    };
    let others = crates().iter().map(|one| format!("gateway-{}", one.name));
    let others = others.filter(|other| other != name).map(|other| package(&other, &[]));
    let packages: Vec<_> = others.chain([package(name, with)]).collect();
    serde_json::json!({"workspace_root": "/x", "packages": packages}).to_string()
}

#[test]
fn a_crate_is_built_with_crates_of_lower_rank_only() {
    assert_eq!(misplaced_crates(crates()), NOTHING);
    assert_eq!(empty_ranks(crates()), NOTHING);
    let faults = |name: &str, with: &[&str]| misplaced_crates(&read(&built(name, with)));
    assert_eq!(faults("gateway-token", &["gateway-pipeline"]), ["token is built with pipeline"]);
    assert_eq!(faults("gateway-api", &["gateway-edge"]), ["api is built with edge"]);
    assert_eq!(faults("gateway-edge", &["gateway-store-redis"]), ["edge is built with store-redis"]);
    assert_eq!(faults("gateway-attic", &[]), ["attic has no rank"]);
}

#[test]
fn one_endpoint_never_names_another() {
    let api = of("api");
    assert!(["login", "key_set", "operator"].iter().all(|one| endpoints(api).contains(one)));
    assert_eq!(entangled_endpoints(api), NOTHING);
    let router = ".route(\"/x\", get(sessions::list).put(register::write))";
    let mut endpoints = sample("lib.rs", &format!("fn f() {{ Router::new(){router}; }}"));
    endpoints.extend(sample("register.rs", "fn f() { super::sessions::overloaded() }"));
    assert_eq!(entangled_endpoints(&endpoints), ["register.rs: endpoint register names endpoint sessions"]);
}

#[test]
fn another_module_is_seen_by_whatever_way_it_is_named() {
    let named = |text: &str| {
        let names = Source::new("register/page.rs", text).names().clone();
        names.into_iter().any(|path| path.starts_with("crate::sessions"))
    };
    for text in [
        "use super::super::sessions::list;",
        "mod inner { use super::super::super::sessions; }",
        "use crate as house; fn f() { house::sessions::list() }",
        "#[serde(with = \"crate::sessions::bytes\")] struct S;",
        "fn f() { tracing::info!(\"{}\", crate::sessions::NAME) }",
        "const TEXT: &str = \"https://example.com\"; use crate::sessions::list;",
    ] {
        assert!(named(text), "{text}");
    }
    for text in
        ["mod sessions; use sessions::f;", "const T: &str = \"crate::sessions::f\";", "// crate::sessions::f"]
    {
        assert!(!named(text), "{text}");
    }
}

#[test]
fn what_is_only_there_for_tests_is_left_out_wherever_it_stands() {
    const NAMES: &str = "use aws_lc_rs::signature::Ed25519KeyPair;";
    let faults = |files: &[Source]| misplaced_modules("api", files);
    let fault = ["api: aws_lc_rs::signature lives in token"];
    for tests in [
        "#[cfg(test)] mod tests;",
        "#[cfg(test)] mod tests { use aws_lc_rs::rsa; }",
        "#[cfg(test)] #[must_use] pub(crate) fn f<A, B>(of: [u8; 2]) { aws_lc_rs::rsa::f() }",
        "#[cfg(all(test, unix))] use aws_lc_rs::rsa::{f, g};",
        "enum E { #[cfg(test)] A(aws_lc_rs::rsa::A), B }",
        "fn f() { match x { #[cfg(test)] A => aws_lc_rs::rsa::f(), B => {} } }",
        "fn f() { #[cfg(test)] let x = aws_lc_rs::rsa::X {}; }",
        "struct S { #[cfg(test)] a: aws_lc_rs::rsa::A, b: u8 }",
    ] {
        assert_eq!(faults(&sample("login.rs", &format!("{tests} {NAMES}"))), fault, "{tests}");
    }
    let without = format!("#[cfg(not(test))] {NAMES}");
    assert_eq!(faults(&sample("login.rs", &without)), fault);
    let mut files = sample("login.rs", "#[cfg(test)] mod proof;");
    files.extend(sample("login/proof.rs", NAMES));
    files.extend(sample("login/proof/far.rs", NAMES));
    assert_eq!(faults(&files), NOTHING);
    files.extend(sample("login/proofs.rs", NAMES));
    assert_eq!(faults(&files), fault);
}

#[test]
fn what_is_anothers_alone_stays_there() {
    for (name, sources) in product() {
        assert_eq!(misplaced_modules(name, sources), NOTHING);
    }
    assert_eq!(strayed(crates()), NOTHING);
    let signs = sample("login.rs", "use aws_lc_rs::{digest, signature::Ed25519KeyPair};");
    assert_eq!(misplaced_modules("api", &signs), ["api: aws_lc_rs::signature lives in token"]);
    let nobodys = sample("lib.rs", "use aws_lc_rs::aead;");
    assert_eq!(misplaced_modules("token", &nobodys), ["token: aws_lc_rs::aead has no home"]);
    let with_it = read(&built("gateway-pipeline", &["jsonwebtoken"]));
    assert!(strayed(&with_it).contains(&"pipeline: jsonwebtoken is token's alone".to_owned()));
    assert!(
        strayed(&with_it).contains(&"token: jsonwebtoken is token's alone".to_owned()),
        "it has it no more"
    );
}

#[test]
fn what_a_crate_is_built_with_it_names() {
    for (one, (_, sources)) in crates().iter().zip(product()) {
        assert_eq!(unused(one, sources), NOTHING);
    }
    let crates = read(&built("gateway-x", &["left-pad", "uuid"]));
    let x = crates.iter().find(|one| one.name == "x").unwrap();
    let names_one = sample("lib.rs", "mod left_pad; use uuid::Uuid;");
    assert_eq!(unused(x, &names_one), ["x is built with left-pad, and does not name it"]);
}

#[test]
fn no_crate_takes_for_granted_what_may_not_be() {
    for (name, sources) in product() {
        let root = sources.iter().find(|source| source.name == "lib.rs").unwrap();
        let denied =
            "#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]\n";
        assert!(root.text.contains(denied), "{name} lacks {denied}");
        let outside = "#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]\n";
        assert!(root.text.contains(outside), "{name} lacks {outside}");
    }
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
    for (name, sources) in product() {
        assert_eq!(json_of_bytes(name, sources), NOTHING);
    }
    let bytes = sample("fetch.rs", "let x = serde_json::from_slice(&body);");
    assert_eq!(json_of_bytes("jwks", &bytes), ["jwks: fetch.rs"]);
}

#[test]
fn each_file_says_first_what_is_in_it() {
    for source in all() {
        // The entry of a test binary's chapter may have an inner attribute after it, never before.
        assert!(source.text.starts_with("//! "), "{} does not begin with a `//!` sentence", source.name);
    }
}

#[test]
fn each_crate_stands_in_the_map() {
    let map = std::fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    for (name, _) in product() {
        assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name the crate `{name}`");
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
    let units: BTreeSet<String> =
        product().iter().flat_map(|(_, files)| files).flat_map(Source::names_in_tests).collect();
    let reference = std::fs::read_to_string(project().join("docs/errors.md")).unwrap();
    for code in gateway_problem::Code::ALL {
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
    let json = |file: &gateway_config::File| serde_json::to_value(file).unwrap();
    // What has no default stands there as a comment; everything else as a setting.
    let text = std::fs::read_to_string(path).unwrap();
    let settings = json(&gateway_config::File::default());
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
