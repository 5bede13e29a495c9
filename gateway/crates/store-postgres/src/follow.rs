//! The ledger as a gateway follows it, on a connection of its own: what was committed since it was asked
//! last.
//!
//! Numbers of a sequence would not do: a transaction with a low one may commit after one with a high one,
//! and be passed over. Each row has the id of the transaction that wrote it, and each answer the oldest id
//! that was still running (`pg_snapshot_xmin`): what is older was seen, and the next question is for all
//! from there on. Whoever commits late has an id from there on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::PostgresStore;
use super::connect::Connector;
use super::fault::{damaged, said};
use super::load::{column, timestamp};
use super::revocations::revocation;
use gateway_clock::{Clock as _, SharedClock, SystemClock};
use gateway_store::{Revocation, RevocationFeed, StoreError};

/// What is notified where something is revoked, and in no other transaction: it costs each that does a
/// lock which all of them share.
pub(crate) const NOTIFY: &str = "SELECT pg_notify('gateway_revocations', '')";

/// An index is used, whatever the planner knows of the table, and nothing is notified before this is.
const PREPARE: &str = "SET enable_seqscan = off; LISTEN gateway_revocations";

/// A snapshot with its oldest running transaction, and what is not older than that of the question.
const CHANGES: &str = "SELECT kind, id, minimum, until, pg_snapshot_xmin(pg_current_snapshot())::text, \
                       (extract(epoch FROM clock_timestamp()) * 1000)::bigint \
                       FROM (SELECT) AS always LEFT JOIN gateway.revocations ON xid >= $1::text::xid8";

/// How long an answer may take: of what changed, and of everything.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
const READ_WITHIN: Duration = Duration::from_secs(60);

/// The ledger, followed.
pub struct Follower {
    connector: Connector,
    woken: Arc<Notify>,
    clock: Arc<SharedClock>,
    following: Mutex<Option<Following>>,
}

struct Following {
    client: Client,
    /// The oldest transaction that was running when the last answer was given.
    running_since: String,
}

impl PostgresStore {
    /// One that follows its ledger from the beginning, and sets the clock by that of the database: moments
    /// are compared between gateways.
    pub fn follower(&self, clock: Arc<SharedClock>) -> Follower {
        let connector = self.0.connections.connector();
        Follower { connector, clock, woken: Arc::default(), following: Mutex::default() }
    }
}

#[async_trait]
impl RevocationFeed for Follower {
    async fn changes(&self) -> Result<Vec<Revocation>, StoreError> {
        let mut following = self.following.lock().await;
        // Another connection may be one to another server, which took over and never had some of it: then
        // everything is asked for, and nothing that is known is forgotten.
        let is_new = following.as_ref().is_none_or(|following| following.client.is_closed());
        let within = if is_new { READ_WITHIN } else { ANSWERED_WITHIN };
        let asked = tokio::time::timeout(within, async {
            let before = following.take().filter(|_| !is_new);
            let before = match before {
                Some(before) => before,
                None => self.connect().await?,
            };
            self.ask(before).await
        });
        let asked = asked.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(format!("the database did not answer within {within:?}")))
        });
        let (changes, next) = asked?;
        *following = Some(next);
        Ok(changes)
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Follower {
    async fn connect(&self) -> Result<Following, StoreError> {
        let connected = async {
            let (client, _) = self.connector.open(Some(Arc::clone(&self.woken))).await?;
            client.batch_execute(PREPARE).await?;
            Ok::<_, tokio_postgres::Error>(client)
        };
        let client = connected.await.map_err(|fault| StoreError::Unavailable(said(&fault)))?;
        Ok(Following { client, running_since: "0".to_owned() })
    }
}

impl Follower {
    async fn ask(&self, following: Following) -> Result<(Vec<Revocation>, Following), StoreError> {
        let Following { client, running_since } = following;
        // Planned for this very number, and by no prepared statement: those of a pooler in between may be gone.
        let asked = SystemClock.now();
        let rows = client.query_typed(CHANGES, &[(&running_since, Type::TEXT)]).await;
        let rows = rows.map_err(|fault| StoreError::Unavailable(said(&fault)))?;
        let last = rows.last().ok_or_else(|| damaged("the ledger of revocations"))?;
        if let Some(ahead) = self.clock.set(timestamp(column(last, 5)?)?, asked, SystemClock.now()) {
            tracing::info!(
                ahead_milliseconds = ahead,
                "the clock of the database is not this machine's, and counts"
            );
        }
        let running_since = column(last, 4)?;
        let is_some =
            |row: &&tokio_postgres::Row| column::<Option<i8>>(row, 0).is_ok_and(|kind| kind.is_some());
        let changes = rows.iter().filter(is_some).map(revocation).collect::<Result<_, _>>()?;
        Ok((changes, Following { client, running_since }))
    }
}
