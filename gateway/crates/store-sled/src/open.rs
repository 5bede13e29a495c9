//! Opening the store: what a new one begins with, and what one that was there must have.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sled::Batch;
use thiserror::Error;

use super::figures::Place;
use super::trees::{IMPORTING, LAST_USER_ID, MADE_AT, STORE_ID, Trees};
use super::{Inner, Opened, SledOptions, SledStore, codec, installation};
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_durable_sled::{OpenFault, Opening, caught};
use gateway_identity::InstallationId;
use gateway_store::StoreError;

/// The layout of the trees. A store with a higher number was made by a newer version.
const SCHEMA_VERSION: u64 = 2;

/// The layout before there was an index of sessions by user.
const SCHEMA_WITHOUT_USER_SESSIONS: u64 = 1;

/// Why the store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "the store in {} is in use by another process: stop that one first, or use another folder",
        folder.display()
    )]
    Locked { folder: PathBuf },
    #[error(
        "the store in {folder} is damaged: {cause}. What to do: move the folder aside (mv {folder} \
         {folder}.damaged), start a new one and restore your last export with `gateway store \
         import`. Accounts, sessions and revocations newer than the export are lost; to be sure \
         that no token revoked since is accepted again, change the signing secret, too",
        folder = folder.display()
    )]
    Damaged { folder: PathBuf, cause: String },
    #[error(
        "the store in {} was made by a newer version (its schema is {found}, this version knows \
         {SCHEMA_VERSION}): start the newer version, or restore an export made by this one",
        folder.display()
    )]
    Newer { folder: PathBuf, found: u64 },
    #[error("{} holds a sled database that is not a gateway's: use another folder", folder.display())]
    Foreign { folder: PathBuf },
    #[error("no store was made in {}: {cause}", folder.display())]
    Full { folder: PathBuf, cause: String },
    #[error("the store in {} cannot be opened: {cause}", folder.display())]
    Io { folder: PathBuf, cause: String },
}

/// What went wrong, before the folder is named.
struct Trouble(OpenFault);

pub(super) fn open(folder: &Path, options: SledOptions) -> Result<SledStore, OpenError> {
    let opened = caught(|| open_caught(folder, options));
    opened.unwrap_or_else(|panic| Err(Trouble(OpenFault::Damaged(panic)))).map_err(|Trouble(fault)| {
        let folder = folder.to_owned();
        match fault {
            OpenFault::Locked => OpenError::Locked { folder },
            OpenFault::Damaged(cause) => OpenError::Damaged { folder, cause },
            OpenFault::Newer(found) => OpenError::Newer { folder, found },
            OpenFault::Foreign => OpenError::Foreign { folder },
            OpenFault::Full(cause) => OpenError::Full { folder, cause },
            OpenFault::Io(cause) => OpenError::Io { folder, cause },
        }
    })
}

fn open_caught(folder: &Path, options: SledOptions) -> Result<SledStore, Trouble> {
    let mut opening = Opening::begin(folder, options)?;
    let trees = Trees::open(opening.db())?;
    let opened = if opening.is_new()? {
        make(&mut opening)?;
        Opened::New
    } else {
        let schema = opening.inspect(SCHEMA_WITHOUT_USER_SESSIONS..=SCHEMA_VERSION)?;
        inspect(&trees)?;
        migrate(&trees, schema, &opening)?;
        trees.learn_from_sessions()?;
        Opened::Since(made_at(&trees)?)
    };
    installation::record(folder, trees.installation()?);
    let durable = opening.finish(trees)?;
    let place = Place { folder: folder.to_owned(), min_free_bytes: options.min_free_bytes };
    Ok(SledStore(Arc::new(Inner { durable, place, opened })))
}

/// A new store has its name from its first moment.
fn make(opening: &mut Opening) -> Result<(), Trouble> {
    let (id, now) = (InstallationId::random().to_string(), SystemClock.now());
    let mut beginning = Batch::default();
    beginning.insert(MADE_AT, &now.millis().to_be_bytes()[..]);
    beginning.insert(STORE_ID, id.as_bytes());
    Ok(opening.make(SCHEMA_VERSION, beginning)?)
}

/// When a store was made that was there: it says so itself, or the first entry of its trail does.
fn made_at(trees: &Trees) -> Result<Option<Timestamp>, Trouble> {
    let millis = trees.counter(MADE_AT)?;
    if millis > 0 {
        return Ok(Some(Timestamp::from_millis(millis)));
    }
    let Some((_, first)) = trees.audit.first()? else { return Ok(None) };
    let entry: serde_json::Value = codec::decode("an entry of the audit trail", &first)?;
    Ok(entry.get("time").and_then(|time| time.as_str()).and_then(Timestamp::parse))
}

/// A store that was there: is what is in it what we would have written?
fn inspect(trees: &Trees) -> Result<(), Trouble> {
    if trees.meta.contains_key(IMPORTING)? {
        return Err(damaged("an import into it was broken off"));
    }
    trees.installation()?;
    look_around(trees)
}

/// Brings an older layout to the present one. Broken off, it begins anew at the next start.
fn migrate(trees: &Trees, schema: u64, opening: &Opening) -> Result<(), Trouble> {
    if schema == SCHEMA_VERSION {
        return Ok(());
    }
    for value in trees.sessions.iter().values() {
        let session: gateway_store::Session = codec::decode("a session", &value?)?;
        trees.user_sessions.insert(codec::user_session_key(session.user, session.id), &[][..])?;
    }
    trees.user_sessions.flush()?;
    opening.set_schema(SCHEMA_VERSION)?;
    tracing::info!(from = schema, to = SCHEMA_VERSION, "the store was brought to this version's layout");
    Ok(())
}

/// Reads a little of every tree: what lies open to view should be found before the first request.
fn look_around(trees: &Trees) -> Result<(), Trouble> {
    for tree in trees.all() {
        tree.first()?;
    }
    if let Some((key, value)) = trees.users.last()? {
        let user: gateway_store::User = codec::decode("an account", &value)?;
        if user.id != codec::user_id(&key)? || user.id.get() > trees.counter(LAST_USER_ID)? {
            return Err(damaged("its accounts and their counter disagree"));
        }
    }
    if let Some((_, value)) = trees.sessions.last()? {
        codec::decode::<gateway_store::Session>("a session", &value)?;
    }
    if let Some((key, value)) = trees.revocations.last()? {
        codec::revocation(&key, &value)?;
    }
    Ok(())
}

fn damaged(cause: &str) -> Trouble {
    Trouble(OpenFault::Damaged(cause.to_owned()))
}

impl From<OpenFault> for Trouble {
    fn from(fault: OpenFault) -> Self {
        Self(fault)
    }
}

impl From<sled::Error> for Trouble {
    fn from(error: sled::Error) -> Self {
        Self(error.into())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(cause) => damaged(&cause),
            other => Self(OpenFault::Io(other.to_string())),
        }
    }
}
