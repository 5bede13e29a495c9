//! `gateway user`: accounts from another system.

mod read;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Failure;
use crate::adapter::sled::{Account, SledOptions, SledStore, Taken};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Checked, Flags, KeyPolicy, Secrets, check, load};
use crate::limits::Books;
use crate::password::ImportedHash;
use read::Line;

/// So many bad lines are shown; the others are counted.
const SHOWN_MAX: usize = 50;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add accounts with the password hashes of a Flask application (Werkzeug) to a stopped
    /// gateway's store; nothing is written if a line is bad
    Import {
        /// The configuration: it names the store, and in password.imported how the hashes were made
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only check, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Leave out accounts whose e-mail address is there already, instead of refusing them
        #[arg(long)]
        skip_existing: bool,
        /// CSV with a header, or JSON lines (.jsonl, .json): email, password_hash; id, first_name,
        /// last_name, role, is_active, created_at where they are known
        file: PathBuf,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Action::Import { config, dry_run, skip_existing, file } = arguments.action;
    let loaded = load(Some(&config), &Flags::default());
    let secrets = Secrets::read(&super::environment);
    let checked = check(loaded, secrets, KeyPolicy::LookOnly, &Books::default());
    let checked = checked.map_err(Failure::Configuration)?;
    let lines = read::lines(&file, SystemClock.now()).map_err(Failure::Other)?;
    let mut faults = Vec::new();
    let mut accounts = fitting(lines, &checked, &mut faults);
    let Some(store) = open(&checked, dry_run)? else {
        // A dry run before the first start: there is nothing yet that could stand in the way.
        return conclude(&file, accounts, 0, faults, |_| Ok(()), true);
    };
    let before = accounts.len();
    let mut unanswered = None;
    accounts.retain(|(line, account)| match store.taken(account) {
        Ok(None) => true,
        Ok(Some(Taken::Email)) if skip_existing => false,
        Ok(Some(Taken::Email)) => {
            faults.push((*line, "an account has this address already; --skip-existing leaves such lines out".to_owned()));
            false
        }
        Ok(Some(Taken::Id(last))) => {
            faults.push((*line, format!("ids up to {last} were given already, and none is given twice; import before the first start, or leave `id` out")));
            false
        }
        Err(fault) => {
            unanswered = Some(fault.to_string());
            false
        }
    });
    if let Some(fault) = unanswered {
        return Err(Failure::Other(fault));
    }
    let skipped = if skip_existing { before - accounts.len() } else { 0 };
    conclude(
        &file,
        accounts,
        skipped,
        faults,
        |accounts| store.add_accounts(accounts).map_err(|fault| fault.to_string()),
        dry_run,
    )
}

/// Accounts that are sound for themselves and among each other.
fn fitting(lines: Vec<Line>, checked: &Checked, faults: &mut Vec<(u64, String)>) -> Vec<(u64, Account)> {
    let (mut emails, mut ids) = (HashSet::new(), HashSet::new());
    let mut accounts = Vec::new();
    for Line { number, account } in lines {
        let sound = account.and_then(|account| {
            let hash = ImportedHash::parse(&account.password_hash.0);
            let hash = hash.map_err(|fault| format!("password_hash {fault}"))?;
            // Of today's cost, it is as one of ours.
            let ours = hash.method() == checked.hashing.cost.method();
            if !ours && !checked.hashing.imported.contains(&hash.method()) {
                return Err(format!("password_hash is of the method \"{0}\", which is not in password.imported; add imported = [\"{0}\"] there", hash.method()));
            }
            if !emails.insert(account.email.clone()) {
                return Err("the address was there before".to_owned());
            }
            if account.id.is_some_and(|id| !ids.insert(id)) {
                return Err("the id was there before".to_owned());
            }
            Ok(account)
        });
        match sound {
            Ok(account) => accounts.push((number, account)),
            Err(fault) => faults.push((number, fault)),
        }
    }
    accounts
}

/// `None` where there is no store, and none is to be made.
fn open(checked: &Checked, dry_run: bool) -> Result<Option<SledStore>, Failure> {
    if dry_run && !checked.store_path.exists() {
        return Ok(None);
    }
    super::serve::make_folder(&checked.store_path)?;
    let options = SledOptions { min_free_bytes: checked.store_min_free_bytes, ..SledOptions::default() };
    let store = SledStore::open(&checked.store_path, options);
    store.map(Some).map_err(|fault| Failure::Other(fault.to_string()))
}

fn conclude(
    file: &Path,
    accounts: Vec<(u64, Account)>,
    skipped: usize,
    mut faults: Vec<(u64, String)>,
    add: impl FnOnce(Vec<Account>) -> Result<(), String>,
    dry_run: bool,
) -> Result<(), Failure> {
    faults.sort();
    for (line, fault) in faults.iter().take(SHOWN_MAX) {
        eprintln!("{} line {line}: {fault}", file.display());
    }
    if !faults.is_empty() {
        return Err(Failure::Other(format!("{} of the lines are bad; nothing was imported", faults.len())));
    }
    let count = match accounts.len() {
        1 => "1 account".to_owned(),
        count => format!("{count} accounts"),
    };
    let skipped = if skipped > 0 { format!(", {skipped} left out") } else { String::new() };
    if dry_run {
        println!("{count} can be imported{skipped}; nothing was changed");
        return Ok(());
    }
    add(accounts.into_iter().map(|(_, account)| account).collect()).map_err(|fault| {
        Failure::Other(format!(
            "{fault}; some accounts may have been imported: mend it, and go on with --skip-existing"
        ))
    })?;
    println!("{count} imported{skipped}");
    Ok(())
}
