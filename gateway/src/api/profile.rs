//! `GET` and `PUT /api/auth/profile`: one's own account.

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::body::{Fields, names};
use super::caller::Authenticated;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use crate::problem::{Code, Problem};
use crate::store::{AuditQuery, StoreError, User};
use crate::telemetry::{Event, SecurityLine};

refusals!(ReadRefusals: TOKEN; AccountRequired);

#[utoipa::path(
    get,
    path = "/api/auth/profile",
    tag = "account",
    operation_id = "readProfile",
    summary = "Get the profile",
    description = "The caller's own account.",
    security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = schema::ProfileAnswer), ReadRefusals),
)]
pub(super) async fn read(caller: Authenticated) -> Answer {
    let body = schema::ProfileAnswer { user: schema::Profile::from(&caller.user) };
    Answer::ok(body).with_quota(&caller.quota)
}

refusals!(WriteRefusals: TOKEN BODY; AccountRequired);

/// Only the names can be changed here: any other member of the body is ignored.
#[utoipa::path(
    put,
    path = "/api/auth/profile",
    tag = "account",
    operation_id = "changeProfile",
    summary = "Update the profile",
    description = "The caller's own names; nothing else of an account can be changed here.",
    request_body(content = Option<schema::NamesChange>),
    security(("bearer" = [])),
    responses((status = 200, description = "Changed.", body = schema::Message), WriteRefusals),
)]
pub(super) async fn write(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
    fields: Fields,
) -> Result<Answer, Problem> {
    let amendment = names(&fields)?;
    let until = services.sessions.access_tokens_end(services.clock.now());
    let line = SecurityLine { now: Some("names".to_owned()), ..client.line() };
    let deed = client.deed(Event::AccountChanged, line, &services).about(caller.user.id);
    let deed = deed.by(caller.actor());
    let changed = services.users.amend(caller.user.id, amendment, until, deed.along()).await?;
    if changed.ok_or(Problem::new(Code::TokenInvalid))?.is_changed {
        deed.tell(&services);
    }
    Ok(Answer::message("Profile updated").with_quota(&caller.quota))
}

refusals!(DeleteRefusals: TOKEN BODY CONFIRMS; AccountRequired UserNotFound LastAdmin);

/// The account is gone for good, by its owner's wish.
#[utoipa::path(
    delete,
    path = "/api/auth/profile",
    tag = "account",
    operation_id = "deleteProfile",
    summary = "Delete the account",
    description = "The caller's own. The password is asked for once more, as this cannot be taken back.",
    request_body = schema::AccountRemoval,
    security(("bearer" = [])),
    responses((status = 200, description = "The account and what belongs to it is gone.", body = schema::Message), DeleteRefusals),
)]
pub(super) async fn delete(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
    fields: Fields,
) -> Result<Answer, Problem> {
    let password = fields.text("current_password")?.filter(|text| !text.is_empty());
    let password = password
        .ok_or_else(|| Problem::new(Code::ValidationFailed).with_message("current_password is required"))?;
    services.confirm(&caller.user, &client, password).await?;
    services.delete(&caller.user, &client, caller.actor()).await?;
    Ok(Answer::message("Account deleted").with_quota(&caller.quota))
}

/// Newest events of the audit trail that an export holds.
const EVENTS_MAX: usize = 10_000;

refusals!(ExportRefusals: TOKEN; AccountRequired);

/// Everything that is kept of a person (GDPR, articles 15 and 20); password hashes stay here.
#[utoipa::path(
    get,
    path = "/api/auth/profile/export",
    tag = "account",
    operation_id = "exportProfile",
    summary = "Export the account",
    description = "Everything that is kept of the caller (GDPR, articles 15 and 20).",
    security(("bearer" = [])),
    responses((status = 200, description = "A file for a browser to keep.", body = schema::Export, headers(("Content-Disposition" = String))), ExportRefusals),
)]
pub(super) async fn export(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
) -> Result<Answer, Problem> {
    let user = &caller.user;
    let now = services.clock.now();
    let sessions = services.sessions.sessions.of_user(user.id, now).await?;
    let sessions: Vec<_> = sessions.iter().map(|one| schema::OwnSession::of(one, caller.session)).collect();
    let query = AuditQuery { user: Some(user.id), limit: EVENTS_MAX, ..AuditQuery::default() };
    let events = services.audit.find(query).await?.lines;
    let events: Vec<_> = events.iter().map(|line| own(line, user)).collect::<Result<_, _>>()?;
    let account = schema::Account::from(user);
    let line = SecurityLine { user_id: Some(user.id.get()), ..client.line() };
    client.deed(Event::AccountExported, line, &services).by(caller.actor()).record(&services).await?;
    let body = json!({
        "exported_at": now.to_string(),
        "account": account,
        "sessions": sessions,
        "events": events,
    });
    Ok(Answer::ok(body).named("account.json").with_quota(&caller.quota))
}

/// An event as the person whom it concerns may have it: from where somebody else acted, and the address
/// of whom it was about, is theirs (GDPR, article 15 (4)). The seal goes with that.
fn own(line: &str, user: &User) -> Result<Value, StoreError> {
    let damaged = |_| StoreError::Corrupt("an entry of the audit trail".to_owned());
    let mut event: Map<String, Value> = serde_json::from_str(line).map_err(damaged)?;
    let actor = event.get("actor").map(|actor| &actor["user_id"]);
    let by_others = actor.is_some_and(|actor| *actor != json!(user.id));
    let about_others = event.get("email").is_some_and(|email| *email != json!(user.email));
    let withheld = [
        (true, &["prev", "hash"][..]),
        (by_others, &["address", "user_agent", "request_id"]),
        (about_others, &["email"]),
    ];
    for (_, members) in withheld.iter().filter(|(withheld, _)| *withheld) {
        members.iter().for_each(|member| drop(event.remove(*member)));
    }
    Ok(Value::Object(event))
}
