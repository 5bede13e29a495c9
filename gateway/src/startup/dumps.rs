//! Who may read this process' memory, in which are keys and passwords: nobody but root, unless it is
//! asked for.

use rlimit::Resource;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// No core dump, and no process of the same user that traces this one or reads its memory and its
/// environment. To be called first of all: a program that was just executed can be read.
pub(crate) fn forbid() -> std::io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // The hard limit stays, so that a configuration that allows them can be taken over.
    let (_, hard) = rlimit::getrlimit(Resource::CORE)?;
    rlimit::setrlimit(Resource::CORE, 0, hard)
}

/// As large as whoever started this process allows.
pub(crate) fn allow() -> std::io::Result<()> {
    let (_, hard) = rlimit::getrlimit(Resource::CORE)?;
    rlimit::setrlimit(Resource::CORE, hard, hard)?;
    Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?)
}
