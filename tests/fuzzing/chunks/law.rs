//! What must hold of all readers of one body, and for how many cases it was seen to hold.

use super::bodies::Case;
use super::readers::{Reader, Reading, Side, quoted};
use super::tally::Tally;
use crate::fuzzing::campaign::Campaign;

const BATCH: u64 = 64;

/// A case in which the law does not hold.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) seed: u64,
    why: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}\nto see it again: FUZZ_SEED={}", self.why, self.seed)
    }
}

/// Reads case after case with ours and with the others, as long as the campaign goes on.
pub(super) fn hold(
    side: Side,
    ours: impl Fn(&Case) -> Reading,
    others: &mut [&mut dyn Reader],
    mut campaign: Campaign,
) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    loop {
        let cases: Vec<Case> = campaign.batch(BATCH).into_iter().map(Case::new).collect();
        if cases.is_empty() {
            return Ok(tally);
        }
        let mut readings: Vec<Vec<(&'static str, Reading)>> = cases.iter().map(|_| Vec::new()).collect();
        for other in &mut *others {
            let share = other.reads_one_of();
            let its: Vec<&Case> = cases.iter().step_by(share).collect();
            let read = other.read(side, &its);
            for (all, reading) in readings.iter_mut().step_by(share).zip(read) {
                all.push((other.name(), reading));
            }
        }
        for (case, others) in cases.iter().zip(readings) {
            let ours = ours(case);
            if let Err(fault) = judge(case, &ours, &others) {
                let others: Vec<_> =
                    others.iter().map(|(name, reading)| format!("\n{name}: {reading:?}")).collect();
                let bytes = quoted(&case.bytes);
                let why =
                    format!("{fault}: {bytes}, cut at {:?}\nours: {ours:?}{}", case.cuts, others.concat());
                return Err(Broken { seed: case.seed, why });
            }
            tally.count(&ours, &others);
        }
    }
}

fn judge(case: &Case, ours: &Reading, others: &[(&'static str, Reading)]) -> Result<(), String> {
    let Reading::Whole { content, end } = ours else {
        return match case.good {
            Some(_) => Err("a good body is not taken".to_owned()),
            None => Ok(()),
        };
    };
    if case.good.as_ref().is_some_and(|(good, good_end)| (good, good_end) != (content, end)) {
        return Err("a good body is read wrongly".to_owned());
    }
    // From which follows that what two others read differently is not taken.
    let differs = |(_, other): &&(_, Reading)| matches!(other, Reading::Whole { .. }) && other != ours;
    if let Some((name, _)) = others.iter().find(differs) {
        return Err(format!("{name} takes it for another body"));
    }
    if others.iter().any(|(_, other)| other == ours) {
        return Ok(());
    }
    // No exceptions are known. One would stand here, with its reason.
    Err("nobody else takes it".to_owned())
}
