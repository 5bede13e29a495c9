//! Whether it is as it should be, and how the command ends.

use std::time::Duration;

use super::Outcome;
use super::explain::bad_answers;
use super::level::{Kind, Level};
use super::measured::{Measured, micros};
use super::text_output::short;
use gateway_command::Failure;
use gateway_command::terminal::{BAD, painted};

pub(super) struct Verdict {
    /// Answers that were none of 2xx.
    pub(super) bad: Vec<String>,
    /// Thresholds that were missed.
    pub(super) missed: Vec<String>,
}

pub(super) fn judge(outcome: &Outcome, p99_max: Option<Duration>, price_max: Option<Duration>) -> Verdict {
    let levels = || outcome.plan.levels.iter().map(|aimed| &aimed.level).zip(&outcome.totals);
    let bad = levels().flat_map(|(level, measured)| bad_answers(level, measured)).collect();
    let mut missed = Vec::new();
    for (level, measured) in levels().filter(|(level, _)| level.kind != Kind::Direct) {
        let p99 = measured.latencies.value_at_quantile(0.99);
        if let Some(max) = p99_max.filter(|max| u128::from(p99) > max.as_nanos()) {
            missed.push(format!(
                "{}: the 99th percentile is {}, and --max-p99 allows {max:?}",
                level.name,
                short(micros(p99))
            ));
        }
    }
    let Some(max) = price_max else { return Verdict { bad, missed } };
    let kind = |index: usize| outcome.plan.levels[index].level.kind;
    let public = outcome.prices.iter().any(|price| kind(price.over) == Kind::Public);
    let base = if public { Kind::Public } else { Kind::Direct };
    let mut priced = false;
    for price in
        outcome.prices.iter().filter(|price| kind(price.of) == Kind::Verified && kind(price.over) == base)
    {
        priced = true;
        let cost = price.p50.micros.median;
        if cost * 1_000.0 > max.as_nanos() as f64 {
            let name = |index: usize| &outcome.plan.levels[index].level.name;
            missed.push(format!(
                "{} over {}: the price is {}, and --max-price allows {max:?}",
                name(price.of),
                name(price.over),
                short(cost)
            ));
        }
    }
    if !priced {
        missed.push("--max-price has nothing to be held against: it needs a protected level, and a public one or the service itself".to_owned());
    }
    Verdict { bad, missed }
}

/// Not one good answer: there is nothing to measure.
pub(super) fn hopeless(level: &Level, measured: &Measured) -> Failure {
    for bad in bad_answers(level, measured) {
        anstream::eprintln!("{} {bad}", painted(BAD, "bad answers:"));
    }
    Failure::Other(format!(
        "{} ({}) had no answer of 2xx in its warm-up, so nothing was measured",
        level.name, level.place
    ))
}

impl Verdict {
    pub(super) fn as_str(&self) -> &'static str {
        match (self.bad.is_empty(), self.missed.is_empty()) {
            (false, _) => "bad_answers",
            (true, false) => "missed",
            (true, true) => "met",
        }
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        for bad in &self.bad {
            anstream::eprintln!("{} {bad}", painted(BAD, "bad answers:"));
        }
        if !self.bad.is_empty() {
            for missed in &self.missed {
                anstream::eprintln!("{} {missed}", painted(BAD, "no:"));
            }
            return Err(Failure::Other(
                "not all answers were 2xx: the figures are of the others alone".to_owned(),
            ));
        }
        if self.missed.is_empty() { Ok(()) } else { Err(Failure::Verdict(self.missed)) }
    }
}
