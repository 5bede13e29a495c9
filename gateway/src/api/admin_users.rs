//! `/api/auth/users`: the accounts, for administrators.

use axum::extract::{Path, RawQuery, State};
use serde_json::json;

use super::answer::Answer;
use super::body::{Fields, names};
use super::caller::Administrator;
use super::page::Page;
use super::view::{detail, role, summary};
use super::{Client, Shared};
use crate::identity::UserId;
use crate::problem::{Code, Problem};
use crate::store::{Amendment, Closing};
use crate::telemetry::{Event, SecurityLine};

/// Usual and largest size of a page.
const PER_PAGE: (u64, u64) = (100, 500);

pub(super) async fn list(
    State(services): State<Shared>,
    admin: Administrator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let page = Page::parse(query.as_deref(), PER_PAGE.0, PER_PAGE.1)?;
    let found = services.users.page(page.offset(), page.per_page).await?;
    let users: Vec<_> = found.users.iter().map(summary).collect();
    let body = json!({ "users": users, "pagination": page.describe(found.total) });
    Ok(Answer::ok(body).with_quota(admin.quota.as_ref()))
}

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
    Ok(Answer::ok(json!({ "user": detail(&user) })).with_quota(admin.quota.as_ref()))
}

/// A change of role or activity refuses the tokens that were already issued, from the next request on.
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
    let before = services.users.by_id(id).await?.ok_or(Problem::new(Code::UserNotFound))?;
    let role = amendment.role.unwrap_or(before.role);
    let activity = if amendment.is_active.unwrap_or(before.is_active) { "active" } else { "inactive" };
    let line = SecurityLine {
        user_id: Some(id.get()),
        now: Some(format!("{}, {activity}", role.as_str())),
        ..client.line()
    };
    let deed = client.deed(Event::AccountChanged, line, &services).by(admin.actor);
    let changed = services.users.amend(id, amendment, until, deed.along()).await?;
    let (user, revoked) = changed.ok_or(Problem::new(Code::UserNotFound))?;
    // It holds from now on, also where not all gateways can be told at once.
    deed.tell(&services);
    services.publish(revoked.as_slice()).await?;
    Ok(Answer::ok(json!({ "user": detail(&user) })).with_quota(admin.quota.as_ref()))
}

/// The account and what belongs to it is gone; the audit trail stays.
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

/// All sessions of a user end, and so do the tokens that were issued in them.
pub(super) async fn logout(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let id: UserId = id.parse().map_err(|()| Problem::new(Code::UserNotFound))?;
    let line = SecurityLine { user_id: Some(id.get()), now: Some("all".to_owned()), ..client.line() };
    let deed = client.deed(Event::SessionsEnded, line, &services).by(admin.actor);
    if !services.sessions.close_of(id, Closing::All, deed.along()).await? {
        return Err(Problem::new(Code::UserNotFound));
    }
    deed.tell(&services);
    Ok(Answer::message("User logged out").with_quota(admin.quota.as_ref()))
}
