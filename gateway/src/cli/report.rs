//! `gateway report`: what happened in a period, in numbers.

use serde_json::Value;

use super::operators::{Place, cell, print, print_json};
use gateway_command::Failure;
use gateway_command::terminal::table;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Not before this time, such as 2026-01-31T00:00:00Z [default: a day before the end]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Not after this time [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("since", &arguments.since), ("until", &arguments.until)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let report = arguments.place.open()?.get(&format!("/api/auth/reports?{}", query.finish()))?;
    if arguments.json {
        print_json(&report);
        return Ok(());
    }
    print(&format!("{} to {}\n\n", cell(&report["since"]), cell(&report["until"])));
    let mut rows = Vec::new();
    for part in ["users", "logins", "sessions", "revocations", "refused", "events"] {
        for (name, count) in report[part].as_object().into_iter().flatten() {
            rows.push(vec![part.to_owned(), name.clone(), cell(&Value::clone(count))]);
        }
    }
    print(&table(&["WHAT", "WHICH", "HOW MANY"], &rows));
    Ok(())
}
