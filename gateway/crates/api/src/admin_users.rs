//! `/api/auth/users`: the accounts, for administrators.

use axum::extract::{Path, RawQuery, State};

use super::answer::Answer;
use super::body::{Fields, names};
use super::caller::Administrator;
use super::openapi::refusals::refusals;
use super::page::Page;
use super::view::{answer, role};
use super::{Client, Shared, schema};
use gateway_identity::UserId;
use gateway_problem::{Code, Problem};
use gateway_store::{Amendment, Event, SessionScope, UnitOfWork};

/// Usual and largest size of a page.
const PER_PAGE: (u64, u64) = (100, 500);

refusals!(ListRefusals: TOKEN; AdminRequired ValidationFailed);

#[utoipa::path(
    get,
    path = "/api/auth/users",
    tag = "administration",
    operation_id = "listUsers",
    summary = "List users",
    description = "A page of all accounts, in the order in which they were made.",
    params(
        ("page" = Option<schema::Counting>, Query, description = "From 1."),
        ("per_page" = Option<schema::Counting>, Query, description = "100, unless it is said; 500 at most, and more is as 500."),
    ),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of them.", body = schema::Accounts), ListRefusals),
)]
pub(super) async fn list(
    State(services): State<Shared>,
    admin: Administrator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let page = Page::parse(query.as_deref(), PER_PAGE.0, PER_PAGE.1)?;
    let found = services.users.page(page.offset(), page.per_page).await?;
    let users = found.users.iter().map(schema::AccountSummary::from).collect();
    let body = schema::Accounts { users, pagination: page.describe(found.total) };
    Ok(Answer::ok(body).with_quota(admin.quota.as_ref()))
}

refusals!(ReadRefusals: TOKEN; AdminRequired UserNotFound);

#[utoipa::path(
    get,
    path = "/api/auth/users/{id}",
    tag = "administration",
    operation_id = "readUser",
    summary = "Get a user",
    description = "One account, by its `id`.",
    params(("id" = schema::AccountId, Path, description = "`id` of an account")),
    security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = schema::AccountAnswer), ReadRefusals),
)]
pub(super) async fn read(
    State(services): State<Shared>,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let user = match id.parse::<UserId>() {
        Ok(id) => services.users.by_id(id).await?,
        Err(()) => None,
    };
    let user = user.ok_or(Problem::new(Code::UserNotFound))?;
    Ok(Answer::ok(answer(&user)).with_quota(admin.quota.as_ref()))
}

refusals!(AmendRefusals: TOKEN BODY; AdminRequired UserNotFound LastAdmin);

/// A change of role or activity refuses the tokens that were already issued, from the next request on.
#[utoipa::path(
    patch,
    path = "/api/auth/users/{id}",
    tag = "administration",
    operation_id = "changeUser",
    summary = "Update a user",
    description = "A change of role or activity refuses the tokens that were already issued.",
    params(("id" = schema::AccountId, Path, description = "`id` of an account")),
    request_body(content = Option<schema::AccountChange>),
    security(("bearer" = [])),
    responses((status = 200, description = "As it is now.", body = schema::AccountAnswer), AmendRefusals),
)]
pub(super) async fn amend(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Answer, Problem> {
    let amendment = Amendment {
        role: fields.text("role")?.map(role).transpose()?,
        is_active: fields.flag("is_active")?,
        ..names(&fields)?
    };
    let id: UserId = id.parse().map_err(|()| Problem::new(Code::UserNotFound))?;
    let until = services.sessions.access_tokens_end(services.clock.now());
    // The store adds what the account is then.
    let event = client.event(Event::AccountChanged, &services).about(id).by(admin.actor);
    let work = UnitOfWork::because(event);
    let amend = |services: Shared| async move { services.users.amend(id, amendment, until, work).await };
    let amended = services.commit(amend).await?.ok_or(Problem::new(Code::UserNotFound))?;
    Ok(Answer::ok(answer(&amended.user)).with_quota(admin.quota.as_ref()))
}

refusals!(DeleteRefusals: TOKEN; AdminRequired UserNotFound LastAdmin);

/// The account and what belongs to it is gone; the audit trail stays.
#[utoipa::path(
    delete,
    path = "/api/auth/users/{id}",
    tag = "administration",
    operation_id = "deleteUser",
    summary = "Delete a user",
    description = "The account, its sessions and its tokens. The audit trail stays.",
    params(("id" = schema::AccountId, Path, description = "`id` of an account")),
    security(("bearer" = [])),
    responses((status = 200, description = "The account and what belongs to it is gone; the audit trail stays.", body = schema::Message), DeleteRefusals),
)]
pub(super) async fn delete(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id: UserId = id.parse().map_err(|()| Problem::new(Code::UserNotFound))?;
    let user = services.users.by_id(id).await?.ok_or(Problem::new(Code::UserNotFound))?;
    services.delete(&user, &client, admin.actor).await?;
    Ok(Answer::message("User deleted").with_quota(admin.quota.as_ref()))
}

refusals!(LogoutRefusals: TOKEN; AdminRequired UserNotFound);

/// All sessions of a user end, and so do the tokens that were issued in them.
#[utoipa::path(
    post,
    path = "/api/auth/users/{id}/logout",
    tag = "administration",
    operation_id = "logoutUser",
    summary = "End all sessions of a user",
    description = "Their tokens are refused from the next request on.",
    params(("id" = schema::AccountId, Path, description = "`id` of an account")),
    security(("bearer" = [])),
    responses((status = 200, description = "They are over.", body = schema::Message), LogoutRefusals),
)]
pub(super) async fn logout(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id: UserId = id.parse().map_err(|()| Problem::new(Code::UserNotFound))?;
    let event = client.event(Event::SessionsEnded, &services).about(id).by(admin.actor).with_detail("all");
    if !services.sessions.close_of(id, SessionScope::All, event).await? {
        return Err(Problem::new(Code::UserNotFound));
    }
    Ok(Answer::message("User logged out").with_quota(admin.quota.as_ref()))
}
