//! `gateway store`: the accounts as JSON lines, out of a stopped gateway's store and back, or from there
//! into a database.

mod copy;

pub(super) use copy::{database, open};

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use gateway_command::{Failure, counted};
use gateway_store::transfer::{IDS_SKIPPED, TransferCounts, TransferError, verify};
use gateway_store_sled::{Importing, SledOptions, SledStore, installation_of};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Write everything (accounts, sessions, revocations, invitations, the audit trail, what waits in
    /// the outbox) to standard output; it holds password hashes
    Export {
        /// The store's folder (store.path)
        #[arg(long, value_name = "DIR", required_unless_present = "config", conflicts_with = "config")]
        data: Option<PathBuf>,
        /// The configuration, where it names a database (store.url), which may be in use
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Copy the store of a stopped gateway into an empty database, for several gateways: nobody is logged
    /// out, ids go on, and what was revoked stays so. It can be run again
    Copy {
        /// The folder that it is in now (store.path)
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The configuration that names the database (store.url, or DATABASE_URL)
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Read what `export` wrote, into an empty store; nothing is written if a line is bad
    Import {
        /// The store's folder (store.path)
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The exported file
        file: PathBuf,
        /// Make it an installation of its own, such as a copy for tests: no token or link of the other
        /// one is good there, nobody is logged in, and what waits in the outbox is left out
        #[arg(long)]
        new_installation: bool,
    },
    /// Read what `export` wrote to its end, and say whether a store can be made of it; nothing is written
    Verify {
        /// The exported file
        file: PathBuf,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let other = |fault: &dyn std::fmt::Display| Failure::Other(fault.to_string());
    let counts = match arguments.action {
        Action::Export { data: None, config } => {
            let settings = copy::database(config.as_deref())?.ok_or_else(|| {
                Failure::Other("this configuration names no database: name its folder by --data".to_owned())
            })?;
            let mut out = BufWriter::new(std::io::stdout().lock());
            let counts = copy::open(settings)?.export(&mut out).map_err(|fault| other(&fault))?;
            out.flush().map_err(|fault| other(&fault))?;
            counts
        }
        Action::Copy { from, config } => {
            let (counts, before) = copy::run(&from, config)?;
            let happened = if before { "was copied before" } else { "copied" };
            eprintln!(
                "{happened}: {}. From here on the database has the truth: start no gateway in {} any more",
                told(&counts),
                from.display()
            );
            return Ok(());
        }
        Action::Export { data: Some(data), .. } => {
            if !data.is_dir() {
                return Err(Failure::Other(format!("{}: there is no such folder", data.display())));
            }
            super::operators::refuse_stranger(&data)?;
            let store = SledStore::open(&data, SledOptions::default()).map_err(|fault| other(&fault))?;
            let mut out = BufWriter::new(std::io::stdout().lock());
            let counts = store.export(&mut out).map_err(|fault| other(&fault))?;
            out.flush().map_err(|fault| other(&fault))?;
            counts
        }
        Action::Import { data, file, new_installation } => {
            let mut input = opened(&file)?;
            super::serve::make_folder(&data)?;
            super::operators::refuse_stranger(&data)?;
            let store = SledStore::open(&data, SledOptions::default()).map_err(|fault| other(&fault))?;
            let importing = if new_installation { Importing::AsNew } else { Importing::Restore };
            let counts = store.import(&mut input, importing).map_err(|fault| other(&fault))?;
            if let Some(id) = installation_of(&data) {
                eprintln!(
                    "installation {id}; ids of new accounts begin {IDS_SKIPPED} above those of the export"
                );
            }
            counts
        }
        Action::Verify { file } => {
            let verified = verify(&mut opened(&file)?);
            let counts = verified.map_err(|fault| match fault {
                TransferError::Line { line, fault } => {
                    Failure::Verdict(vec![format!("line {line}: {fault}")])
                }
                fault => other(&fault),
            })?;
            super::operators::print(&format!("{}: a store can be made of it\n", told(&counts)));
            return Ok(());
        }
    };
    eprintln!("{}", told(&counts));
    Ok(())
}

fn opened(file: &Path) -> Result<BufReader<File>, Failure> {
    let input = File::open(file).map_err(|fault| Failure::Other(format!("{}: {fault}", file.display())))?;
    Ok(BufReader::new(input))
}

fn told(counts: &TransferCounts) -> String {
    let users = counted(counts.users, "user", "users");
    let sessions = counted(counts.sessions, "session", "sessions");
    format!("{users}, {sessions}, {}", counted(counts.revocations, "revocation", "revocations"))
}
