//! `POST /api/auth/email/verify`: whoever reads an address's mail has it.

use axum::extract::State;

use super::answer::Answer;
use super::body::Fields;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use gateway_identity::Role;
use gateway_problem::{Code, Problem};
use gateway_store::{
    Amendment, CommitFault, Event, NewUser, Precondition, Purpose, StoreError, TicketKey, UnitOfWork,
};

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
    let key = TicketKey::from_token(token);
    let ticket = services.tickets.ticket(key, services.clock.now()).await?.ok_or_else(invalid)?;
    match ticket.purpose {
        Purpose::EmailVerification { user, email } => {
            let owner = services.users.by_id(user).await?;
            owner.filter(|owner| owner.email == email).ok_or_else(invalid)?;
            let event = client.event(Event::EmailVerified, services).about(user).with_email(&email);
            let work = UnitOfWork::because(event).provided(Precondition::Ticket(key));
            let amendment = Amendment { email_verified: Some(true), ..Amendment::default() };
            let until = services.sessions.access_tokens_end(services.clock.now());
            let amend =
                |services: Shared| async move { services.users.amend(user, amendment, until, work).await };
            services.commit(amend).await?.ok_or_else(invalid)?;
        }
        Purpose::Registration { email, password_hash, first_name, last_name } => {
            let event = client.event(Event::Registered, services).with_email(&email);
            let work = UnitOfWork::because(event).provided(Precondition::Ticket(key));
            let new = NewUser {
                email,
                password_hash,
                first_name,
                last_name,
                role: Role::User,
                created_at: services.clock.now(),
                email_verified: true,
                ask_to_verify: false,
            };
            match services.commit(|services| async move { services.users.create(new, work).await }).await {
                // It was made by another mail of the same address meanwhile.
                Err(CommitFault::Store(StoreError::Conflict | StoreError::TicketGone)) => {
                    return Err(invalid());
                }
                made => drop(made?),
            }
        }
        Purpose::PasswordReset { .. } | Purpose::Invitation { .. } => return Err(invalid()),
    }
    Ok(Answer::message("Email address verified"))
}
