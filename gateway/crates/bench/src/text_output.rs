//! What was found, as tables for people.

use super::Outcome;
use super::measured::{Measured, micros};
use super::price::{Cost, Spread};
use super::verdict::Verdict;
use gateway_command::counted;
use gateway_command::terminal::{BAD, COLUMNS, GOOD, UNCLEAR, painted, wrapped};

pub(super) fn print(outcome: &Outcome, verdict: &Verdict) {
    let plan = &outcome.plan;
    let loop_kind = match plan.load.rate {
        Some(rate) => format!("open loop, {rate} requests a second"),
        None => "closed loop".to_owned(),
    };
    let asked = format!(
        "{loop_kind}, {}, {}; {} rounds of {} for each level",
        counted(plan.load.connections.into(), "connection", "connections"),
        counted(plan.users as u64, "user", "users"),
        plan.rounds,
        short(micros(u64::try_from(plan.slice.as_nanos()).unwrap_or(u64::MAX)))
    );
    print!("{}", wrapped("", &asked, COLUMNS));
    let names = || plan.levels.iter().map(|aimed| aimed.level.name.chars().count());
    let width = names().max().unwrap_or(0).max(5);
    println!("\n{:<width$}  what is on", "level");
    for aimed in &plan.levels {
        let told = format!("{}: {}", aimed.level.place, aimed.level.what_is_on);
        print!("{}", wrapped(&format!("{:<width$}  ", aimed.level.name), &told, COLUMNS));
    }
    print_rates(outcome, width);
    print_latencies(outcome, width);
    print_prices(outcome);
    print_histogram(outcome, width);
    let style = if verdict.as_str() == "met" { GOOD } else { BAD };
    anstream::println!("\nverdict  {}", painted(style, &verdict.as_str().replace('_', " ")));
}

fn print_rates(outcome: &Outcome, width: usize) {
    println!("\n{:<width$}  {:>12}  {:>26}", "level", "good answers", "a second (least–most)");
    for (index, (aimed, measured)) in outcome.plan.levels.iter().zip(&outcome.totals).enumerate() {
        let rate = rates(outcome, index);
        let rate =
            rate.map_or("-".to_owned(), |of| format!("{:.0} ({:.0}–{:.0})", of.median, of.low, of.high));
        println!("{:<width$}  {:>12}  {rate:>26}", aimed.level.name, measured.good());
    }
}

fn print_latencies(outcome: &Outcome, width: usize) {
    let line = |name: &str, cells: [String; 6]| {
        println!("{name:<width$}  {}", cells.map(|cell| format!("{cell:>9}")).join(" "));
    };
    println!();
    line("level", ["mean", "p50", "p90", "p99", "p99.9", "max"].map(str::to_owned));
    for (aimed, measured) in outcome.plan.levels.iter().zip(&outcome.totals) {
        let at = |quantile: f64| short(micros(measured.latencies.value_at_quantile(quantile)));
        let (mean, max) =
            (short(measured.latencies.mean() / 1_000.0), short(micros(measured.latencies.max())));
        line(&aimed.level.name, [mean, at(0.5), at(0.9), at(0.99), at(0.999), max]);
    }
}

/// Good answers a second, over the rounds.
pub(super) fn rates(outcome: &Outcome, index: usize) -> Option<Spread> {
    Spread::from_values(outcome.rounds.iter().map(|round| round[index].per_second))
}

