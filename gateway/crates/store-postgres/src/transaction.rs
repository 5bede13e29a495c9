//! A transaction: what it reads and writes goes to the server without waiting for each answer, and how it
//! ended is known, or asked for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use gateway_store::StoreError;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, SimpleQueryMessage};

use super::PostgresStore;
use super::fault::{Stop, damaged, said};

/// How often a change is tried that met another one, or lost its connection before it was committed.
const TRIES_MAX: u32 = 4;
/// Of these, how often with another connection.
const CONNECTIONS_MAX: u32 = 2;
/// How long is waited until the server is asked again how a transaction ended.
const ASKED_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

/// The parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A statement with its parameters, to be carried out with others.
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

/// A connection in a transaction. One that did not end in order is closed, and with it the transaction.
pub(crate) struct Transaction {
    connection: Option<Object>,
    id: String,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

impl Transaction {
    /// READ COMMITTED: each statement sees what was committed before it, and whoever decides by a row
    /// locks it first. The id is asked for now, so that it can be asked later what became of it.
    pub(crate) async fn begin(connection: Object) -> Result<Self, Stop> {
        const BEGIN: &str =
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_current_xact_id()::text";
        let mut this = Self { connection: Some(connection), id: String::new() };
        let answers = this.client()?.simple_query(BEGIN).await?;
        let id = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        this.id = id.ok_or_else(|| damaged("the id of a transaction"))?;
        Ok(this)
    }

    /// One that was begun already, and is only read in.
    pub(crate) fn reading(connection: Object) -> Self {
        Self { connection: Some(connection), id: String::new() }
    }

    fn client(&self) -> Result<&Object, Stop> {
        self.connection.as_ref().ok_or_else(|| Stop::Lost("the transaction is over".to_owned()))
    }

    /// Has these prepared, so that what goes out together goes out in its order: what is prepared already
    /// would overtake what is not, and a look that is to come after a lock would come before it.
    pub(crate) async fn prepare(&self, statements: &[&str]) -> Result<(), Stop> {
        for sql in statements {
            self.client()?.prepare_cached(sql).await?;
        }
        Ok(())
    }

    pub(crate) async fn rows(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Stop> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, parameters).await?)
    }

    pub(crate) async fn row(&self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, Stop> {
        Ok(self.rows(sql, parameters).await?.into_iter().next())
    }

    pub(crate) async fn execute(&self, sql: &str, parameters: Parameters<'_>) -> Result<u64, Stop> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.execute(&statement, parameters).await?)
    }

    /// All of them, one after the other, without waiting in between.
    pub(crate) async fn execute_all(&self, statements: Vec<Statement>) -> Result<(), Stop> {
        let client = self.client()?;
        // Of those that this connection has prepared already, nothing is asked.
        let mut prepared = Vec::new();
        for statement in &statements {
            prepared.push(client.prepare_cached(statement.sql).await?);
        }
        let parameters: Vec<Vec<&(dyn ToSql + Sync)>> = statements
            .iter()
            .map(|one| one.parameters.iter().map(|one| &**one as &(dyn ToSql + Sync)).collect())
            .collect();
        let executed = prepared.iter().zip(&parameters).map(|(statement, parameters)| {
            Box::pin(async move { client.execute(statement, parameters).await.map(drop) }) as Executed<'_>
        });
        in_turn(executed.collect()).await?;
        Ok(())
    }

    async fn roll_back(mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.batch_execute("ROLLBACK").await.is_err() {
            drop(Object::take(connection));
        }
    }

    /// Whether it is durable; `None` where the answer did not come.
    async fn commit(mut self) -> Result<Option<()>, Stop> {
        let Some(connection) = self.connection.take() else {
            return Err(Stop::Lost("the transaction is over".to_owned()));
        };
        match connection.batch_execute("COMMIT").await {
            Ok(()) => Ok(Some(())),
            // The server refused: a deferred constraint, or a disk that is full.
            Err(fault) if fault.as_db_error().is_some_and(|said| !is_end_of_connection(said)) => {
                drop(Object::take(connection));
                Err(fault.into())
            }
            Err(_) => {
                drop(Object::take(connection));
                Ok(None)
            }
        }
    }
}

