//! How far a long import is: one line that changes on a terminal, and now and then a line elsewhere.

use std::io::{IsTerminal as _, Write as _};

/// So often it is said.
const STEP: usize = 10_000;

pub(super) struct Progress {
    on_terminal: bool,
    /// What was said last, in steps.
    said: usize,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal(), said: 0 }
    }

    /// So much of it is done, as in `30000 lines read`.
    pub(super) fn tell(&mut self, count: usize, done: &str) {
        if count / STEP != self.said {
            self.said = count / STEP;
            let line = format!("{count} {done}");
            self.write(&line);
        }
    }

    /// What comes next counts from nought, and the line is in nobody's way any more.
    pub(super) fn end(&mut self) {
        if self.said > 0 && self.on_terminal {
            self.write("");
        }
        self.said = 0;
    }

    fn write(&self, line: &str) {
        let (before, after) = if self.on_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        // Somebody who closed the terminal is no reason to stop.
        let _ = write!(std::io::stderr(), "{before}{line}{after}");
    }
}
