//! What one level costs over another: differences and ratios of slices of the same round, which
//! lie beside each other in time, so that what disturbs the machine disturbs both.

use super::level::Kind;
use super::measured::Summary;
use super::slice::Aimed;

/// Of all rounds the one in the middle, the least, and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Spread {
    /// `None` of nothing, or of what is no number.
    pub(super) fn from_values(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let (middle, last) = (values.len() / 2, values.len() - 1);
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, low: values[0], high: values[last] })
    }
}

/// A difference in microseconds, and the ratio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) micros: Spread,
    pub(super) ratio: Spread,
}

pub(super) struct Price {
    /// Indices of the levels.
    pub(super) of: usize,
    pub(super) over: usize,
    pub(super) p50: Cost,
    pub(super) mean: Cost,
    pub(super) p99: Cost,
    /// Of the time that passes for each answer, at saturation: a closed loop's only.
    pub(super) each: Option<Cost>,
}

/// Each level over the service itself, and each with a token over the public one. Those without
/// good answers in each round are left out.
pub(super) fn prices(levels: &[Aimed], rounds: &[Vec<Summary>], is_closed: bool) -> Vec<Price> {
    let first = |kind: Kind| levels.iter().position(|aimed| aimed.level.kind == kind);
    let mut pairs = Vec::new();
    for (of, aimed) in levels.iter().enumerate() {
        let base = match aimed.level.kind {
            Kind::Direct => [None, None],
            Kind::Public => [first(Kind::Direct), None],
            Kind::Verified => [first(Kind::Direct), first(Kind::Public)],
        };
        pairs.extend(base.into_iter().flatten().map(|over| (of, over)));
    }
    // Against nothing else, the first with a token is the measure of the others.
    if pairs.is_empty() {
        pairs.extend((1..levels.len()).map(|of| (of, 0)));
    }
    pairs.into_iter().filter_map(|(of, over)| price(of, over, rounds, is_closed)).collect()
}

fn price(of: usize, over: usize, rounds: &[Vec<Summary>], is_closed: bool) -> Option<Price> {
    let cost = |measure: &dyn Fn(&Summary) -> f64| {
        let pairs = || rounds.iter().map(|round| (measure(&round[of]), measure(&round[over])));
        Some(Cost {
            micros: Spread::from_values(pairs().map(|(of, over)| of - over))?,
            ratio: Spread::from_values(pairs().map(|(of, over)| of / over))?,
        })
    };
    if rounds.iter().any(|round| round[of].good == 0 || round[over].good == 0) {
        return None;
    }
    Some(Price {
        of,
        over,
        p50: cost(&|slice| slice.p50)?,
        mean: cost(&|slice| slice.mean)?,
        p99: cost(&|slice| slice.p99)?,
        each: if is_closed { Some(cost(&|slice| 1_000_000.0 / slice.per_second)?) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::measured::Measured;
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        let of = |values: &[f64]| Spread::from_values(values.iter().copied());
        assert_eq!(of(&[3.0, 1.0, 9.0]), Some(Spread { median: 3.0, low: 1.0, high: 9.0 }));
        assert_eq!(of(&[4.0, 1.0]), Some(Spread { median: 2.5, low: 1.0, high: 4.0 }));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn a_price_is_taken_within_a_round_and_not_across_them() {
        let measured = |micros: u64| {
            let mut measured = Measured::new();
            (0..10).for_each(|_| measured.record(Ok(200), Duration::from_micros(micros)));
            measured.elapsed = Duration::from_micros(micros * 10);
            measured.summary()
        };
        // The machine is twice as slow in the second round; the price is 500 µs in both.
        let rounds = [
            vec![measured(100), measured(600)],
            vec![measured(200), measured(700)],
            vec![measured(100), measured(600)],
        ];
        let price = price(1, 0, &rounds, true).unwrap();
        for cost in [price.p50, price.mean, price.p99, price.each.unwrap()] {
            for micros in [cost.micros.low, cost.micros.median, cost.micros.high] {
                assert!((micros - 500.0).abs() < 1.0, "{micros}");
            }
            assert!((cost.ratio.median - 6.0).abs() < 0.02 && (cost.ratio.low - 3.5).abs() < 0.02);
        }
    }
}
