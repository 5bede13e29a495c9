//! `gateway user`: accounts, one by one or from another system.

mod progress;
mod read;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::operators::Line as Way;
use gateway_clock::{Clock as _, SystemClock};
use gateway_command::{Failure, counted};
use gateway_config::{Checked, Flags, KeyPolicy, Secrets, check, load};
use gateway_identity::UserId;
use gateway_limits::Limiters;
use gateway_password::ImportedHash;
use gateway_store::{Account, Taken};
use progress::Progress;
use read::Line;

/// Accounts in one transaction: the store holds it in memory until it is complete.
const BATCH: usize = 500;
const IMPORT: &str = "/operator/users/import";

/// So many bad lines are shown; the others are counted.
const SHOWN_MAX: usize = 50;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    #[command(flatten)]
    Account(super::account::Action),
    /// Add accounts with their password hashes (of Werkzeug, Django, bcrypt or argon2) to a
    /// running or a stopped gateway; nothing is written if a line is bad
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
        /// Say what became of it as JSON: imported, skipped, and each bad line with its fault
        #[arg(long)]
        json: bool,
        /// CSV with a header, or JSON lines (.jsonl, .json): email, password_hash; id, first_name,
        /// last_name, role, is_active, created_at where they are known
        file: PathBuf,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (config, dry_run, skip_existing, json, file) = match arguments.action {
        Action::Account(action) => return super::account::run(action),
        Action::Import { config, dry_run, skip_existing, json, file } => {
            (config, dry_run, skip_existing, json, file)
        }
    };
    let loaded = load(Some(&config), &Flags::default());
    let secrets = Secrets::read(&gateway_command::environment);
    let checked = check(loaded, secrets, KeyPolicy::LookOnly, &Limiters::default());
    let checked = checked.map_err(Failure::Configuration)?;
    let (lines, reach) = read::lines(&file, SystemClock.now()).map_err(Failure::Other)?;
    let mut progress = Progress::new();
    let mut found = fitting(lines, &checked, |count| progress.report(count, "lines read", reach.part()));
    progress.end();
    if found.accounts.is_empty() && found.faults.is_empty() {
        return Err(Failure::Other(format!("{}: there is no account in it", file.display())));
    }
    // Where nothing will be written, no store is made either: nothing could stand in the way yet.
    let line = open(checked, dry_run || !found.faults.is_empty())?;
    if let Some(line) = &line {
        found.compare(line, skip_existing)?;
    }
    let Found { accounts, skipped, mut faults } = found;
    faults.sort();
    let result = Outcome { imported: accounts.len(), skipped, faults, dry_run, json };
    result.check(&file)?;
    if let (Some(line), false) = (line, dry_run) {
        let all = accounts.len();
        let part = |count: usize| Some(count as f64 / all as f64);
        let added = add(&line, accounts, |count| progress.report(count, "accounts written", part(count)));
        progress.end();
        added?;
    }
    result.print();
    Ok(())
}

/// What was read.
#[derive(Default)]
struct Found {
    accounts: Vec<(u64, Account)>,
    skipped: usize,
    faults: Vec<(u64, String)>,
}

impl Found {
    /// Leaves accounts that can be added, or finds what stands in their way.
    fn compare(&mut self, way: &Way, skip_existing: bool) -> Result<(), Failure> {
        for some in std::mem::take(&mut self.accounts).chunks(BATCH) {
            let accounts: Vec<_> = some.iter().map(|(_, account)| account).collect();
            let body = json!({ "accounts": accounts, "dry_run": true });
            let mut answer = way.call(Method::POST, IMPORT, Some(&body))?;
            let taken: Vec<Option<Taken>> =
                serde_json::from_value(answer["taken"].take()).map_err(|fault| {
                    Failure::Other(format!("the gateway answers otherwise than expected: {fault}"))
                })?;
            for ((line, account), taken) in some.iter().zip(taken) {
                match taken {
                    None => self.accounts.push((*line, account.clone())),
                    Some(Taken::Email) if skip_existing => self.skipped += 1,
                    Some(Taken::Email) => self.faults.push((*line, "an account has this address already; --skip-existing leaves such lines out".to_owned())),
                    Some(Taken::Method(method)) => self.faults.push((*line, format!("password_hash is of the method \"{method}\", which the running gateway does not take: restart it with password.imported as it is in the configuration"))),
                    Some(Taken::Id(last)) => self.faults.push((*line, format!("ids up to {last} were given already, and none is given twice; import before the first start, or leave `id` out"))),
                }
            }
        }
        Ok(())
    }
}

