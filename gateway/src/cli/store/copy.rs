//! `gateway store copy`: from the folder of one gateway to a database that several share.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use gateway_command::Failure;
use gateway_config::{Flags, KeyPolicy, Secrets, check, load};
use gateway_limits::Limiters;
use gateway_store::transfer::{Digest, TransferCounts, TransferError};
use gateway_store_postgres::{PostgresSettings, PostgresStore};
use gateway_store_sled::{SledOptions, SledStore};

/// The database that a configuration names, if it names one.
pub(crate) fn database(config: Option<&Path>) -> Result<Option<PostgresSettings>, Failure> {
    let mut loaded = load(config, &Flags::default());
    if !loaded.faults.is_empty() {
        return Err(Failure::Configuration(loaded.told()));
    }
    // Nothing is sent from here: whoever has no secrets of mail and webhook needs none.
    loaded.file.mail = Default::default();
    loaded.file.webhook = Default::default();
    let secrets = Secrets::read(&gateway_command::environment);
    let secrets = secrets.map(|secrets| Secrets { smtp_password: None, webhook_secret: None, ..secrets });
    let checked = check(loaded, secrets, KeyPolicy::LookOnly, &Limiters::default());
    Ok(checked.map_err(Failure::Configuration)?.database)
}

pub(crate) fn open(settings: PostgresSettings) -> Result<PostgresStore, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| Failure::Other(format!("no runtime can be made: {fault}")))?;
    runtime.block_on(PostgresStore::open(settings)).map_err(|fault| Failure::Other(fault.to_string()))
}

/// Copies, and holds what is there then against what it is of. Answers what that was, and whether it was
/// there before.
pub(super) fn run(from: &Path, config: Option<PathBuf>) -> Result<(TransferCounts, bool), Failure> {
    let other = |fault: &dyn std::fmt::Display| Failure::Other(fault.to_string());
    if !from.is_dir() {
        return Err(Failure::Other(format!("{}: there is no such folder", from.display())));
    }
    let settings = database(config.as_deref())?.ok_or_else(|| {
        Failure::Other("the configuration names no database: set store.url, or DATABASE_URL".to_owned())
    })?;
    super::super::operators::refuse_stranger(from)?;
    let source = SledStore::open(from, SledOptions::default()).map_err(|fault| other(&fault))?;
    let target = open(settings)?;
    let before = match fill(&source, &target) {
        Ok(()) => false,
        // Of a run before this one, which may have been broken off after all was there.
        Err(TransferError::NotEmpty) => true,
        Err(fault) => return Err(other(&fault)),
    };
    let (mut one, mut same) = (Digest::default(), Digest::default());
    let counts = source.export(&mut one).map_err(|fault| other(&fault))?;
    target.export(&mut same).map_err(|fault| other(&fault))?;
    let (one, same) = (one.finish(), same.finish());
    if one == same {
        eprintln!("both are the same to the byte, as exports: SHA-256 {one}");
        return Ok((counts, before));
    }
    Err(Failure::Other(match before {
        true => "there is something else in this database already: name an empty one".to_owned(),
        false => format!(
            "what was copied is not what it is of: {one} became {same}; do not use it, and report this"
        ),
    }))
}

/// What one writes is read by the other: nothing of it is ever in a file.
fn fill(source: &SledStore, target: &PostgresStore) -> Result<(), TransferError> {
    let (reader, mut writer) = std::io::pipe().map_err(TransferError::Read)?;
    std::thread::scope(|scope| {
        // That the reader went away is the reader's to tell.
        let writing = scope.spawn(move || source.export(&mut writer));
        let filled = target.fill(&mut BufReader::new(reader));
        let written = writing.join();
        match (filled, written) {
            (Err(fault), _) => Err(fault),
            (Ok(_), Ok(Err(fault))) => Err(fault),
            (Ok(_), _) => Ok(()),
        }
    })
}
