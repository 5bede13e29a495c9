//! `/api/auth/invitations`: who may register, where that is by invitation.

use std::time::Duration;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::answer::Answer;
use super::body::Fields;
use super::caller::Administrator;
use super::view::role;
use super::{Client, Shared};
use crate::identity::{Email, Role};
use crate::problem::{Code, Problem};
use crate::store::{Actor, Invitation};
use crate::telemetry::{Event, SecurityLine};

/// How long an invitation is good.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

pub(super) async fn invite(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    fields: Fields,
) -> Result<Answer, Problem> {
    let email = fields.text("email")?;
    let role = fields.text("role")?.map(role).transpose()?.unwrap_or(Role::User);
    let invalid = |text: &'static str| Problem::validation(vec![text.into()]);
    let email = Email::parse(email.unwrap_or("")).map_err(|_| invalid("Invalid email address"))?;
    if services.users.by_email(&email).await?.is_some() {
        return Err(invalid("Email already registered"));
    }
    let now = services.clock.now();
    let line = SecurityLine { email: Some(email.as_str()), now: Some(role.to_string()), ..client.line() };
    let deed = client.deed(Event::InvitationMade, line, &services).by(admin.actor);
    let invitation = Invitation {
        // The store gives it one.
        id: 0,
        email: email.clone(),
        role,
        created_at: now,
        expires_at: now.plus(LIFETIME),
        invited_by: match admin.actor {
            Actor::User { user_id } => Some(user_id),
            Actor::Operator { .. } | Actor::Gateway => None,
        },
    };
    let invitation = services.tickets.invite(invitation, deed.along()).await?;
    deed.tell(&services);
    services.deliver_soon();
    Ok(Answer::created(view(&invitation)).with_quota(admin.quota.as_ref()))
}

pub(super) async fn list(State(services): State<Shared>, admin: Administrator) -> Result<Answer, Problem> {
    let now = services.clock.now();
    let invitations = services.tickets.invitations().await?;
    let good = invitations.iter().filter(|one| one.expires_at > now).map(view);
    let body = json!({ "invitations": good.collect::<Vec<_>>() });
    Ok(Answer::ok(body).with_quota(admin.quota.as_ref()))
}

/// The token that was mailed is void from now on.
pub(super) async fn withdraw(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::InvitationNotFound);
    let id: u64 = id.parse().map_err(|_| missing())?;
    let invitation = services.tickets.invitation(id).await?.ok_or_else(missing)?;
    let line = SecurityLine { email: Some(invitation.email.as_str()), ..client.line() };
    let deed = client.deed(Event::InvitationWithdrawn, line, &services).by(admin.actor);
    services.tickets.withdraw(id, deed.along()).await?.ok_or_else(missing)?;
    deed.tell(&services);
    Ok(Answer::message("Invitation withdrawn").with_quota(admin.quota.as_ref()))
}

fn view(invitation: &Invitation) -> Value {
    json!({
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "created_at": invitation.created_at.to_string(),
        "expires_at": invitation.expires_at.to_string(),
        "invited_by": invitation.invited_by,
    })
}
