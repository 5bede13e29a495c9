//! `/api/auth/invitations`: who may register, where that is by invitation.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};

use super::answer::Answer;
use super::body::Fields;
use super::caller::Administrator;
use super::openapi::refusals::refusals;
use super::page::Page;
use super::view::role;
use super::{Client, RegistrationMode, Shared, schema};
use gateway_identity::{Email, Role};
use gateway_problem::{Code, Problem};
use gateway_store::{Actor, Event, Invitation, UnitOfWork};

/// How long an invitation is good.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

refusals!(InviteRefusals: TOKEN BODY; AdminRequired);

#[utoipa::path(
    post,
    path = "/api/auth/invitations",
    tag = "administration",
    operation_id = "invite",
    summary = "Send an invitation",
    description = "By mail: whoever has it can register with this address, in this role.",
    request_body = schema::InvitationWish,
    security(("bearer" = [])),
    responses((status = 201, description = "The mail is on its way; the token is in it, and nowhere else.", body = schema::InvitationAnswer), InviteRefusals),
)]
pub(super) async fn invite(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    fields: Fields,
) -> Result<Answer, Problem> {
    if services.registration.mode == RegistrationMode::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    let email = fields.text("email")?;
    let role = fields.text("role")?.map(role).transpose()?.unwrap_or(Role::User);
    let invalid = |text: &'static str| Problem::validation(vec![text.into()]);
    let email = Email::parse(email.unwrap_or("")).map_err(|_| invalid("Invalid email address"))?;
    if services.users.by_email(&email).await?.is_some() {
        return Err(invalid("Email already registered"));
    }
    let now = services.clock.now();
    let event = client.event(Event::InvitationMade, &services).by(admin.actor).with_email(&email);
    let work = UnitOfWork::because(event.with_detail(role.to_string()));
    let invitation = Invitation {
        // The store gives it one.
        id: 0,
        email,
        role,
        created_at: now,
        expires_at: now.plus(LIFETIME),
        invited_by: match admin.actor {
            Actor::User { user_id } => Some(user_id),
            Actor::Operator { .. } | Actor::Gateway => None,
        },
    };
    let invite = |services: Shared| async move { services.tickets.invite(invitation, work).await };
    let invitation = services.commit(invite).await?;
    Ok(Answer::created(schema::InvitationAnswer::from(&invitation)).with_quota(admin.quota.as_ref()))
}

/// Usual and largest size of a page.
const PER_PAGE: u64 = 500;

refusals!(ListRefusals: TOKEN; AdminRequired ValidationFailed);

#[utoipa::path(
    get,
    path = "/api/auth/invitations",
    tag = "administration",
    operation_id = "listInvitations",
    summary = "List invitations",
    description = "Those that can still be used.",
    params(
        ("page" = Option<schema::Counting>, Query, description = "From 1."),
        ("per_page" = Option<schema::Counting>, Query, description = "500, unless it is said; 500 at most, and more is as 500."),
    ),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of them, the oldest first.", body = schema::Invitations), ListRefusals),
)]
pub(super) async fn list(
    State(services): State<Shared>,
    admin: Administrator,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    let page = Page::parse(query.as_deref(), PER_PAGE, PER_PAGE)?;
    let now = services.clock.now();
    let (good, total) = services.tickets.invitations(now, page.offset(), page.per_page).await?;
    let invitations = good.iter().map(schema::InvitationAnswer::from).collect();
    let body = schema::Invitations { invitations, pagination: page.describe(total) };
    Ok(Answer::ok(body).with_quota(admin.quota.as_ref()))
}

refusals!(WithdrawRefusals: TOKEN; AdminRequired InvitationNotFound);

/// The token that was mailed is void from now on.
#[utoipa::path(
    delete,
    path = "/api/auth/invitations/{id}",
    tag = "administration",
    operation_id = "withdrawInvitation",
    summary = "Revoke an invitation",
    description = "It can no longer be used.",
    params(("id" = u64, Path, minimum = 1, description = "`id` of an invitation", example = 1)),
    security(("bearer" = [])),
    responses((status = 200, description = "It is void.", body = schema::Message), WithdrawRefusals),
)]
pub(super) async fn withdraw(
    State(services): State<Shared>,
    client: Client,
    admin: Administrator,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::InvitationNotFound);
    let id: u64 = id.parse().map_err(|_| missing())?;
    let invitation = services.tickets.invitation(id).await?.ok_or_else(missing)?;
    let event = client.event(Event::InvitationWithdrawn, &services).by(admin.actor);
    let work = UnitOfWork::because(event.with_email(&invitation.email));
    let withdraw = |services: Shared| async move { services.tickets.withdraw(id, work).await };
    services.commit(withdraw).await?.ok_or_else(missing)?;
    Ok(Answer::message("Invitation withdrawn").with_quota(admin.quota.as_ref()))
}
