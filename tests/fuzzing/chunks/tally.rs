//! How many cases were read, and what was made of them.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use super::readers::Reading;

#[derive(Default)]
pub(super) struct Tally {
    ours: Counts,
    others: BTreeMap<&'static str, Counts>,
    /// What we do not take and all others who read it do, by our reason.
    stricter: BTreeMap<String, usize>,
    /// What two others take for different bodies.
    disputed: usize,
}

#[derive(Default)]
struct Counts {
    whole: usize,
    incomplete: usize,
    refused: usize,
    /// Taken as a whole body, and not by us.
    beyond_ours: usize,
}

impl Counts {
    fn count(&mut self, reading: &Reading, ours: &Reading) {
        match reading {
            Reading::Whole { .. } => self.whole += 1,
            Reading::Incomplete => self.incomplete += 1,
            Reading::Refused(_) => self.refused += 1,
        }
        if is_whole(reading) && !is_whole(ours) {
            self.beyond_ours += 1;
        }
    }
}

impl Tally {
    pub(super) fn count(&mut self, ours: &Reading, others: &[(&'static str, Reading)]) {
        self.ours.count(ours, ours);
        for (name, reading) in others {
            self.others.entry(name).or_default().count(reading, ours);
        }
        let mut wholes = others.iter().map(|(_, reading)| reading).filter(|reading| is_whole(reading));
        if wholes.clone().count() == others.len() && !is_whole(ours) {
            let reason = match ours {
                Reading::Refused(reason) => reason,
                _ => "it is not at its end",
            };
            *self.stricter.entry(reason.to_owned()).or_default() += 1;
        }
        if let Some(first) = wholes.next()
            && wholes.any(|other| other != first)
        {
            self.disputed += 1;
        }
    }

    /// Whether there was something to be told of both kinds.
    pub(super) fn says_something(&self) -> bool {
        self.ours.whole > 0 && self.ours.refused > 0 && self.others.values().all(|other| other.whole > 0)
    }
}

impl Display for Tally {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        writeln!(
            out,
            "{:8} {:>9} {:>9} {:>10} {:>9} {:>12}",
            "", "read", "whole", "incomplete", "refused", "beyond ours"
        )?;
        for (name, counts) in std::iter::once(("ours", &self.ours))
            .chain(self.others.iter().map(|(name, counts)| (*name, counts)))
        {
            let Counts { whole, incomplete, refused, beyond_ours } = counts;
            let read = whole + incomplete + refused;
            writeln!(out, "{name:8} {read:>9} {whole:>9} {incomplete:>10} {refused:>9} {beyond_ours:>12}")?;
        }
        writeln!(out, "Taken by all others and not by us: {}", self.stricter.values().sum::<usize>())?;
        for (reason, count) in &self.stricter {
            writeln!(out, "{count:>9}  {reason}")?;
        }
        writeln!(out, "Taken for different bodies by others, and not by us: {}", self.disputed)
    }
}

fn is_whole(reading: &Reading) -> bool {
    matches!(reading, Reading::Whole { .. })
}
