//! The commands of `gateway user` about one account: they are endpoints, called.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::operators::{Line, Place, cell, confirm, password, print, print_json};
use gateway_command::Failure;
use gateway_command::terminal::table;

/// A role, as it is written at the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Role {
    User,
    Admin,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

#[derive(Subcommand)]
pub(super) enum Action {
    /// Make an account; its password is asked for, or read from a file
    Add {
        #[command(flatten)]
        place: Place,
        #[arg(long, default_value = "user")]
        role: Role,
        #[arg(long, default_value = "")]
        first_name: String,
        #[arg(long, default_value = "")]
        last_name: String,
        /// The first line of this file is the password; - is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        email: String,
    },
    /// Send somebody a mail by which they make their account themselves
    Invite {
        #[command(flatten)]
        place: Place,
        #[arg(long, default_value = "user")]
        role: Role,
        email: String,
    },
    /// Show all accounts
    List {
        #[command(flatten)]
        place: Place,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Show one account
    Show {
        #[command(flatten)]
        place: Place,
        /// For programs
        #[arg(long)]
        json: bool,
        /// The account, by its id or its address
        who: String,
    },
    /// Let somebody in no more: tokens and sessions are refused from the next request on
    Disable {
        #[command(flatten)]
        place: Place,
        /// The account, by its id or its address
        who: String,
    },
    /// Let somebody in again
    Enable {
        #[command(flatten)]
        place: Place,
        /// The account, by its id or its address
        who: String,
    },
    /// Change what somebody may do; tokens of the former role are refused from the next request on
    SetRole {
        #[command(flatten)]
        place: Place,
        /// The account, by its id or its address
        who: String,
        role: Role,
    },
    /// Give an account a new password, which is asked for or read from a file; its sessions end
    SetPassword {
        #[command(flatten)]
        place: Place,
        /// The first line of this file is the password; - is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The account, by its id or its address
        who: String,
    },
    /// Remove an account and what belongs to it, for good; the audit trail stays. At a terminal its
    /// address is asked for first
    Delete {
        #[command(flatten)]
        place: Place,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// The account, by its id or its address
        who: String,
    },
    /// Write all accounts as JSON lines; with their hashes `gateway user import` takes them
    Export {
        #[command(flatten)]
        place: Place,
        /// With the hashes of the passwords: keep the file as safe as the store
        #[arg(long)]
        with_password_hashes: bool,
    },
}

pub(super) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Add { place, role, first_name, last_name, password_file, email } => {
            // Before the store is opened: who thinks of a password must not keep a gateway from starting.
            let password = password(password_file.as_deref())?;
            let line = place.open()?;
            let body = json!({
                "email": email,
                "password": password.expose_secret(),
                "role": role.as_str(),
                "first_name": first_name,
                "last_name": last_name,
            });
            let user = &line.call(Method::POST, "/operator/users", Some(&body))?["user"];
            print(&format!("account {} made: {}\n", user["id"], cell(&user["email"])));
            Ok(())
        }
        Action::Invite { place, role, email } => {
            let body = json!({ "email": email, "role": role.as_str() });
            let invitation = place.open()?.call(Method::POST, "/api/auth/invitations", Some(&body))?;
            print(&format!("invited until {}: a mail is on its way\n", cell(&invitation["expires_at"])));
            Ok(())
        }
        Action::List { place, json } => list(&place.open()?, json),
        Action::Show { place, json, who } => {
            let user = place.open()?.user(&who)?;
            if json {
                print_json(&user);
                return Ok(());
            }
            let mut rows: Vec<_> = user.as_object().into_iter().flatten().collect();
            rows.sort_by_key(|(name, _)| (*name != "id", *name != "email", (*name).clone()));
            rows.iter().for_each(|(name, value)| print(&format!("{name:<15} {}\n", cell(value))));
            Ok(())
        }
        Action::Disable { place, who } => amend(place, &who, &json!({ "is_active": false })),
        Action::Enable { place, who } => amend(place, &who, &json!({ "is_active": true })),
        Action::SetRole { place, who, role } => amend(place, &who, &json!({ "role": role.as_str() })),
        Action::SetPassword { place, password_file, who } => {
            let password = password(password_file.as_deref())?;
            let line = place.open()?;
            let (id, name) = named(&line.user(&who)?);
            let body = json!({ "password": password.expose_secret() });
            let said = line.call(Method::PUT, &format!("/operator/users/{id}/password"), Some(&body))?;
            print(&format!("{name}: {}\n", cell(&said["message"])));
            Ok(())
        }
        Action::Delete { place, yes, who } => delete(place, yes, &who),
        Action::Export { place, with_password_hashes } => {
            place.open()?.each("/operator/users/export", 1_000, |user| {
                let mut user = user.clone();
                if let Some(members) = user.as_object_mut().filter(|_| !with_password_hashes) {
                    members.remove("password_hash");
                }
                print(&format!("{user}\n"));
                Ok(())
            })
        }
    }
}

/// An account's id, and how it is told of.
pub(super) fn named(user: &Value) -> (String, String) {
    let id = user["id"].to_string();
    let name = format!("account {id}, {}", cell(&user["email"]));
    (id, name)
}

fn delete(place: Place, yes: bool, who: &str) -> Result<(), Failure> {
    let mut line = place.clone().open()?;
    let user = line.user(who)?;
    let ((id, name), email) = (named(&user), cell(&user["email"]));
    if !yes && std::io::stdin().is_terminal() {
        // A person at the prompt must not keep a gateway from starting; an id is never given twice.
        drop(line);
        confirm(&format!("{name}, and what belongs to it will be deleted, for good."), &email)?;
        line = place.open()?;
    }
    line.call(Method::DELETE, &format!("/api/auth/users/{id}"), None)?;
    print(&format!("account {id} deleted: {email}\n"));
    Ok(())
}

fn list(line: &Line, json: bool) -> Result<(), Failure> {
    let columns = ["id", "email", "role", "is_active", "created_at"];
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    line.each("/api/auth/users", 500, |user| {
        rows.push(columns.iter().map(|column| cell(&user[*column])).collect());
        all.push(user.clone());
        Ok(())
    })?;
    if json {
        print_json(&Value::from(all));
    } else {
        print(&table(&["ID", "EMAIL", "ROLE", "ACTIVE", "CREATED"], &rows));
    }
    Ok(())
}

fn amend(place: Place, who: &str, change: &Value) -> Result<(), Failure> {
    let line = place.open()?;
    let id = line.user(who)?["id"].to_string();
    let said = line.call(Method::PATCH, &format!("/api/auth/users/{id}"), Some(change))?;
    let user = &said["user"];
    let activity = if user["is_active"] == true { "active" } else { "inactive" };
    print(&format!("account {id}: {}, {activity}\n", cell(&user["role"])));
    Ok(())
}
