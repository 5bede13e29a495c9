//! Valgrind's callgrind: this program once more, under it, and the count out of what it wrote.

use std::process::Command;

use crate::profile::instructions;
use crate::scenarios::CALLS;

/// Instructions for one call of a scenario.
pub(crate) fn count(scenario: &str) -> Result<u64, String> {
    let this = std::env::current_exe().map_err(|why| format!("this program does not find itself: {why}"))?;
    let out = std::env::temp_dir().join(format!("instructions-{}.out", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_calls*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(this)
        .args(["run", scenario])
        .output()
        .map_err(|why| format!("valgrind cannot be started ({why}): `./dev tools` installs it"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("`{scenario}` failed under valgrind ({}):\n{told}", output.status));
    }
    let written = std::fs::read_to_string(&out).map_err(|why| format!("{}: {why}", out.display()))?;
    std::fs::remove_file(&out).ok();
    match instructions(&written) {
        Some(total) if total > 0 => Ok(total / CALLS),
        _ => Err(format!("valgrind counted nothing of `{scenario}`: is `counted_calls` gone?\n{told}")),
    }
}
