//! What the rounds say: figures of a row, ratios of two of the same round, and the verdicts.

use crate::levels::{Level, Who};
use crate::load::Slice;
use crate::race::Row;
use crate::statistics::Spread;
use crate::targets::{Measured, Verdict, judge};

impl Slice {
    /// CPU time of the proxy for each request, in microseconds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu * 1e6 / self.requests as f64
    }

    /// The same of the store that it waits for.
    pub(crate) fn beside_micros(&self) -> f64 {
        self.beside * 1e6 / self.requests as f64
    }

    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// How much of its core the proxy had, in percent.
    pub(crate) fn busy(&self) -> f64 {
        100.0 * self.cpu / self.seconds
    }
}

impl Row {
    /// `None` where it is not there.
    pub(crate) fn spread(&self, figure: impl Fn(&Slice) -> f64) -> Option<Spread> {
        Spread::of(self.slices.as_ref().ok()?.iter().map(figure))
    }

    /// A figure of this row in that of another one, round by round.
    pub(crate) fn ratio(&self, other: &Self, figure: impl Fn(&Slice) -> f64) -> Option<Spread> {
        let (own, other) = (self.slices.as_ref().ok()?, other.slices.as_ref().ok()?);
        Spread::of(own.iter().zip(other).map(|(own, other)| figure(own) / figure(other)))
    }

    pub(crate) fn cpu_ratio(&self, other: Option<&Self>) -> Option<Spread> {
        self.ratio(other?, Slice::cpu_micros)
    }
}

pub(crate) fn find(rows: &[Row], level: Level, who: Who) -> Option<&Row> {
    rows.iter().find(|row| row.level == level && row.who == who)
}

/// Each target of the level; none where the gateway was not measured.
pub(crate) fn verdicts(rows: &[Row], level: Level) -> Vec<Verdict> {
    let Some(own) = find(rows, level, Who::Gateway) else { return Vec::new() };
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    let others = rows.iter().filter(|row| row.level == level && !row.who.is_bare() && row.who != own.who);
    let others = others.filter_map(|row| Some((row.who, row.cpu_ratio(Some(own))?.median)));
    let l3 = find(rows, Level::Limited, Who::Gateway);
    let measured = Measured {
        to_same_built: median(own.cpu_ratio(find(rows, level, Who::SameBuilt))),
        others: others.collect(),
        p99_to_l3: l3.and_then(|l3| median(own.ratio(l3, |slice| f64::from(slice.p99)))),
    };
    judge(level, &measured)
}

/// From slice to slice, how far the bare proxy's own figure wandered, in percent of its median:
/// what is smaller than this between two levels is noise.
pub(crate) fn noise(rows: &[Row]) -> f64 {
    let bare = rows.iter().filter(|row| row.who == Who::SameBuilt);
    let slices = bare.filter_map(|row| row.slices.as_ref().ok()).flatten();
    let cpu = Spread::of(slices.map(Slice::cpu_micros));
    cpu.map_or(0.0, |cpu| 100.0 * (cpu.high - cpu.low) / cpu.median)
}
