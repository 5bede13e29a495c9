//! `gateway check`: is this configuration one that can be started, and is it wise?

use std::path::PathBuf;

use super::Failure;
use super::terminal::{GOOD, UNCLEAR, painted};
use crate::config::{Flags, KeyPolicy, Secrets, called, check, load};
use crate::limits::Books;
use crate::startup::let_signals_through;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration to check; - is standard input, and without it the defaults are checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Touches nothing: no key is made, no socket bound, no store opened.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    // A gateway that asks whether another may take over holds them back.
    let_signals_through();
    let loaded = load(arguments.config.as_deref(), &Flags::default());
    let secrets = Secrets::read(&super::environment);
    let checked =
        check(loaded, secrets, KeyPolicy::LookOnly, &Books::default()).map_err(Failure::Configuration)?;
    for warning in &checked.warnings {
        anstream::eprintln!("{} {warning}", painted(UNCLEAR, "warning:"));
    }
    for note in &checked.notes {
        eprintln!("note: {note}");
    }
    if !checked.rotate_always {
        anstream::eprintln!(
            "{} refresh.rotation = \"always\" limits what a stolen refresh token is worth (RFC 9700 §4.14.2)",
            painted(UNCLEAR, "advice:")
        );
    }
    if !checked.unmet.is_empty() {
        return Err(Failure::Verdict(checked.unmet.iter().map(ToString::to_string).collect()));
    }
    let what = arguments.config.as_deref().map_or("the defaults".to_owned(), called);
    anstream::println!("{what}: {}", painted(GOOD, "can be started"));
    Ok(())
}
