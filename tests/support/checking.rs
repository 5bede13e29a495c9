//! `gateway check` on a configuration, as people and as programs read it.

use std::path::Path;

use serde_json::Value;

use super::command::run;

/// What a check said.
pub struct Said {
    pub status: i32,
    /// All of it.
    pub text: String,
}

/// Of this text, with further arguments.
pub fn check_with(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    check_in(folder.path(), text, arguments, environment)
}

/// The same in a folder that has more than the configuration.
pub fn check_in(folder: &Path, text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let file = folder.join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let all = [&["check", "--config", file.to_str().unwrap()], arguments].concat();
    let data = folder.join("data");
    let store = [("GATEWAY__STORE__PATH", data.to_str().unwrap())];
    let (status, out, err) = run(&all, &[&store, environment].concat());
    assert!(!data.exists(), "a check makes no folder");
    // A document alone on standard output is one for programs.
    Said { status, text: if arguments.contains(&"--json") { out } else { out + &err } }
}

pub fn check(text: &str) -> Said {
    check_with(text, &[], &[])
}

/// The status and the document.
pub fn check_json(text: &str, environment: &[(&str, &str)]) -> (i32, Value) {
    let said = check_with(text, &["--json"], environment);
    (said.status, serde_json::from_str(&said.text).unwrap_or_else(|fault| panic!("{fault}: {}", said.text)))
}

impl Said {
    /// Its warnings, each without the word before it.
    pub fn warnings(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
    }

    #[track_caller]
    pub fn is(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{}", self.text);
        for words in words {
            assert!(self.text.contains(words), "lacks {words}:\n{}", self.text);
        }
    }
}
