//! A store that leaves as a file, and becomes another one.

use std::path::{Path, PathBuf};

use super::gateway::{Gateway, run};

/// What this gateway has, as a file beside its data; it is stopped for that.
pub fn exported(gateway: &mut Gateway) -> PathBuf {
    gateway.terminate();
    let (status, out, said) = run(&["store", "export", "--data", gateway.data.to_str().unwrap()], &[]);
    assert_eq!(status, 0, "{said}");
    let file = gateway.data.with_extension("jsonl");
    std::fs::write(&file, out).unwrap();
    file
}

/// A new store in `data` from that file; answers what was said.
pub fn imported(data: &Path, file: &Path, more: &[&str]) -> String {
    let arguments = ["store", "import", "--data", data.to_str().unwrap(), file.to_str().unwrap()];
    let (status, _, said) = run(&[&arguments, more].concat(), &[]);
    assert_eq!(status, 0, "{said}");
    said
}
