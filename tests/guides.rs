//! The guides are true: each is followed from top to bottom, with the real programs, and each
//! configuration that the documentation calls complete is one that starts.

mod followed;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::files_below;
use crate::support::gateway::Setup;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A fenced block of a page: its words after the fence, and its text.
struct Block {
    words: Vec<String>,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => {
                let words = words.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { words, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// Each whole configuration of the documentation: where it stands, and its text.
pub(crate) fn complete() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in ["docs", "conf"].into_iter().flat_map(|folder| files_below(&project().join(folder))) {
        let (name, text) = (file.display().to_string(), || std::fs::read_to_string(&file).unwrap());
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => found.push((name, text())),
            Some("md") => found.extend(
                blocks(&text())
                    .into_iter()
                    .filter(|block| block.words.starts_with(&["toml".to_owned(), "complete".to_owned()]))
                    .map(|block| (format!("{name}: {}", block.words.join(" ")), block.text)),
            ),
            _ => {}
        }
    }
    found
}

#[test]
fn each_complete_configuration_can_be_started() {
    let complete = complete();
    assert!(complete.len() >= 8, "{}", complete.len());
    for (place, text) in complete {
        // What lies outside of this machine is replaced: a Redis that is away, and folders of the system.
        let mut gateway = Setup::new(&text).env("GATEWAY__REDIS__URL", "").start();
        assert_eq!(gateway.client().get("/api/auth/profile").send().status, 401, "{place}");
        assert_eq!(gateway.terminate().code(), Some(0), "{place}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, &text).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_gateway"));
        let output = check.env_clear().arg("check").arg("--config").arg(&file).output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
