//! `gateway session`: where people are logged in, and the end of that.

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::account::named;
use super::operators::{Place, cell, print, print_json};
use gateway_command::Failure;
use gateway_command::terminal::table;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show where somebody is logged in
    List {
        #[command(flatten)]
        place: Place,
        /// For programs
        #[arg(long)]
        json: bool,
        /// The account, by its id or its address
        who: String,
    },
    /// End one session, or all of somebody's; their tokens are refused from the next request on
    End {
        #[command(flatten)]
        place: Place,
        /// All sessions of this account, by its id or its address
        #[arg(long, value_name = "WHO", required_unless_present = "session", conflicts_with = "session")]
        user: Option<String>,
        /// One session, by its id
        session: Option<String>,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.action {
        Action::List { place, json, who } => {
            let line = place.open()?;
            let id = line.user(&who)?["id"].to_string();
            let found = line.get(&format!("/operator/users/{id}/sessions"))?;
            if json {
                print_json(&found);
                return Ok(());
            }
            let columns = ["id", "created_at", "last_used_at", "expires_at", "address", "user_agent"];
            let sessions = found["sessions"].as_array().cloned().unwrap_or_default();
            let row = |session: &Value| columns.iter().map(|column| cell(&session[*column])).collect();
            let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
            print(&table(&["SESSION", "CREATED", "LAST USED", "EXPIRES", "ADDRESS", "USER AGENT"], &rows));
            Ok(())
        }
        Action::End { place, user, session } => {
            let line = place.open()?;
            let said = match (user, session) {
                (Some(who), _) => {
                    let (id, name) = named(&line.user(&who)?);
                    let said = line.call(Method::POST, &format!("/api/auth/users/{id}/logout"), None)?;
                    format!("{name}: {}", cell(&said["message"]))
                }
                (None, session) => {
                    let session = session.unwrap_or_default();
                    let said = line.call(Method::DELETE, &format!("/operator/sessions/{session}"), None)?;
                    cell(&said["message"])
                }
            };
            print(&format!("{said}\n"));
            Ok(())
        }
    }
}