/// Those with an id of their own first, in the order of ids, so that the rest can be added after an
/// interruption.
fn add(way: &Way, accounts: Vec<(u64, Account)>, mut on_added: impl FnMut(usize)) -> Result<(), Failure> {
    let mut accounts: Vec<_> = accounts.into_iter().map(|(_, account)| account).collect();
    accounts.sort_by_key(|account| account.id.map_or(u64::MAX, UserId::get));
    let mut added = 0;
    for some in accounts.chunks(BATCH) {
        let body = json!({ "accounts": some, "dry_run": false });
        way.call(Method::POST, IMPORT, Some(&body)).map_err(|failure| match failure {
            Failure::Other(fault) => Failure::Other(format!(
                "{fault}; some accounts may have been imported: mend it, and go on with --skip-existing"
            )),
            other => other,
        })?;
        added += some.len();
        on_added(added);
    }
    Ok(())
}

/// Accounts that are sound for themselves and among each other.
fn fitting(lines: impl Iterator<Item = Line>, checked: &Checked, mut on_read: impl FnMut(usize)) -> Found {
    let (mut emails, mut ids) = (HashSet::new(), HashSet::new());
    let mut found = Found::default();
    for (Line { number, account }, count) in lines.zip(1..) {
        on_read(count);
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
            Ok(account) => found.accounts.push((number, account)),
            Err(fault) => found.faults.push((number, fault)),
        }
    }
    found
}

/// `None` where there is no store, and none is to be made.
fn open(checked: Checked, only_look: bool) -> Result<Option<Way>, Failure> {
    if only_look && !checked.store_path.exists() {
        return Ok(None);
    }
    super::serve::make_folder(&checked.store_path)?;
    Way::to(checked).map(Some)
}

/// What became of it, or would.
struct Outcome {
    imported: usize,
    skipped: usize,
    faults: Vec<(u64, String)>,
    dry_run: bool,
    json: bool,
}

impl Outcome {
    /// A single bad line, and nothing is imported.
    fn check(&self, file: &Path) -> Result<(), Failure> {
        if self.faults.is_empty() {
            return Ok(());
        }
        if self.json {
            self.write_json(0);
        } else {
            for (line, fault) in self.faults.iter().take(SHOWN_MAX) {
                eprintln!("{} line {line}: {fault}", file.display());
            }
        }
        let are = if self.faults.len() == 1 { "is" } else { "are" };
        Err(Failure::Other(format!("{} of the lines {are} bad; nothing was imported", self.faults.len())))
    }

    fn print(&self) {
        if self.json {
            return self.write_json(self.imported);
        }
        let count = counted(self.imported as u64, "account", "accounts");
        let skipped = if self.skipped > 0 { format!(", {} left out", self.skipped) } else { String::new() };
        if self.dry_run {
            println!("{count} can be imported{skipped}; nothing was changed");
        } else {
            println!("{count} imported{skipped}");
        }
    }

    fn write_json(&self, imported: usize) {
        let bad = self.faults.iter().map(|(line, fault)| json!({"line": line, "fault": fault}));
        let bad: Vec<_> = bad.collect();
        let (skipped, dry_run) = (self.skipped, self.dry_run);
        println!("{}", json!({"imported": imported, "skipped": skipped, "bad": bad, "dry_run": dry_run}));
    }
}
