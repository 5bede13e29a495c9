//! What was found, as one JSON document; docs/bench.md names its members.

use serde_json::{Map, Value, json};

use super::Outcome;
use super::level::Kind;
use super::measured::micros;
use super::price::{Cost, Price, Spread};
use super::text_output::{classes, counts, rates};
use super::verdict::Verdict;

pub(super) fn print(outcome: &Outcome, notes: &[String], verdict: &Verdict) {
    let plan = &outcome.plan;
    let told = json!({
        "loop": if plan.load.rate.is_some() { "open" } else { "closed" },
        "rate": plan.load.rate,
        "connections": plan.load.connections,
        "threads": plan.load.threads,
        "users": plan.users,
        "rounds": plan.rounds,
        "slice_seconds": plan.slice.as_secs_f64(),
        "levels": (0..plan.levels.len()).map(|index| level(outcome, index)).collect::<Vec<_>>(),
        "prices": outcome.prices.iter().map(|one| price(outcome, one)).collect::<Vec<_>>(),
        "notes": plan.notes.iter().chain(notes).collect::<Vec<_>>(),
        "bad_answers": verdict.bad,
        "missed": verdict.missed,
        "verdict": verdict.as_str(),
    });
    println!("{told}");
}

fn level(outcome: &Outcome, index: usize) -> Value {
    let (level, measured) = (&outcome.plan.levels[index].level, &outcome.totals[index]);
    let statuses: Map<String, Value> =
        measured.statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
    let failures: Map<String, Value> =
        measured.failures.iter().map(|(failed, count)| (failed.name().to_owned(), json!(count))).collect();
    let at = |quantile: f64| micros(measured.latencies.value_at_quantile(quantile));
    let classes = classes(std::slice::from_ref(measured));
    let counted = counts(measured, &classes);
    let histogram =
        classes.iter().zip(counted).map(|(high, count)| json!({ "up_to_us": micros(*high), "count": count }));
    json!({
        "name": level.name,
        "kind": match level.kind { Kind::Direct => "direct", Kind::Public => "public", Kind::Verified => "verified" },
        "url": level.place.to_string(),
        "what_is_on": level.what_is_on,
        "requests": measured.requests(),
        "good": measured.good(),
        "statuses": statuses,
        "failures": failures,
        "per_second": rates(outcome, index).map(spread),
        "latency_us": {
            "min": micros(measured.latencies.min()),
            "mean": measured.latencies.mean() / 1_000.0,
            "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99_9": at(0.999),
            "max": micros(measured.latencies.max()),
        },
        "histogram": histogram.collect::<Vec<_>>(),
        "generator": {
            "busy": measured.busy,
            "starved": measured.starved,
            "late_p99_us": micros(measured.late.value_at_quantile(0.99)),
            "queued": measured.queued,
            "unsent": measured.unsent,
            "reopened": measured.reopened,
        },
    })
}

fn price(outcome: &Outcome, price: &Price) -> Value {
    let name = |index: usize| &outcome.plan.levels[index].level.name;
    json!({
        "of": name(price.of),
        "over": name(price.over),
        "p50": cost(&price.p50),
        "mean": cost(&price.mean),
        "p99": cost(&price.p99),
        "each": price.each.as_ref().map(cost),
    })
}

fn cost(cost: &Cost) -> Value {
    json!({ "us": spread(cost.micros), "ratio": spread(cost.ratio) })
}

fn spread(of: Spread) -> Value {
    json!({ "median": of.median, "low": of.low, "high": of.high })
}
