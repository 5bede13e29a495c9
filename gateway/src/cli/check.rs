//! `gateway check`: is this configuration one that can be started, and is it wise?

use std::path::PathBuf;

use super::Failure;
use crate::config::{Flags, KeyPolicy, Secrets, check, load};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration to check
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Touches nothing: no key is made, no socket bound, no store opened.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let secrets = Secrets::read(&super::environment).map_err(|found| faults.extend(found));
    let file = load(Some(&arguments.config), &Flags::default()).map_err(|found| faults.extend(found));
    let checked = match file {
        Ok(file) => check(&file, secrets.unwrap_or_default(), KeyPolicy::LookOnly)
            .map_err(|found| faults.extend(found))
            .ok(),
        Err(()) => None,
    };
    let Some(checked) = checked.filter(|_| faults.is_empty()) else {
        return Err(Failure::Configuration(faults));
    };
    for warning in &checked.warnings {
        eprintln!("warning: {warning}");
    }
    if !checked.rotate_always {
        eprintln!(
            "advice: refresh.rotation = \"always\" limits what a stolen refresh token is worth (RFC 9700 §4.14.2)"
        );
    }
    println!("{}: can be started", arguments.config.display());
    Ok(())
}
