//! This machine, and the tools on it, as far as counts depend on them.

use std::process::Command;

use crate::baseline::Place;

pub(crate) fn place() -> Result<Place, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    Ok(Place { machine: machine(), rustc: version(&rustc)?, valgrind: version("valgrind")? })
}

/// The kind of machine: between two kinds, counts say nothing.
#[cfg(target_arch = "x86_64")]
pub(crate) fn machine() -> String {
    let vectors = if std::arch::is_x86_feature_detected!("avx2") { "avx2" } else { "no avx2" };
    format!("x86_64 {} {vectors}", std::env::consts::OS)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn machine() -> String {
    format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The first word with a digit in what a program says of its version.
fn version(program: &str) -> Result<String, String> {
    let output = Command::new(program).arg("--version").output().map_err(|why| {
        format!("{program} cannot be started ({why}): `./dev tools` installs what is needed")
    })?;
    let told = String::from_utf8_lossy(&output.stdout);
    let word =
        told.split([' ', '-', '\n']).find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    word.map(str::to_owned).ok_or_else(|| format!("{program} does not say its version: {told}"))
}
