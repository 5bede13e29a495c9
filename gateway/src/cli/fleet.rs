//! `gateway fleet`: the gateways that share a database.

use std::path::PathBuf;

use serde_json::json;

use super::operators::{print, print_json};
use gateway_command::Failure;
use gateway_command::terminal::table;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration that names the database (store.url, or DATABASE_URL)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = super::store::database(arguments.config.as_deref())?.ok_or_else(|| {
        Failure::Other("the configuration names no database, so that there is one gateway: set store.url, or DATABASE_URL".to_owned())
    })?;
    let store = super::store::open(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| Failure::Other(format!("no runtime can be made: {fault}")))?;
    let fleet = runtime.block_on(store.fleet()).map_err(|fault| Failure::Other(fault.to_string()))?;
    if arguments.json {
        let gateways = fleet.iter().map(|seen| {
            json!({
                "name": seen.member.name,
                "version": seen.member.version,
                "live": seen.is_live,
                "started_at": seen.started_at.to_string(),
                "last_seen_at": seen.last_seen_at.to_string(),
                "staleness_ms": u64::try_from(seen.member.staleness.as_millis()).unwrap_or(u64::MAX),
                "keys": seen.member.keys,
            })
        });
        print_json(
            &json!({"schema": gateway_store_postgres::SCHEMA, "gateways": gateways.collect::<Vec<_>>()}),
        );
        return Ok(());
    }
    let rows = fleet.iter().map(|seen| {
        let keys = seen.member.keys.iter().map(|held| format!("{} {}", held.usage, held.signs));
        vec![
            seen.member.name.clone(),
            seen.member.version.clone(),
            if seen.is_live { "yes" } else { "no" }.to_owned(),
            seen.started_at.to_string(),
            seen.last_seen_at.to_string(),
            format!("{} ms", seen.member.staleness.as_millis()),
            keys.collect::<Vec<_>>().join(", "),
        ]
    });
    let heading = ["NAME", "VERSION", "LIVE", "STARTED", "LAST SEEN", "STALENESS", "SIGNS BY"];
    print(&table(&heading, &rows.collect::<Vec<_>>()));
    Ok(())
}
