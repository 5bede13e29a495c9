//! `gateway keys`: what the keys are, and a new one beside them. Works on files only; a running
//! gateway takes them over by SIGHUP.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::operators::print;
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_command::Failure;
use gateway_command::terminal::table;
use gateway_config::{
    Checked, Flags, Given, KeyFolder, KeyPolicy, KeyUse, Rotated, Secrets, check, load, rotate,
};
use gateway_limits::Limiters;
use gateway_token::{KeyRing, KeyState};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show each key: what for, what it does now, and until when
    List {
        /// The gateway's configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Make new keys beside those in use, which go on verifying what they signed; then send SIGHUP
    Rotate {
        /// The gateway's configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only the keys for these uses
        #[arg(value_enum, value_name = "USE")]
        uses: Vec<Use>,
        /// Let them sign with the next reload, before others have fetched them, and whatever the last
        /// rotation made
        #[arg(long)]
        at_once: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Use {
    Access,
    Refresh,
    Assertion,
}

/// One line of the list.
#[derive(Serialize)]
struct Row {
    r#use: &'static str,
    state: &'static str,
    algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signs_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verifies_until: Option<String>,
    /// The file, or the variable.
    source: String,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let now = SystemClock.now();
    match arguments.action {
        Action::List { config, json } => list(&look(config)?.0, json, now),
        Action::Rotate { config, uses, at_once } => {
            let (checked, given) = look(config)?;
            let named = |usage: &KeyUse| uses.is_empty() || uses.iter().any(|named| named.usage() == *usage);
            let uses: Vec<_> = KeyUse::ALL.into_iter().filter(named).collect();
            let done = rotate(&checked, given, &uses, at_once, now).map_err(Failure::Other)?;
            print_rotated(&done)
        }
    }
}

/// The configuration, with nothing made; and which secrets come from the environment.
fn look(config: PathBuf) -> Result<(Checked, Given), Failure> {
    let loaded = load(Some(&config), &Flags::default());
    let secrets = Secrets::read(&gateway_command::environment).map_err(Failure::Configuration)?;
    let given = secrets.given();
    let checked = check(loaded, Ok(secrets), KeyPolicy::LookOnly, &Limiters::default());
    Ok((checked.map_err(Failure::Configuration)?, given))
}

impl Use {
    fn usage(self) -> KeyUse {
        match self {
            Self::Access => KeyUse::Access,
            Self::Refresh => KeyUse::Refresh,
            Self::Assertion => KeyUse::Assertion,
        }
    }
}

fn list(checked: &Checked, json: bool, now: Timestamp) -> Result<(), Failure> {
    let keys = &checked.reloadable;
    let rings = [
        (KeyUse::Access, &keys.tokens.access_keys),
        (KeyUse::Refresh, &keys.tokens.refresh_keys),
        (KeyUse::Assertion, &keys.assertions.keys),
    ];
    let mut rows = Vec::new();
    for (usage, ring) in rings {
        rows.extend(rows_of(checked, usage, ring, now)?);
    }
    if json {
        let text = serde_json::to_string_pretty(&rows).map_err(|fault| Failure::Other(fault.to_string()))?;
        println!("{text}");
        return Ok(());
    }
    let cells = |row: Row| {
        let or_none = |text: Option<String>| text.unwrap_or("-".to_owned());
        let words = [row.r#use, row.state, row.algorithm].map(str::to_owned);
        let more = [or_none(row.kid), or_none(row.signs_from), or_none(row.verifies_until), row.source];
        words.into_iter().chain(more).collect()
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
    let heading = ["USE", "STATE", "ALGORITHM", "KID", "SIGNS FROM", "VERIFIES UNTIL", "FROM"];
    print(&table(&heading, &rows));
    Ok(())
}

fn rows_of(checked: &Checked, usage: KeyUse, ring: &KeyRing, now: Timestamp) -> Result<Vec<Row>, Failure> {
    let found = KeyFolder::from_settings(&checked.written).read(usage, &mut Vec::new());
    let found = found.map_err(Failure::Configuration)?;
    let secrets = ring.secret_states(now).map(|(secret, state)| Row {
        r#use: usage.name(),
        state: state.name(),
        algorithm: "HS256",
        kid: None,
        signs_from: None,
        verifies_until: secret.verifies_until.map(|until| until.to_string()),
        source: secret.source.clone(),
    });
    let keys = ring.states(now).map(|(key, state): (_, KeyState)| {
        let file = found.iter().find(|found| found.dated.kid == key.dated.kid);
        Row {
            r#use: usage.name(),
            state: state.name(),
            algorithm: key.dated.key.algorithm().name(),
            kid: Some(key.dated.kid.clone()),
            signs_from: Some(key.dated.begins_at.to_string()),
            verifies_until: key.ends_at.map(|until| until.to_string()),
            source: file.map_or("made at the first start".to_owned(), |file| file.path.display().to_string()),
        }
    });
    Ok(secrets.chain(keys).collect())
}

/// What was done on standard output; what was not, and what to do next, beside it.
fn print_rotated(done: &[Rotated]) -> Result<(), Failure> {
    let mut not_done = Vec::new();
    let mut changed = false;
    for step in done {
        match step {
            Rotated::Made { usage, path, begins_at } => {
                println!("{}: made {}, which signs from {begins_at}", usage.name(), path.display());
                changed = true;
            }
            Rotated::Replaced { usage, path, former_until } => {
                println!(
                    "{}: replaced the secret in {}; the former one verifies until {former_until}",
                    usage.name(),
                    path.display()
                );
                changed = true;
            }
            Rotated::Removed { path } => println!("removed {}: all that it signed has ended", path.display()),
            Rotated::Waiting { usage, kid, begins_at } => not_done.push(format!(
                "{}: the next key {kid} is there already, and signs from {begins_at}; --at-once makes another one",
                usage.name()
            )),
            Rotated::Recent { usage, replaced_at, until } => not_done.push(format!(
                "{}: the secret was replaced at {replaced_at}, and stays until {until}; --at-once replaces it again",
                usage.name()
            )),
            Rotated::Given { usage, variable } => not_done.push(format!(
                "{}: the secret comes from {variable}: put a new one there, and the old one into {variable}_PREVIOUS",
                usage.name()
            )),
        }
    }
    if !changed {
        return Err(Failure::Verdict(not_done));
    }
    for reason in &not_done {
        eprintln!("not rotated: {reason}");
    }
    eprintln!("next: send SIGHUP to each gateway that has these keys, before the new ones sign");
    Ok(())
}