/// A server that goes down says so, and may have committed all the same.
fn is_end_of_connection(said: &tokio_postgres::error::DbError) -> bool {
    let code = said.code().code();
    code.starts_with("57P") || code.starts_with("08")
}

type Executed<'a> = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send + 'a>>;

/// Polls them in their order: that is the order in which their statements are sent.
async fn in_turn(mut running: Vec<Executed<'_>>) -> Result<(), tokio_postgres::Error> {
    poll_fn(|context| {
        let mut fault = None;
        running.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(done) => {
                fault = fault.take().or(done.err());
                false
            }
        });
        match fault {
            Some(fault) => Poll::Ready(Err(fault)),
            None if running.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

impl PostgresStore {
    /// Runs `work` as one transaction, within the time that the settings give. It may run more than once:
    /// it must have no effect but on the transaction.
    pub(crate) async fn transact<T>(
        &self,
        work: impl AsyncFn(&Transaction) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        self.within(self.tries(&work)).await
    }

    /// Whatever the server does, nobody waits for longer than the time-out.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let timeout = self.timeout();
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| {
            let said = format!(
                "the database did not answer within {timeout:?}; a change that was asked for may have been made"
            );
            Err(StoreError::Unavailable(said))
        })
    }

    async fn tries<T>(&self, work: &impl AsyncFn(&Transaction) -> Result<T, Stop>) -> Result<T, StoreError> {
        let (mut tries, mut connections) = (1, 1);
        loop {
            let fault = match self.attempt(work).await {
                Ok(done) => return Ok(done),
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Met(fault)) => fault,
                Err(Stop::Lost(fault)) => {
                    // Those that wait in the pool are lost with it, as a rule.
                    self.forget_connections();
                    connections += 1;
                    fault
                }
            };
            tries += 1;
            if tries > TRIES_MAX || connections > CONNECTIONS_MAX {
                return Err(StoreError::Unavailable(fault));
            }
            tracing::debug!(error = fault, "a transaction is tried again");
        }
    }

    async fn attempt<T>(&self, work: &impl AsyncFn(&Transaction) -> Result<T, Stop>) -> Result<T, Stop> {
        let transaction = Transaction::begin(self.connection().await?).await?;
        let value = match work(&transaction).await {
            Ok(value) => value,
            Err(stop) => {
                transaction.roll_back().await;
                return Err(stop);
            }
        };
        self.end(transaction, value).await
    }

    /// Commits, and answers the value once that is known.
    pub(crate) async fn end<T>(&self, transaction: Transaction, value: T) -> Result<T, Stop> {
        let id = transaction.id.clone();
        match transaction.commit().await? {
            Some(()) => Ok(value),
            None if self.was_committed(&id).await? => Ok(value),
            None => Err(Stop::Lost("the connection was lost before the commit".to_owned())),
        }
    }

    /// How a transaction ended whose answer was lost: asked until the server says it, or the time is over.
    async fn was_committed(&self, id: &str) -> Result<bool, Stop> {
        self.forget_connections();
        loop {
            match self.status(id).await {
                Ok(Some(status)) if status == "committed" => return Ok(true),
                Ok(Some(status)) if status == "aborted" => return Ok(false),
                Ok(Some(_)) => {}
                Ok(None) => return Err(unknown("it is forgotten").into()),
                // After a failover that lost the end of the log, no such id was given yet.
                Err(Stop::Refused(fault)) => return Err(unknown(&fault.to_string()).into()),
                Err(Stop::Lost(_) | Stop::Met(_)) => {}
            }
            tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        }
    }

    async fn status(&self, id: &str) -> Result<Option<String>, Stop> {
        let connection = self.connection().await?;
        let row = connection.query_one("SELECT pg_xact_status($1::text::xid8)", &[&id]).await;
        let row = row.inspect_err(|fault| tracing::debug!(error = said(fault), "how did it end?"))?;
        Ok(row.try_get(0)?)
    }
}

fn unknown(why: &str) -> StoreError {
    StoreError::Unavailable(format!("whether the change was made is not known: {why}"))
}
