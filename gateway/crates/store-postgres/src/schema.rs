//! The tables, and how they come about: under one lock, so that of several gateways that start at once one
//! makes them.

use deadpool_postgres::Object;
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_identity::InstallationId;

use super::OpenError;
use super::connect::Connections;
use super::fault::said;

/// Each brings the tables of the version before to its own, in one transaction.
const MIGRATIONS: [&str; 1] = [include_str!("../schema/1.sql")];

/// The version of the tables that this program knows.
pub const VERSION: u64 = MIGRATIONS.len() as u64;

/// Of whoever makes or changes tables. Any number would do; it is the same in all versions.
const LOCK: i64 = 0x0067_6174_6577_6179;

/// Versions from which on this one can work with a database: what a later version adds, it does not see.
const COMPATIBLE_WITH: u64 = 1;

/// Brings the tables to this version. Answers when the store was made, if it was there before.
pub(crate) async fn migrate(connections: &Connections) -> Result<Option<Timestamp>, OpenError> {
    let connection = connections.take().await.map_err(|fault| match fault {
        deadpool_postgres::PoolError::Backend(fault) => OpenError::Unusable(said(&fault)),
        other => OpenError::Unusable(other.to_string()),
    })?;
    match version(&connection).await? {
        Some(found) if is_known(found)? => made_at(&connection).await,
        _ => {
            let outcome = migrate_alone(&connection).await;
            // Whatever happened, the lock and the transaction end with the connection.
            drop(Object::take(connection));
            outcome
        }
    }
}

/// Whether nothing is to be done.
fn is_known(found: Version) -> Result<bool, OpenError> {
    let known = VERSION;
    if found.compatible_with > known {
        return Err(OpenError::Newer { found: found.version, known });
    }
    Ok(found.version >= known)
}

#[derive(Clone, Copy)]
struct Version {
    version: u64,
    compatible_with: u64,
}

async fn version(connection: &Object) -> Result<Option<Version>, OpenError> {
    // Not by to_regclass: that may be answered from a cache of before the lock was waited for.
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 'schema_version' \
               AND relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'gateway'))";
    let there = connection.query_one(sql, &[]).await;
    if !there.and_then(|row| row.try_get::<_, bool>(0)).map_err(unusable)? {
        return Ok(None);
    }
    let row = connection.query_opt("SELECT version, compatible_with FROM gateway.schema_version", &[]).await;
    let Some(row) = row.map_err(unusable)? else { return Ok(None) };
    let number = |place: usize| row.try_get::<_, i64>(place).map(i64::cast_unsigned).map_err(unusable);
    Ok(Some(Version { version: number(0)?, compatible_with: number(1)? }))
}

async fn made_at(connection: &Object) -> Result<Option<Timestamp>, OpenError> {
    let row = connection.query_opt("SELECT value FROM gateway.meta WHERE name = 'made_at'", &[]).await;
    let value = row.map_err(unusable)?.map(|row| row.try_get::<_, String>(0)).transpose();
    Ok(value.map_err(unusable)?.and_then(|millis| Some(Timestamp::from_millis(millis.parse().ok()?))))
}

async fn migrate_alone(connection: &Object) -> Result<Option<Timestamp>, OpenError> {
    let run = async |sql: &str| connection.batch_execute(sql).await.map_err(unusable);
    run("BEGIN").await?;
    connection.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(unusable)?;
    // Whoever had the lock before may have done it.
    let found = version(connection).await?;
    if let Some(found) = found
        && is_known(found)?
    {
        run("COMMIT").await?;
        return made_at(connection).await;
    }
    run("CREATE SCHEMA IF NOT EXISTS gateway").await?;
    run("CREATE TABLE IF NOT EXISTS gateway.schema_version (version bigint NOT NULL, compatible_with bigint NOT NULL)")
        .await?;
    let before = found.map_or(0, |found| found.version);
    for migration in MIGRATIONS.iter().skip(usize::try_from(before).unwrap_or(usize::MAX)) {
        run(migration).await?;
    }
    run("DELETE FROM gateway.schema_version").await?;
    let (version, compatible) = (VERSION.cast_signed(), COMPATIBLE_WITH.cast_signed());
    let sql = "INSERT INTO gateway.schema_version VALUES ($1, $2)";
    connection.execute(sql, &[&version, &compatible]).await.map_err(unusable)?;
    if before == 0 {
        let named = [
            ("installation", InstallationId::random().to_string()),
            ("made_at", SystemClock.now().millis().to_string()),
        ];
        for (name, value) in named {
            let sql = "INSERT INTO gateway.meta VALUES ($1, $2)";
            connection.execute(sql, &[&name, &value]).await.map_err(unusable)?;
        }
    }
    run("COMMIT").await?;
    tracing::info!(from = before, to = version, "the tables of the store were brought to this version's");
    if before == 0 { Ok(None) } else { made_at(connection).await }
}

fn unusable(fault: tokio_postgres::Error) -> OpenError {
    OpenError::Unusable(said(&fault))
}
