//! The store: in a folder of this gateway's own, or in a database that gateways share. Both are the same
//! ports.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::background::Background;
use gateway_clock::Timestamp;
use gateway_config::{Checked, csrf_key, random_csrf_key};
use gateway_identity::InstallationId;
use gateway_store::{AuditTrail, Outbox, RevocationLedger, Sessions, StoreError, Tickets, Users};
use gateway_store_postgres::{PostgresSettings, PostgresStore};
use gateway_store_sled::{Opened, SledOptions, SledStore, record_installation};
use gateway_telemetry::StoreReading;
use secrecy::{ExposeSecret as _, SecretSlice};

/// How often entries of the audit trail are sealed that were written with what they are about.
const SEAL_EVERY: Duration = Duration::from_millis(500);
/// How often the room is asked for that the database takes.
const MEASURE_EVERY: u32 = 120;

/// Where the store is.
pub(super) struct Place {
    /// What is this gateway's own, and the store, too, where there is no database.
    folder: PathBuf,
    min_free_bytes: u64,
    database: Option<PostgresSettings>,
}

impl Place {
    /// As the configuration says it.
    pub(super) fn from_checked(checked: &Checked) -> Self {
        Self {
            folder: checked.store_path.clone(),
            min_free_bytes: checked.store_min_free_bytes,
            database: checked.database.clone(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Store {
    kind: Kind,
    /// Where it is, to be told.
    place: String,
}

#[derive(Clone)]
enum Kind {
    Folder(SledStore),
    Database { store: PostgresStore, size_bytes: Arc<AtomicU64> },
}

/// The ports of one store.
pub(super) struct Ports {
    pub(super) users: Arc<dyn Users>,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) ledger: Arc<dyn RevocationLedger>,
    pub(super) tickets: Arc<dyn Tickets>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) audit: Arc<dyn AuditTrail>,
}

impl Store {
    pub(super) async fn open(place: Place) -> Result<Self, String> {
        let Place { folder, min_free_bytes, database } = place;
        let Some(settings) = database else {
            let options = SledOptions { min_free_bytes, ..SledOptions::default() };
            let store = SledStore::open(&folder, options).map_err(|fault| fault.to_string())?;
            let path = std::path::absolute(&folder).unwrap_or(folder);
            return Ok(Self { kind: Kind::Folder(store), place: path.display().to_string() });
        };
        let place = settings.place().map_err(|fault| fault.to_string())?;
        let named = |fault: &dyn std::fmt::Display| format!("{place}: {fault}");
        let store = PostgresStore::open(settings).await.map_err(|fault| named(&fault))?;
        let installation = store.installation().await.map_err(|fault| named(&fault))?;
        // For commands beside this gateway, as a store in a folder has it.
        if folder.is_dir() {
            record_installation(&folder, installation);
        }
        Ok(Self { kind: Kind::Database { store, size_bytes: Arc::default() }, place })
    }

    pub(super) fn ports(&self) -> Ports {
        fn all<S>(store: &S) -> Ports
        where
            S: Users + Sessions + RevocationLedger + Tickets + Outbox + AuditTrail + Clone + 'static,
        {
            Ports {
                users: Arc::new(store.clone()),
                sessions: Arc::new(store.clone()),
                ledger: Arc::new(store.clone()),
                tickets: Arc::new(store.clone()),
                outbox: Arc::new(store.clone()),
                audit: Arc::new(store.clone()),
            }
        }
        match &self.kind {
            Kind::Folder(store) => all(store),
            Kind::Database { store, .. } => all(store),
        }
    }

    pub(super) async fn installation(&self) -> Result<InstallationId, StoreError> {
        self.ports().ledger.installation().await
    }

    /// The database, if that is what it is.
    pub(super) fn database(&self) -> Option<&PostgresStore> {
        match &self.kind {
            Kind::Folder(_) => None,
            Kind::Database { store, .. } => Some(store),
        }
    }

    /// The key of CSRF tokens: a page of one gateway posts to another.
    pub(super) async fn csrf_key(&self, path: &Path) -> Result<SecretSlice<u8>, String> {
        let Some(database) = self.database() else { return csrf_key(path) };
        let fresh = STANDARD.encode(random_csrf_key().expose_secret());
        let key = database.kept("csrf_key", fresh).await.map_err(|fault| fault.to_string())?;
        Ok(SecretSlice::from(key.into_bytes()))
    }

    /// A start with another store must not look like any other start.
    pub(super) fn tell_which(&self) {
        let store_path = &self.place;
        let opened = match &self.kind {
            Kind::Folder(store) => store.opened(),
            Kind::Database { store, .. } => {
                store.made_at().map_or(Opened::New, |since: Timestamp| Opened::Since(Some(since)))
            }
        };
        match opened {
            Opened::New => tracing::info!(%store_path, "a new store was made, without any account"),
            Opened::Since(since) => {
                let since = since.map(|since| since.to_string());
                tracing::info!(%store_path, since, "the store was opened");
            }
        }
    }

    /// Why it does not take writes, if it does not.
    pub(super) async fn fault(&self) -> Option<String> {
        match &self.kind {
            Kind::Folder(store) => store.failure().map(str::to_owned),
            Kind::Database { store, .. } => store.ping().await.err().map(|fault| fault.to_string()),
        }
    }

    /// `is_up` is whether a database answers.
    pub(super) fn reading(&self, is_up: bool) -> StoreReading {
        match &self.kind {
            Kind::Folder(store) => {
                let room = store.figures();
                StoreReading {
                    up: store.failure().is_none(),
                    size_bytes: room.size_bytes,
                    disk_free_bytes: room.disk_free_bytes,
                    disk_free_min_bytes: room.disk_free_min_bytes,
                }
            }
            Kind::Database { size_bytes, .. } => StoreReading {
                up: is_up,
                size_bytes: size_bytes.load(Ordering::Relaxed),
                ..StoreReading::default()
            },
        }
    }

    /// What a database needs from its gateways, whichever of them comes to it; none for a folder.
    pub(super) fn keep(&self) -> Result<Option<Background>, String> {
        let Kind::Database { store, size_bytes } = self.kind.clone() else { return Ok(None) };
        let keeping = Background::start("sealing", |mut stopped| async move {
            let mut rounds = 0_u32;
            while tokio::time::timeout(SEAL_EVERY, &mut stopped).await.is_err() {
                if let Err(fault) = store.seal().await {
                    tracing::warn!(error = %fault, "entries of the audit trail could not be sealed");
                }
                if rounds.is_multiple_of(MEASURE_EVERY)
                    && let Ok(bytes) = store.size_bytes().await
                {
                    size_bytes.store(bytes, Ordering::Relaxed);
                }
                rounds = rounds.wrapping_add(1);
            }
        })?;
        Ok(Some(keeping))
    }
}
