//! The store on PostgreSQL: accounts, sessions and the revocation ledger in a database that gateways
//! share.
//!
//! Each change of the ports is one transaction, which locks the rows by which it decides, in one order:
//! counters, accounts, tickets, invitations, sessions. What becomes of them is said by `store::rules`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod audit;
mod connect;
mod fault;
mod fleet;
mod follow;
mod kept;
mod load;
mod outbox;
mod revocations;
mod schema;
mod sealing;
mod sessions;
mod settings;
mod tickets;
mod transaction;
mod transfer;
mod users;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use deadpool_postgres::{Object, PoolError};
use gateway_clock::Timestamp;
use gateway_store::StoreError;
use thiserror::Error;

pub use fleet::{HeldKeys, Member, Seen};
pub use follow::Follower;
pub use schema::VERSION as SCHEMA;
pub use settings::{PostgresSettings, UrlFault, is_postgres};

use connect::Connections;
use fault::Stop;

/// The store in a database. Clones share it, with its connections.
///
/// Its methods need a tokio runtime. The connections live on a runtime of their own: they outlive that of
/// whoever asks first.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    connections: Connections,
    timeout: Duration,
    lease: Duration,
    made_at: Option<Timestamp>,
    /// How many errands wait, as they were counted last.
    waiting: AtomicUsize,
}

/// Why the store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the database cannot be used: {0}")]
    Unusable(String),
    #[error(
        "the database was made by a newer version (its schema is {found}, this version knows {known}): \
         start the newer version"
    )]
    Newer { found: u64, known: u64 },
}

impl PostgresStore {
    /// Opens the store, and makes or migrates its tables: of several who do so at once, one does.
    pub async fn open(settings: PostgresSettings) -> Result<Self, OpenError> {
        let (timeout, lease) = (settings.timeout, settings.lease);
        let connections = Connections::new(settings).map_err(OpenError::Unusable)?;
        let mut inner = Inner { connections, timeout, lease, made_at: None, waiting: AtomicUsize::new(0) };
        inner.made_at = schema::migrate(&inner.connections).await?;
        let store = Self(Arc::new(inner));
        store.count_waiting().await.map_err(|fault| OpenError::Unusable(fault.to_string()))?;
        Ok(store)
    }

    /// When the store was made; `None` where this opening did.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.0.made_at
    }

    fn timeout(&self) -> Duration {
        self.0.timeout
    }

    async fn connection(&self) -> Result<Object, Stop> {
        self.0.connections.take().await.map_err(|fault| match fault {
            PoolError::Backend(fault) => fault.into(),
            PoolError::Timeout(_) => {
                StoreError::Unavailable("no connection to the database came free in time".to_owned()).into()
            }
            other => StoreError::Unavailable(other.to_string()).into(),
        })
    }

    fn forget_connections(&self) {
        self.0.connections.forget();
    }

    /// Asks for something that a single statement answers.
    async fn read(
        &self,
        sql: &'static str,
        parameters: transaction::Parameters<'_>,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let ask = async || {
            let connection = self.connection().await?;
            let statement = connection.prepare_cached(sql).await?;
            Ok::<_, Stop>(connection.query(&statement, parameters).await?)
        };
        let asked = async {
            match ask().await {
                Err(Stop::Lost(fault)) => {
                    tracing::debug!(error = fault, "a question is asked again");
                    self.forget_connections();
                    ask().await
                }
                answered => answered,
            }
        };
        self.within(async {
            asked.await.map_err(|stop| match stop {
                Stop::Refused(fault) => fault,
                Stop::Lost(fault) | Stop::Met(fault) => StoreError::Unavailable(fault),
            })
        })
        .await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
