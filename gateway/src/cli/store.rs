//! `gateway store`: the accounts as JSON lines, out of a stopped gateway's store and back.

use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use clap::Subcommand;

use super::Failure;
use crate::adapter::sled::{IDS_SKIPPED, Importing, SledOptions, SledStore, installation_of};

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
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
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
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let other = |fault: &dyn std::fmt::Display| Failure::Other(fault.to_string());
    let counts = match arguments.action {
        Action::Export { data } => {
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
            let input = std::fs::File::open(&file);
            let input = input.map_err(|fault| Failure::Other(format!("{}: {fault}", file.display())))?;
            super::serve::make_folder(&data)?;
            super::operators::refuse_stranger(&data)?;
            let store = SledStore::open(&data, SledOptions::default()).map_err(|fault| other(&fault))?;
            let importing = if new_installation { Importing::AsNew } else { Importing::Restore };
            let counts =
                store.import(&mut BufReader::new(input), importing).map_err(|fault| other(&fault))?;
            if let Some(id) = installation_of(&data) {
                eprintln!(
                    "installation {id}; ids of new accounts begin {IDS_SKIPPED} above those of the export"
                );
            }
            counts
        }
    };
    eprintln!("{} users, {} sessions, {} revocations", counts.users, counts.sessions, counts.revocations);
    Ok(())
}
