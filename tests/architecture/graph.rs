//! The crates of the product and what each of them is built with, as Cargo knows it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// A crate of this project.
pub(super) struct Crate {
    /// Without what all of them begin with.
    pub(super) name: String,
    /// Where its sources are, below the project.
    pub(super) sources: String,
    /// Crates of this project that it is built with.
    pub(super) rooms: BTreeSet<String>,
    /// Crates of others.
    pub(super) foreign: BTreeSet<String>,
}

/// All of the product's.
pub(super) fn crates() -> &'static [Crate] {
    static CRATES: LazyLock<Vec<Crate>> = LazyLock::new(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
        let output = Command::new(cargo).args(arguments).current_dir(super::project()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all = read(&String::from_utf8(output.stdout).unwrap());
        all.into_iter().filter(|one| !matches!(&*one.name, "todo-backend" | "fuzz")).collect()
    });
    &CRATES
}

pub(super) fn read(metadata: &str) -> Vec<Crate> {
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    let root = PathBuf::from(metadata["workspace_root"].as_str().unwrap());
    let packages = metadata["packages"].as_array().unwrap();
    let own: BTreeSet<&str> = packages.iter().filter_map(|one| one["name"].as_str()).collect();
    packages.iter().map(|package| crate_of(package, &root, &own)).collect()
}

fn crate_of(package: &Value, root: &Path, own: &BTreeSet<&str>) -> Crate {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let sources = manifest.parent().unwrap().strip_prefix(root).unwrap().join("src");
    let built_with = package["dependencies"].as_array().unwrap().iter().filter(|one| one["kind"].is_null());
    let names: Vec<&str> = built_with.filter_map(|one| one["name"].as_str()).collect();
    let (rooms, foreign): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| own.contains(name));
    Crate {
        name: short(package["name"].as_str().unwrap()).to_owned(),
        sources: sources.to_str().unwrap().to_owned(),
        rooms: rooms.into_iter().map(|name| short(name).to_owned()).collect(),
        foreign: foreign.into_iter().map(str::to_owned).collect(),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("gateway-").unwrap_or(name)
}
