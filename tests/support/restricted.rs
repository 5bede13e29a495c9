//! The binary under test with less than the tests themselves have.

use std::path::Path;
use std::process::Command;

use super::command::{binary, command};

/// With a limit of file descriptors that it cannot raise.
pub(super) fn with_descriptors(max: u32) -> Command {
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("RUST_BACKTRACE", "0");
    command.arg("-c").arg(format!("ulimit -n {max} && exec \"$0\" \"$@\"")).arg(binary());
    command
}

/// By a user without any rights, who owns this folder and has a copy of the binary in it: the
/// way to the binary itself may be closed to others.
pub fn as_nobody(folder: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return command();
    }
    let copy = folder.join("gateway");
    std::fs::copy(binary(), &copy).unwrap();
    std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(copy);
    command.env_clear().env("RUST_BACKTRACE", "0").uid(NOBODY).gid(NOBODY);
    command
}
