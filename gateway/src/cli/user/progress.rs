//! How far a long import is: one line that changes on a terminal, and now and then a line elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use gateway_clock::Stopwatch;

/// So often it is said.
const STEP: usize = 10_000;

pub(super) struct Progress {
    on_terminal: bool,
    /// What was said last, in steps.
    said: usize,
    since: Stopwatch,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal(), said: 0, since: Stopwatch::start() }
    }

    /// So much is done, as in `30000 lines read`, and that is this part of all, where that is known.
    pub(super) fn report(&mut self, count: usize, done: &str, part: Option<f64>) {
        if count / STEP != self.said {
            self.said = count / STEP;
            let line = line(count, done, part, self.since.elapsed());
            self.write(&line);
        }
    }

    /// What comes next counts from nought, and the line is in nobody's way any more.
    pub(super) fn end(&mut self) {
        if self.said > 0 && self.on_terminal {
            self.write("");
        }
        (self.said, self.since) = (0, Stopwatch::start());
    }

    fn write(&self, line: &str) {
        let (before, after) = if self.on_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        // Somebody who closed the terminal is no reason to stop.
        write!(std::io::stderr(), "{before}{line}{after}").ok();
    }
}

fn line(count: usize, done: &str, part: Option<f64>, elapsed: Duration) -> String {
    let Some(part) = part.filter(|part| *part > 0.0) else { return format!("{count} {done}") };
    let line = format!("{count} {done}, {:.0} %", (part.min(1.0) * 100.0).floor());
    if part >= 1.0 {
        return line;
    }
    let left = elapsed.mul_f64((1.0 - part) / part).as_secs() + 1;
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!("{line}, about {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_it_took() {
        let of = |part, seconds| line(5, "lines read", part, Duration::from_secs(seconds));
        assert_eq!(of(Some(0.25), 10), "5 lines read, 25 %, about 31 s left");
        assert_eq!(of(Some(0.259), 100), "5 lines read, 25 %, about 5 min left");
        assert_eq!(of(Some(1.0), 10), "5 lines read, 100 %");
        assert_eq!(of(None, 10), "5 lines read");
        assert_eq!(of(Some(0.0), 10), "5 lines read");
    }
}
