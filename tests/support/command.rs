//! The binary under test as a command: run to its end, or started by who follows it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Another binary than the one under test, for who only wants to look. No test sets it.
pub static LOOKED_AT: OnceLock<PathBuf> = OnceLock::new();

/// The binary under test, with an empty environment.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("RUST_BACKTRACE", "0");
    command
}

pub(super) fn binary() -> PathBuf {
    LOOKED_AT.get().cloned().unwrap_or_else(|| env!("CARGO_BIN_EXE_gateway").into())
}

/// Runs a command of the binary to its end: status, standard output, standard error.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = command();
    command.args(arguments).envs(environment.iter().copied());
    finish(command)
}

/// `gateway check` on this text: the status, and what it said.
pub fn check(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let (path, data) = (folder.path().join("gateway.toml"), folder.path().join("data"));
    std::fs::write(&path, text).unwrap();
    let store = ("GATEWAY__STORE__PATH", data.to_str().unwrap());
    let (status, out, err) = run(&["check", "--config", path.to_str().unwrap()], &[store]);
    (status, out + &err)
}

/// The same of a command that is made already.
pub fn finish(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}
