//! What is said while it runs: one line on a terminal, and nothing elsewhere.

use std::io::{IsTerminal as _, Write as _};

use super::plan::Plan;
use gateway_clock::Stopwatch;
use gateway_command::counted;

pub(super) struct Progress {
    rounds: u32,
    shown: bool,
    /// What is measured now.
    slice: String,
    since: Stopwatch,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let shown = std::io::stderr().is_terminal();
        if shown {
            let levels = u32::try_from(plan.levels.len()).unwrap_or(u32::MAX);
            let planned = plan.slice * plan.rounds * levels;
            let (levels, seconds) = (counted(levels.into(), "level", "levels"), planned.as_secs().max(1));
            eprintln!("{levels} in {} rounds: about {seconds} s", plan.rounds);
        }
        Self { rounds: plan.rounds, shown, slice: String::new(), since: Stopwatch::start() }
    }

    /// Round 0 is the warm-up.
    pub(super) fn begin(&mut self, round: u32, level: &str) {
        let stage =
            if round == 0 { "warm-up".to_owned() } else { format!("round {round} of {}", self.rounds) };
        self.slice = format!("{stage}: {level}");
        self.since = Stopwatch::start();
        self.show(&self.slice);
    }

    pub(super) fn tick(&self, answered: u64) {
        let rate = answered as f64 / self.since.elapsed().as_secs_f64();
        self.show(&format!("{}, about {rate:.0} answers a second", self.slice));
    }

    /// The line is in nobody's way any more.
    pub(super) fn end(&self) {
        self.show("");
    }

    fn show(&self, line: &str) {
        if self.shown {
            // Somebody who closed the terminal is no reason to stop.
            write!(std::io::stderr(), "\r\x1b[K{line}").ok();
        }
    }
}