fn print_prices(outcome: &Outcome) {
    if outcome.prices.is_empty() {
        return;
    }
    println!("\nthe price: median of the rounds (least–most)");
    for price in &outcome.prices {
        let name = |index: usize| &outcome.plan.levels[index].level.name;
        println!("{} over {}", name(price.of), name(price.over));
        let line = |what: &str, cost: &Cost| {
            let (micros, ratio) = (cost.micros, cost.ratio);
            let range = format!("({} – {})", signed(micros.low), signed(micros.high));
            // Nothing that could be told from the disturbances of the machine.
            let times = if micros.low < 0.0 && micros.high > 0.0 {
                painted(UNCLEAR, "within the noise")
            } else {
                format!("× {:.2} ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high)
            };
            anstream::println!("  {what:<20} {:>9} {range:<21}  {times}", signed(micros.median));
        };
        if let Some(each) = &price.each {
            line("time for each answer", each);
        }
        line("latency, p50", &price.p50);
        line("latency, p99", &price.p99);
    }
}

/// The parts of the good answers, in classes of 1, 2 and 5.
fn print_histogram(outcome: &Outcome, width: usize) {
    let classes = classes(&outcome.totals);
    let counts: Vec<_> =
        outcome.totals.iter().map(|measured| (measured.good(), counts(measured, &classes))).collect();
    print!("\n{:>12}", "latency");
    for aimed in &outcome.plan.levels {
        print!("  {:>width$}", aimed.level.name);
    }
    println!();
    for (index, high) in classes.iter().enumerate() {
        print!("{:>12}", format!("≤ {}", short(micros(*high))));
        for (good, counts) in &counts {
            let part = counts[index] as f64 / (*good).max(1) as f64;
            print!("  {:>width$}", format!("{:.2} %", part * 100.0));
        }
        println!();
    }
}

/// The upper ends, in nanoseconds, from that of the least latency to that of the greatest.
pub(super) fn classes(tallies: &[Measured]) -> Vec<u64> {
    let some = || tallies.iter().filter(|measured| measured.good() > 0);
    let Some(least) = some().map(|measured| measured.latencies.min()).min() else { return Vec::new() };
    let most = some().map(|measured| measured.latencies.max()).max().unwrap_or(least);
    let ends = (3..18).flat_map(|digits| [1, 2, 5].map(|first| first * 10_u64.pow(digits)));
    let mut classes: Vec<_> = ends.skip_while(|end| *end < least).collect();
    let last = classes.iter().position(|end| *end >= most).unwrap_or(classes.len() - 1);
    classes.truncate(last + 1);
    classes
}

/// The good answers of each class; each is in one of them.
pub(super) fn counts(measured: &Measured, classes: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; classes.len()];
    for recorded in measured.latencies.iter_recorded() {
        // What is recorded has three figures, and may end a little above the end of a class.
        let value = measured.latencies.lowest_equivalent(recorded.value_iterated_to());
        let class = classes.partition_point(|end| *end < value).min(classes.len().saturating_sub(1));
        if let Some(count) = counts.get_mut(class) {
            *count += recorded.count_since_last_iteration();
        }
    }
    counts
}

/// Three figures and a unit.
pub(super) fn short(micros: f64) -> String {
    let (value, unit) = match micros.abs() {
        below if below < 999.5 => (micros, "µs"),
        below if below < 999_500.0 => (micros / 1_000.0, "ms"),
        _ => (micros / 1_000_000.0, "s"),
    };
    let digits = if value.abs() < 9.995 { 2 } else { usize::from(value.abs() < 99.95) };
    format!("{value:.digits$} {unit}")
}

fn signed(micros: f64) -> String {
    format!("{}{}", if micros >= 0.0 { "+" } else { "" }, short(micros))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_answer_is_in_one_class() {
        let mut measured = Measured::new();
        for micros in [3, 4, 999, 1_000, 1_001, 1_999, 2_000, 7_000, 40_000] {
            measured.record(Ok(200), Duration::from_micros(micros));
        }
        let classes = classes(std::slice::from_ref(&measured));
        assert_eq!((classes[0], classes[classes.len() - 1]), (5_000, 50_000_000));
        let counts = counts(&measured, &classes);
        assert_eq!(counts, [2, 0, 0, 0, 0, 0, 0, 2, 3, 0, 1, 0, 1]);
        assert_eq!(counts.iter().sum::<u64>(), measured.good());
    }

    #[test]
    fn a_time_is_shown_with_three_figures() {
        let shown = [0.5, 12.34, 500.2, 999.9, 1_234.0, 56_789.0, 2_000_000.0, -3.0].map(short);
        assert_eq!(
            shown,
            ["0.50 µs", "12.3 µs", "500 µs", "1.00 ms", "1.23 ms", "56.8 ms", "2.00 s", "-3.00 µs"]
        );
    }
}
