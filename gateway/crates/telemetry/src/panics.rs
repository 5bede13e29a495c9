//! What is written of a panic: one line of the log as any other, without a path of the machine that
//! built the gateway.

use std::panic::PanicHookInfo;

use super::log;

/// Has panics written to the log, in place of lines of their own form between its lines.
pub(super) fn log_them() {
    std::panic::set_hook(Box::new(write));
}

fn write(panic: &PanicHookInfo<'_>) {
    let said = panic.payload();
    let said = said.downcast_ref::<&str>().copied().or(said.downcast_ref::<String>().map(String::as_str));
    let thread = std::thread::current();
    let at = panic.location().map(|at| format!("{}:{}", source(at.file()), at.line()));
    tracing::error!(
        panic = said.unwrap_or_default(),
        at = at.unwrap_or_default(),
        thread = thread.name().unwrap_or_default(),
        "a defect of the gateway: please report this line; whatever this thread did has ended"
    );
    // With this one the process ends, and nobody else would wait for the line.
    if thread.name() == Some("main") {
        log::end();
    }
}

/// The file from the name of its crate on.
fn source(file: &str) -> &str {
    let below = |folder: &str| file.split_once(folder).map(|(_, below)| below);
    // `registry/src` holds a folder for each registry, and in it the crates.
    match below("/registry/src/") {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, from_crate)| from_crate),
        None => below("/library/").unwrap_or(file),
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn a_panic_is_placed_by_crate_and_file_and_not_by_a_path_of_the_machine_that_built_it() {
        for (file, shown) in [
            ("gateway/src/edge/gateway.rs", "gateway/src/edge/gateway.rs"),
            ("/home/a/.cargo/registry/src/registry-1f/sled-0.34.7/src/arc.rs", "sled-0.34.7/src/arc.rs"),
            (
                "/home/a/.rustup/toolchains/1.95/lib/rustlib/src/rust/library/core/src/str.rs",
                "core/src/str.rs",
            ),
            ("/rustc/59807616/library/core/src/str.rs", "core/src/str.rs"),
        ] {
            assert_eq!(source(file), shown);
        }
    }
}
