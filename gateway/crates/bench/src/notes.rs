//! What must be known to read the figures: where the generator itself was the limit.

use super::Outcome;
use super::level::Level;
use super::measured::Measured;
use gateway_command::counted;

/// From this part of its time on, a thread of ours is taken for the bottleneck.
const BUSY: f64 = 0.9;
/// From this part of its time on, that a thread of ours has no core can be seen in the figures.
const STARVED: f64 = 0.1;
/// In an open loop, more than this part of requests without a free connection is a queue.
const QUEUED: f64 = 0.01;

pub(super) fn after(outcome: &Outcome) -> Vec<String> {
    let levels = outcome.plan.levels.iter().zip(&outcome.totals);
    let of_levels =
        levels.flat_map(|(aimed, measured)| of_level(&aimed.level, measured, outcome.plan.load.rate));
    let slow = cfg!(debug_assertions).then(|| {
        "this program was built without optimisation, and may be the limit: `./dev release` builds one to measure with"
            .to_owned()
    });
    slow.into_iter().chain(of_levels).collect()
}

fn of_level(level: &Level, measured: &Measured, rate: Option<f64>) -> Vec<String> {
    let name = &level.name;
    let mut notes = Vec::new();
    if measured.busy >= BUSY {
        notes.push(format!(
            "{name}: a thread that makes the requests was busy for {:.0} % of a slice: the generator is the limit here, so that the level can do more than is shown; use more --threads, or another machine",
            measured.busy * 100.0
        ));
    }
    if measured.starved >= STARVED {
        notes.push(format!(
            "{name}: a thread that makes the requests had to wait for a core for {:.0} % of a slice: something else takes them, the service or the gateway on this machine perhaps; latencies have that in them",
            measured.starved * 100.0
        ));
    }
    let late = measured.late.value_at_quantile(0.99);
    if late > measured.latencies.value_at_quantile(0.5) / 2 && !measured.late.is_empty() {
        notes.push(format!(
            "{name}: the generator sent 1 % of the requests {:.0} µs or more after they were due; latencies have that in them",
            late as f64 / 1_000.0
        ));
    }
    let requests = measured.requests().max(1) as f64;
    if measured.queued as f64 / requests > QUEUED {
        notes.push(format!(
            "{name}: {:.1} % of the requests found no free connection when they were due, and latencies have the wait in them: more --connections, or more than the level can do",
            measured.queued as f64 / requests * 100.0
        ));
    }
    if let Some(rate) = rate {
        let reached = measured.requests() as f64 / measured.elapsed.as_secs_f64().max(1e-9);
        if reached < rate * 0.97 {
            notes.push(format!("{name}: {reached:.0} requests a second were made instead of {rate}"));
        }
    }
    if measured.reopened > 0 {
        notes.push(format!(
            "{name}: connections had to be opened again {}; latencies have that in them",
            counted(measured.reopened, "time", "times")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::level::Kind;
    use super::super::place::Place;
    use super::*;

    /// Of a slice of a second with ten good answers, changed by `change`.
    fn notes(rate: Option<f64>, change: impl FnOnce(&mut Measured)) -> String {
        let place = Place::parse("http://127.0.0.1/").unwrap();
        let level = Level::new("one".to_owned(), Kind::Public, place, None, None, String::new()).unwrap();
        let mut measured = Measured::new();
        measured.elapsed = Duration::from_secs(1);
        (0..10).for_each(|_| measured.record(Ok(200), Duration::from_millis(1)));
        change(&mut measured);
        of_level(&level, &measured, rate).join("; ")
    }

    #[test]
    fn whatever_the_generator_could_not_do_is_said_and_nothing_else() {
        assert_eq!(notes(None, |_| ()), "");
        assert_eq!(notes(Some(10.0), |measured| measured.was_late(Duration::from_micros(400))), "");
        assert!(notes(None, |measured| measured.busy = 0.95).contains("busy for 95 %"));
        assert!(notes(None, |measured| measured.starved = 0.2).contains("wait for a core for 20 %"));
        assert!(
            notes(None, |measured| measured.was_late(Duration::from_micros(600)))
                .contains("after they were due")
        );
        assert!(notes(None, |measured| measured.queued = 5).contains("50.0 % of the requests found no free"));
        assert!(notes(Some(11.0), |_| ()).contains("10 requests a second were made instead of 11"));
        assert!(notes(None, |measured| measured.reopened = 1).contains("opened again 1 time;"));
    }
}
