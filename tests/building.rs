//! What a build rests on: the Rust that is there and is new enough, and dependencies of which each
//! exception has its reason. The developer's script is run before a Rust that is made up.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use crate::support::project;

/// `./dev fmt` where `rustc` says that it is of this version; `cargo` tells with what it was called.
fn with_rust(version: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in [
        ("rustc", format!("#!/bin/sh\necho 'rustc {version} (made up)'\n")),
        ("cargo", "#!/bin/sh\necho \"cargo $* RUSTUP_AUTO_INSTALL=$RUSTUP_AUTO_INSTALL\"\n".to_owned()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    Command::new(project().join("dev")).arg("fmt").env("PATH", path).output().unwrap()
}

fn least() -> String {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    manifest["workspace"]["package"]["rust-version"].as_str().unwrap().to_owned()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(project().join(name)).unwrap()
}

#[test]
fn an_older_rust_is_refused_with_what_it_is_and_what_is_needed() {
    for old in ["1.80.1", "1.9.0", "0.12.0"] {
        let refused = with_rust(old);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(old) && said.contains(&least()) && said.contains("rustup update"), "{said}");
        assert_eq!(String::from_utf8(refused.stdout).unwrap(), "", "cargo was called");
    }
}

#[test]
fn a_rust_that_is_new_enough_is_used_as_it_is_and_none_is_fetched() {
    for new in [format!("{}.0", least()), format!("{}.0-nightly", least()), "1.1000.2".into(), "2.0.0".into()]
    {
        let used = with_rust(&new);
        let called = String::from_utf8(used.stdout).unwrap();
        assert_eq!(called, "cargo fmt --all RUSTUP_AUTO_INSTALL=0\n", "{new}");
    }
    // It would make rustup fetch the toolchain that it names.
    for file in ["rust-toolchain", "rust-toolchain.toml"] {
        assert!(!project().join(file).exists(), "{file}: `rust-version` says which Rust is needed");
    }
}

/// Their folders, all of one where that is what is said.
fn members() -> Vec<String> {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let named = workspace["workspace"]["members"].as_array().unwrap().iter();
    let folders = named.flat_map(|member| match member.as_str().unwrap().strip_suffix("/*") {
        Some(parent) => {
            let entries = std::fs::read_dir(project().join(parent)).unwrap();
            let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
            entries.map(|entry| format!("{parent}/{}", name(entry).to_str().unwrap())).collect()
        }
        None => vec![member.as_str().unwrap().to_owned()],
    });
    folders.collect()
}

#[test]
fn each_member_and_the_readme_name_the_rust_of_the_workspace() {
    for member in members() {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("\nrust-version.workspace = true\n"), "{member}");
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{member}");
    }
    let readme = format!("[Rust](https://rustup.rs) {}", least());
    assert!(read("README.md").contains(&readme), "README.md does not say {readme}");
}

#[test]
fn each_exception_among_the_dependencies_says_why() {
    let rules: toml::Table = read("deny.toml").parse().unwrap();
    for list in ["deny", "skip"] {
        for row in rules["bans"][list].as_array().unwrap() {
            let reason = row.get("reason").and_then(|reason| reason.as_str());
            assert!(reason.is_some_and(|reason| !reason.is_empty()), "deny.toml: {row} has no reason");
        }
    }
}
