//! `POST /api/auth/email/verify`: whoever reads an address's mail has it.

use axum::extract::State;

use super::answer::Answer;
use super::body::Fields;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use crate::identity::Role;
use crate::problem::{Code, Problem};
use crate::store::{Amendment, NewUser, Purpose, StoreError, TicketKey};
use crate::telemetry::{Event, SecurityLine};

refusals!(Refusals: BODY LIMITED STORES; VerificationTokenInvalid);

#[utoipa::path(
    post,
    path = "/api/auth/email/verify",
    tag = "login",
    operation_id = "verifyEmail",
    summary = "Verify an e-mail address",
    description = "By the token of a mail. With `registration.conceal_existing` this makes the account.",
    request_body = schema::EmailProof,
    responses((status = 200, description = "The address is proven.", body = schema::Message), Refusals),
)]
pub(super) async fn verify(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    client.charged(&services.limits.recovery_address, prove(&services, &client, &fields)).await
}

async fn prove(services: &Shared, client: &Client, fields: &Fields) -> Result<Answer, Problem> {
    let token = fields.text("token")?.filter(|token| !token.is_empty());
    let token =
        token.ok_or_else(|| Problem::new(Code::ValidationFailed).with_message("token is required"))?;
    let invalid = || Problem::new(Code::VerificationTokenInvalid);
    let key = TicketKey::of(token);
    let ticket = services.tickets.ticket(key, services.clock.now()).await?.ok_or_else(invalid)?;
    match ticket.purpose {
        Purpose::EmailVerification { user, email } => {
            let owner = services.users.by_id(user).await?;
            owner.filter(|owner| owner.email == email).ok_or_else(invalid)?;
            let line = SecurityLine { email: Some(email.as_str()), ..client.line() };
            let deed = client.deed(Event::EmailVerified, line, services).about(user);
            let amendment = Amendment { email_verified: Some(true), ..Amendment::default() };
            let until = services.sessions.access_tokens_end(services.clock.now());
            let along = deed.along().redeeming(key);
            services.users.amend(user, amendment, until, along).await?.ok_or_else(invalid)?;
            deed.tell(services);
        }
        Purpose::Registration { email, password_hash, first_name, last_name } => {
            let line = SecurityLine { email: Some(email.as_str()), ..client.line() };
            let deed = client.deed(Event::Registered, line, services);
            let new = NewUser {
                email: email.clone(),
                password_hash,
                first_name,
                last_name,
                role: Role::User,
                created_at: services.clock.now(),
                email_verified: true,
                ask_to_verify: false,
            };
            match services.users.create(new, deed.along().redeeming(key)).await {
                Ok(user) => deed.about(user.id).tell(services),
                // It was made by another mail of the same address meanwhile.
                Err(StoreError::Conflict | StoreError::TicketGone) => return Err(invalid()),
                Err(fault) => return Err(fault.into()),
            }
        }
        Purpose::PasswordReset { .. } | Purpose::Invitation { .. } => return Err(invalid()),
    }
    Ok(Answer::message("Email address verified"))
}
