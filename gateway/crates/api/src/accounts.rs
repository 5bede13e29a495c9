//! Accounts out of the house and into it, for an operator at the machine.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::caller::Operator;
use super::page::Page;
use super::view::detail;
use super::{Client, Shared};
use gateway_identity::person_name;
use gateway_password::ImportedHash;
use gateway_problem::{Code, Problem};
use gateway_store::{Account, Event, Taken, UnitOfWork, User};

/// Accounts in one answer of an export.
const EXPORTED_MAX: u64 = 1_000;

/// Accounts with all that an import takes, hashes included: for moving out.
pub(super) async fn export(
    State(services): State<Shared>,
    _: Operator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let page = Page::parse(query.as_deref(), EXPORTED_MAX, EXPORTED_MAX)?;
    let found = services.users.page(page.offset(), page.per_page).await?;
    let users: Vec<_> = found.users.iter().map(whole).collect();
    Ok(Answer::ok(json!({ "users": users, "pagination": page.describe(found.total) })))
}

#[expect(clippy::indexing_slicing, reason = "`detail` makes an object")]
fn whole(user: &User) -> serde_json::Value {
    let mut view = detail(user);
    view["password_hash"] = user.password_hash.0.clone().into();
    view
}

/// Accounts from another system, some at a time.
#[derive(Deserialize)]
struct Import {
    accounts: Vec<Account>,
    /// Only say what stands in their way.
    dry_run: bool,
}

/// A hash with which nobody could log in at this gateway, as it was started.
fn unknown_method(services: &Shared, account: &Account) -> Option<Taken> {
    let hash = ImportedHash::parse(&account.password_hash.0).ok();
    let method = hash.map(|hash| hash.method());
    match method {
        Some(method) if services.hashing.takes(&method) => None,
        Some(method) => Some(Taken::Method(method.to_string())),
        None => Some(Taken::Method("unknown".to_owned())),
    }
}

/// With `dry_run` what is taken of each; else all are added or none.
pub(super) async fn import(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    body: Bytes,
) -> Result<Answer, Problem> {
    let import = std::str::from_utf8(&body).ok().and_then(|body| serde_json::from_str(body).ok());
    let import: Import = import.ok_or(Problem::new(Code::MalformedJson))?;
    let methods: Vec<_> = import.accounts.iter().map(|account| unknown_method(&services, account)).collect();
    if import.dry_run {
        let taken = services.users.taken(import.accounts).await?;
        let taken = taken.into_iter().zip(methods).map(|(taken, method)| taken.or(method));
        let taken: Vec<_> = taken.collect();
        return Ok(Answer::ok(json!({ "taken": taken })));
    }
    for account in &import.accounts {
        for (field, name) in [("first_name", &account.first_name), ("last_name", &account.last_name)] {
            person_name(name).map_err(|fault| {
                Problem::new(Code::ValidationFailed).with_message(format!("{field} {fault}"))
            })?;
        }
    }
    if methods.iter().any(Option::is_some) {
        let message = "password_hash is of a method that this gateway does not take";
        return Err(Problem::new(Code::ValidationFailed).with_message(message));
    }
    let count = import.accounts.len();
    let told = if count == 1 { "1 account".to_owned() } else { format!("{count} accounts") };
    let event = client.event(Event::AccountsImported, &services).by(operator.actor).with_detail(told);
    let work = UnitOfWork::because(event);
    services.commit(|services| async move { services.users.import(import.accounts, work).await }).await?;
    Ok(Answer::ok(json!({ "imported": count })))
}
