//! A driver loads and writes, and decides nothing: what the rules speak of, its source does not name.

use std::fs;
use std::path::Path;

/// Each crate of a driver.
const DRIVERS: [&str; 2] = ["store-sled", "store-postgres"];

/// Of whom, what is told and sent, and what a token is good for: `store::rules` have it.
const DECIDED: [&str; 6] = ["Role", "Errand::", "Entry::", "Entry {", "Purpose", "grace"];

/// What a text decides by itself. An export has each kind of record as a line, and so names it.
fn decided(text: &str) -> Vec<&'static str> {
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let code = code.replace("Line::Errand", "");
    let names = |word: &&&str| {
        code.match_indices(**word).any(|(place, _)| {
            !code[..place].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        })
    };
    DECIDED.iter().filter(names).copied().collect()
}

#[test]
fn a_driver_decides_nothing() {
    for driver in DRIVERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(driver).join("src");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(decided(&text), [""; 0], "{}", file.display());
        }
    }
    assert_eq!(decided("if user.role == Role::Admin {"), ["Role"]);
    assert_eq!(decided("let told = Entry { now, ..Entry::new(word) };"), ["Entry::", "Entry {"]);
    assert_eq!(decided("// The role of an Entry { is not ours.\nfs::DirEntry::path()"), [""; 0]);
}
