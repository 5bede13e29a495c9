//! The guard of the verify path: when it fails, and what it then says. The counting itself is no
//! test of this binary: it needs an optimised build, and `./dev test` runs it after this one.

#[path = "../benches/instructions/baseline.rs"]
mod baseline;
#[path = "../benches/instructions/profile.rs"]
mod profile;

use baseline::{Baseline, Counts, Place};

fn counts(counts: &[(&str, u64)]) -> Counts {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn here() -> Place {
    Place {
        machine: "x86_64 linux avx2".to_owned(),
        rustc: "1.95.0".to_owned(),
        valgrind: "3.19.0".to_owned(),
    }
}

fn baseline(of: &[(&str, u64)]) -> Baseline {
    Baseline { place: here(), instructions: counts(of) }
}

/// What is said against these counts, where the baseline is 10,000 and 500.
fn faults(counted: &[(&str, u64)]) -> String {
    let kept = baseline(&[("admit", 10_000), ("inject", 500)]);
    kept.judge(&here(), &counts(counted)).outcome.err().unwrap_or_default()
}

#[test]
fn growth_of_a_twentieth_passes_and_more_of_it_does_not() {
    for passes in [10_000, 10_400, 10_500, 9_000, 1] {
        assert_eq!(faults(&[("admit", passes), ("inject", 500)]), "", "{passes}");
    }
    for fails in [10_501, 10_600, 20_000] {
        let said = faults(&[("admit", fails), ("inject", 500)]);
        assert!(said.contains(&format!("`admit` grew from 10000 to {fails}")), "{said}");
        assert!(said.contains("./dev bench baseline") && !said.contains("inject`"), "{said}");
    }
    // One that has become cheaper does not make up for another one.
    assert!(faults(&[("admit", 5_000), ("inject", 530)]).contains("`inject` grew from 500 to 530 (+6.0 %)"));
}

#[test]
fn a_whole_request_may_grow_by_a_tenth() {
    let name = "whole request, lane, public route";
    let judged = |count| baseline(&[(name, 1_000)]).judge(&here(), &counts(&[(name, count)])).outcome;
    assert!(judged(1_100).is_ok());
    assert!(judged(1_101).unwrap_err().contains("grew from 1000 to 1101"));
}

#[test]
fn what_is_in_only_one_of_both_is_not_passed_over() {
    let unknown = faults(&[("admit", 10_000), ("inject", 500), ("route", 1)]);
    assert!(unknown.contains("`route` has no baseline"), "{unknown}");
    let verdict = baseline(&[]).judge(&here(), &counts(&[("route", 71)]));
    assert!(verdict.table.contains("- →        71      new  route"), "{}", verdict.table);
    let gone = faults(&[("admit", 10_000)]);
    assert!(gone.contains("`inject` is in the baseline, and is not counted any more"), "{gone}");
}

#[test]
fn another_compiler_is_named_as_a_possible_reason() {
    let newer = Place { rustc: "1.99.0".to_owned(), ..here() };
    let said = baseline(&[("admit", 100)]).judge(&newer, &counts(&[("admit", 200)])).outcome.unwrap_err();
    assert!(said.contains("rustc 1.95.0") && said.contains("rustc 1.99.0"), "{said}");
    assert!(!faults(&[("admit", 20_000), ("inject", 500)]).contains("rustc"));
}

#[test]
fn a_baseline_that_is_written_is_read_again_and_says_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("instructions.toml");
    assert_eq!(Baseline::read(&file).unwrap(), None);
    let old = baseline(&[("admit, HS256", 1_000), ("gone", 1)]);
    old.write(&file).unwrap();
    assert_eq!(Baseline::read(&file).unwrap(), Some(old.clone()));
    let told = baseline(&[("admit, HS256", 900), ("fresh", 7)]).changes_since(Some(&old));
    for part in ["1000 →       900  -10.0 %  admit, HS256", "- →         7      new  fresh"] {
        assert!(told.contains(part), "{told}");
    }
    std::fs::write(&file, "instructions = 7").unwrap();
    let said = Baseline::read(&file).unwrap_err();
    assert!(said.contains("instructions.toml") && said.contains("./dev bench baseline"), "{said}");
}

#[test]
fn the_baseline_of_the_repository_can_be_read() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/instructions.toml");
    let kept = Baseline::read(file).unwrap().expect("there is one");
    assert!(kept.instructions.len() >= 6 && kept.instructions.values().all(|count| *count > 0));
}

#[test]
fn all_instructions_count_but_those_of_the_inner_loop_of_sha_256() {
    let written = "\
positions: line
events: Ir
fn=(1) gateway::verify
3 100
+1 20
cfn=(2) lib_sha256_block_data_order_avx
calls=7 0
* 7000
fn=(2)
0 6900
+4 100
cfn=(3) helper
calls=1 0
* 55
fn=(3)
* 55
totals: 7175
";
    assert_eq!(profile::instructions(written), Some(175));
    assert_eq!(profile::instructions("fn=(1) cut off\n3 100\n"), None);
}
