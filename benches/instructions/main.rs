//! The guard of the verify path: instructions for each call, counted by Valgrind, against those in
//! `instructions.toml`. Counts do not care how busy the machine is, as times do.
//!
//! `check` fails when a count has grown; `baseline` writes the file anew, and says what changed.

mod baseline;
mod callgrind;
mod here;
#[path = "../in_process.rs"]
mod in_process;
mod profile;
mod scenarios;
#[path = "../support.rs"]
mod support;
mod whole;

use std::process::ExitCode;

use baseline::{Baseline, Counts};

/// As in the gateway: an allocation costs here what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/instructions.toml");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] | ["check"] => check(),
        ["baseline"] => renew(),
        ["run", name] => scenarios::run(name),
        _ => Err("usage: instructions [check | baseline]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), String> {
    let machine = here::machine();
    let Some(kept) = Baseline::read(FILE)?.filter(|kept| kept.place.machine == machine) else {
        println!("instructions: not counted, since there is no baseline for this machine ({machine}).");
        return Ok(());
    };
    let here = here::place()?;
    let verdict = kept.judge(&here, &count()?);
    println!("{}", verdict.table);
    match verdict.outcome {
        // Whoever builds with a newer compiler has not made anything dearer; where changes are let
        // in, somebody has to take a new baseline, or nothing is guarded any more.
        Err(why) if kept.place != here && std::env::var_os("CI").is_none() => {
            println!("{why}\nThis fails in continuous integration only.");
            Ok(())
        }
        outcome => outcome,
    }
}

fn renew() -> Result<(), String> {
    let new = Baseline { place: here::place()?, instructions: count()? };
    println!("{}", new.changes_since(Baseline::read(FILE)?.as_ref()));
    new.write(FILE)
}

fn count() -> Result<Counts, String> {
    let calls = scenarios::names().map(|name| Ok((name.to_owned(), callgrind::count(name)?)));
    let mut counts = calls.collect::<Result<Counts, String>>()?;
    counts.extend(whole::count()?);
    Ok(counts)
}
