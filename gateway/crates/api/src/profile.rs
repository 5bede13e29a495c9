//! `/api/auth/profile`: one's own account, and what is kept of it.

mod export;

use axum::extract::State;

pub(super) use export::*;

use super::answer::Answer;
use super::body::{Fields, names};
use super::caller::Authenticated;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use gateway_problem::{Code, Problem};
use gateway_store::{Event, UnitOfWork};

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
    let id = caller.user.id;
    let event = client.event(Event::AccountChanged, &services).about(id).by(caller.actor());
    let work = UnitOfWork::because(event.with_detail("names"));
    let amend = |services: Shared| async move { services.users.amend(id, amendment, until, work).await };
    services.commit(amend).await?.ok_or(Problem::new(Code::TokenInvalid))?;
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
