//! What only an operator at the machine may do: accounts with a given password, and new passwords
//! for others. An administrator on the network invites, and lets people reset their own.

use axum::extract::{Path, State};

use super::admin_users::{answer, role};
use super::answer::Answer;
use super::body::{Fields, name};
use super::caller::Operator;
use super::{Client, Shared};
use crate::identity::{Email, Role, UserId};
use crate::problem::{Code, Problem};
use crate::store::{NewUser, PasswordChange, StoreError};
use crate::telemetry::{Event, SecurityLine};

pub(super) async fn add_user(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    fields: Fields,
) -> Result<Answer, Problem> {
    let invalid = |text: String| Problem::validation(vec![text.into()]);
    let email = Email::parse(fields.text("email")?.unwrap_or(""));
    let email = email.map_err(|_| invalid("Invalid email address".to_owned()))?;
    let role = fields.text("role")?.map(role).transpose()?.unwrap_or(Role::User);
    let first_name = name(&fields, "first_name")?.map_err(invalid)?.unwrap_or_default();
    let last_name = name(&fields, "last_name")?.map_err(invalid)?.unwrap_or_default();
    let password_hash = services.chosen(fields.text("password")?.unwrap_or("")).await?;
    let line = SecurityLine { email: Some(email.as_str()), now: Some(role.to_string()), ..client.line() };
    let deed = client.deed(Event::AccountCreated, line, &services).by(operator.actor);
    let new = NewUser {
        email: email.clone(),
        password_hash,
        first_name,
        last_name,
        role,
        created_at: services.clock.now(),
        // Whoever administers the machine vouches for it.
        email_verified: true,
        ask_to_verify: false,
    };
    match services.users.create(new, deed.along()).await {
        Ok(user) => {
            deed.about(user.id).tell(&services);
            Ok(Answer::created(answer(&user)))
        }
        Err(StoreError::Conflict) => Err(invalid("Email already registered".to_owned())),
        Err(fault) => Err(fault.into()),
    }
}

/// All sessions of the user end with the old password.
pub(super) async fn set_password(
    State(services): State<Shared>,
    client: Client,
    operator: Operator,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::UserNotFound);
    let id: UserId = id.parse().map_err(|()| missing())?;
    let user = services.users.by_id(id).await?.ok_or_else(missing)?;
    let hash = services.chosen(fields.text("password")?.unwrap_or("")).await?;
    let line = SecurityLine { email: Some(user.email.as_str()), ..client.line() };
    let deed = client.deed(Event::PasswordChanged, line, &services).about(id).by(operator.actor);
    let asked = PasswordChange {
        user: id,
        version: user.password_version,
        hash,
        keep: None,
        proves_email: false,
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    let set = services.users.set_password(asked, deed.along()).await?;
    let (_, revoked) = set.ok_or_else(missing)?;
    deed.tell(&services);
    services.setbacks.forgive(&user.email);
    services.publish(&revoked).await?;
    Ok(Answer::message("Password changed; all sessions ended"))
}
