//! What `./dev bench compare` decides without measuring: what it is asked for, how figures are
//! put together, and how they are judged. The files are the benchmark's own, which has no tests of
//! its own, as it brings its own `main`.

#[expect(dead_code, reason = "what is only shown is not tested")]
#[path = "../benches/compare/levels.rs"]
mod levels;
#[expect(dead_code, reason = "what is only shown is not tested")]
#[path = "../benches/compare/options.rs"]
mod options;
#[path = "../benches/compare/statistics.rs"]
mod statistics;
#[path = "../benches/compare/targets.rs"]
mod targets;

use levels::{Level, Who};
use options::{Extra, Options};
use statistics::{Spread, percentile};
use targets::{Field, GROWTH_MAX, IDLE_MEMORY_MAX, Measured, Price, STORM_TAIL_MAX, Verdict, judge, target};

fn parse(line: &str) -> Result<Options, String> {
    Options::parse(line.split_whitespace().map(str::to_owned))
}

/// How the targets of a level are judged: met, red, or not at all.
fn outcome(level: Level, measured: &Measured) -> Vec<Option<bool>> {
    judge(level, measured).iter().map(|verdict| verdict.met).collect()
}

#[test]
fn only_a_whole_and_long_run_replaces_what_is_stored() {
    assert!(parse("--bench").unwrap().stores());
    assert!(parse("--rounds 7").unwrap().stores());
    for less in
        ["--quick", "--quick --rounds 5", "--rounds 3", "--only gateway", "--only hs256", "--only idle"]
    {
        assert!(!parse(less).unwrap().stores(), "{less}");
        assert!(parse(&format!("{less} --store")).unwrap().stores(), "{less}");
    }
}

#[test]
fn what_is_named_is_measured_with_the_bare_proxies_beside_it() {
    let all = parse("").unwrap();
    assert!(Level::ALL.into_iter().all(|level| all.measures(level)));
    assert!(Who::ALL.into_iter().all(|who| all.wants(who)));
    let some = parse("--only envoy-cache,redis,gateway").unwrap();
    let who: Vec<_> = Who::ALL.into_iter().filter(|who| some.wants(*who)).collect();
    assert_eq!(who, [Who::Bare, Who::BareMimalloc, Who::Gateway, Who::EnvoyCache]);
    let levels: Vec<_> = Level::ALL.into_iter().filter(|level| some.measures(*level)).collect();
    assert_eq!(levels, [Level::Redis]);
}

#[test]
fn a_part_that_is_named_is_measured_alone() {
    let growth = parse("--only growth").unwrap();
    assert!(!Level::ALL.into_iter().any(|level| growth.measures(level)));
    let parts: Vec<_> = Extra::ALL.into_iter().filter(|extra| growth.includes(*extra)).collect();
    assert_eq!(parts, [Extra::Growth]);
    assert!(Extra::ALL.into_iter().all(|extra| parse("--quick").unwrap().includes(extra)));
    assert!(!Extra::ALL.into_iter().any(|extra| parse("--only haproxy").unwrap().includes(extra)));
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (line, said) in [
        ("--rounds 2", "--rounds takes 3 to 20"),
        ("--rounds", "--rounds takes 3 to 20"),
        ("--rounds many", "--rounds takes 3 to 20"),
        ("--only", "--only takes names, with commas between them"),
        ("--fast", "there is no option `--fast`"),
    ] {
        assert_eq!(parse(line).unwrap_err(), said);
    }
    let unknown = parse("--only gateway,ngnix").unwrap_err();
    assert!(unknown.contains("`ngnix`") && unknown.contains("nginx-lua"), "{unknown}");
}

#[test]
fn a_percentile_is_the_nearest_rank() {
    let mut hundred: Vec<u32> = (1..=100).rev().collect();
    assert_eq!(percentile(&mut hundred, 50), 50);
    assert_eq!(percentile(&mut hundred, 99), 99);
    assert_eq!(percentile(&mut hundred, 100), 100);
    assert_eq!(percentile(&mut [7, 3], 50), 3);
    assert_eq!(percentile(&mut [7, 3], 99), 7);
    assert_eq!(percentile(&mut [], 99), 0);
}

#[test]
fn a_median_of_two_lies_between_them() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { low: 1.0, median: 2.0, high: 3.0 }));
    assert_eq!(spread(&[4.0, 1.0]), Some(Spread { low: 1.0, median: 2.5, high: 4.0 }));
    assert_eq!(spread(&[]), None);
}

#[test]
fn no_target_was_moved() {
    let prices = Level::ALL.map(|level| match target(level).price {
        Price::OfSameBuilt(most) | Price::OfPlain(most) => (level.key(), most),
    });
    let set = [
        ("plain", 1.06),
        ("hs256-one", 1.12),
        ("hs256", 1.12),
        ("rs256", 1.15),
        ("es256", 1.15),
        ("eddsa", 1.15),
        ("limit", 1.15),
        ("redis", 1.40),
        ("bad-signature", 0.40),
        ("expired", 0.40),
        ("revoked", 0.40),
        ("over-limit", 0.40),
    ];
    assert_eq!(prices, set);
    assert_eq!(target(Level::Plain).field, [Field::OfBare(0.80)]);
    assert!(target(Level::Redis).field.contains(&Field::Tail(1.5)));
    assert_eq!((IDLE_MEMORY_MAX, STORM_TAIL_MAX, GROWTH_MAX), (1.2, 1.5, 1.10));
    let red = Verdict::at_most("× alone", Some(1.51), STORM_TAIL_MAX);
    assert_eq!(red.to_string(), "**red**: × alone 1.51 ≤ 1.50");
}

#[test]
fn a_target_is_met_at_its_figure_and_red_just_above_it() {
    let at = |to_same_built, to_bare| Measured {
        to_same_built: Some(to_same_built),
        to_bare: Some(to_bare),
        ..Measured::default()
    };
    assert_eq!(outcome(Level::Plain, &at(1.06, 0.80)), [Some(true), Some(true)]);
    // What the table shows as 1.06 is 1.06.
    assert_eq!(outcome(Level::Plain, &at(1.064, 0.81)), [Some(true), Some(false)]);
    assert_eq!(outcome(Level::Plain, &at(1.066, 0.79)), [Some(false), Some(true)]);
}

#[test]
fn ahead_is_dearer_than_us_and_at_l2_at_least_twice_as_dear() {
    let beside = |who, factor| Measured { others: vec![(who, factor)], ..Measured::default() };
    let lua = |factor| outcome(Level::Hs, &beside(Who::NginxLua, factor))[1];
    assert_eq!((lua(1.0), lua(1.01)), (Some(false), Some(true)));
    let envoy = |factor| *outcome(Level::Es, &beside(Who::EnvoyCache, factor)).last().unwrap();
    assert_eq!((envoy(1.9), envoy(2.0)), (Some(false), Some(true)));
}

#[test]
fn what_was_not_measured_is_not_judged() {
    for level in Level::ALL {
        let judged = judge(level, &Measured::default());
        assert!(!judged.is_empty());
        assert!(judged.iter().all(|verdict| verdict.met.is_none()), "{}", level.key());
    }
    let tail = Measured { p99_to_l1: Some(1.6), ..Measured::default() };
    assert_eq!(outcome(Level::Redis, &tail), [None, Some(false), None]);
    // HAProxy has no EdDSA: there is nothing to wait for.
    assert_eq!(outcome(Level::Es, &Measured::default()).len(), 6);
    assert_eq!(outcome(Level::Ed, &Measured::default()).len(), 5);
    let refusal = Measured { to_plain: Some(0.41), ..Measured::default() };
    assert_eq!(outcome(Level::Revoked, &refusal), [Some(false)]);
}

#[test]
fn each_peer_that_a_target_names_takes_part_at_its_level() {
    for level in Level::ALL {
        for field in target(level).field {
            if let Field::Ahead(who, _) = field {
                assert!(level.contestants().contains(who), "{} at {}", who.key(), level.key());
            }
        }
        assert_eq!(level.contestants().first(), Some(&Who::Gateway));
    }
}
