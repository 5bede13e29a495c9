//! `PUT /api/auth/password`, `POST /api/auth/password/forgot` and `…/reset`: a new password, with the
//! old one or with a mail.

use axum::extract::State;

use super::answer::Answer;
use super::body::Fields;
use super::caller::Authenticated;
use super::choose::owner_of;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use gateway_identity::{Email, Network};
use gateway_limits::LoginKey;
use gateway_problem::{Code, Problem};
use gateway_store::{
    CommitFault, Event, OutboxMessage, PasswordChange, Precondition, Purpose, StoreError, TicketKey,
    UnitOfWork,
};

refusals!(ChangeRefusals: TOKEN BODY CONFIRMS CHOOSES; AccountRequired);

#[utoipa::path(
    put,
    path = "/api/auth/password",
    tag = "account",
    operation_id = "changePassword",
    summary = "Change the password",
    description = "The current one is asked for once more. All other sessions end.",
    request_body = schema::PasswordChange,
    security(("bearer" = [])),
    responses((status = 200, description = "Changed; all other sessions are over.", body = schema::Message), ChangeRefusals),
)]
pub(super) async fn change(
    State(services): State<Shared>,
    client: Client,
    caller: Authenticated,
    fields: Fields,
) -> Result<Answer, Problem> {
    let current = fields.text("current_password")?.filter(|text| !text.is_empty());
    let new = fields.text("new_password")?.filter(|text| !text.is_empty());
    let (Some(current), Some(new)) = (current, new) else {
        return Err(Problem::new(Code::ValidationFailed)
            .with_message("current_password and new_password are required"));
    };
    let user = &caller.user;
    services.confirm(user, &client, current).await?;
    let hash = services.chosen(&client, new, &owner_of(user)).await?;
    let event = client.event(Event::PasswordChanged, &services).about(user.id).with_email(&user.email);
    let event = event.by(caller.actor()).in_session(caller.session);
    let asked = PasswordChange {
        user: user.id,
        version: user.password_version,
        hash,
        keep: Some(caller.session),
        proves_email: false,
        from: Some(client.address),
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    let work = UnitOfWork::because(event);
    let set =
        services.commit(|services| async move { services.users.set_password(asked, work).await }).await?;
    // Somebody else changed it, with the same right, a moment ago.
    set.ok_or(Problem::new(Code::InvalidCredentials))?;
    Ok(Answer::message("Password changed").with_quota(&caller.quota))
}

refusals!(ForgotRefusals: BODY LIMITED; StoreUnavailable);

/// Whether there is an account is not even looked up here: that, and the mail, is done later. So the
/// answer, and the time that it takes, cannot depend on it.
#[utoipa::path(
    post,
    path = "/api/auth/password/forgot",
    tag = "login",
    operation_id = "forgotPassword",
    summary = "Request a password reset",
    description = "By mail. The answer, and the time that it takes, are the same whether there is an account or not.",
    request_body = schema::PasswordForgotten,
    responses((status = 202, description = "A mail is on its way, if the address has an account.", body = schema::Message), ForgotRefusals),
)]
pub(super) async fn forgot(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    client.charged(&services.limits.recovery_address, ask(&services, &client, &fields)).await
}

async fn ask(services: &Shared, client: &Client, fields: &Fields) -> Result<Answer, Problem> {
    let email = fields.text("email")?.filter(|email| !email.trim().is_empty());
    let email =
        email.ok_or_else(|| Problem::new(Code::ValidationFailed).with_message("email is required"))?;
    if let Ok(email) = Email::parse(email) {
        let errand = OutboxMessage::PasswordReset { email: email.clone() };
        let allowed = services.may_mail(&email, errand.as_str(), client);
        let event = client.event(Event::PasswordResetRequested, services).with_email(&email);
        let work = if allowed {
            UnitOfWork::because(event).sending(errand)
        } else {
            UnitOfWork::because(event.for_reason("mail_limited"))
        };
        services.record(work).await?;
    }
    Ok(Answer::accepted("If this address has an account, a mail is on its way to it"))
}

refusals!(ResetRefusals: BODY LIMITED CHOOSES STORES; ResetTokenInvalid);

#[utoipa::path(
    post,
    path = "/api/auth/password/reset",
    tag = "login",
    operation_id = "resetPassword",
    summary = "Reset the password",
    description = "By the token of a mail. All sessions end.",
    request_body = schema::PasswordReset,
    responses((status = 200, description = "Changed; all sessions are over.", body = schema::Message), ResetRefusals),
)]
pub(super) async fn reset(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    client.charged(&services.limits.recovery_address, redeem(&services, &client, &fields)).await
}

async fn redeem(services: &Shared, client: &Client, fields: &Fields) -> Result<Answer, Problem> {
    let token = fields.text("token")?.filter(|token| !token.is_empty());
    let password = fields.text("password")?.filter(|password| !password.is_empty());
    let (Some(token), Some(password)) = (token, password) else {
        return Err(Problem::new(Code::ValidationFailed).with_message("token and password are required"));
    };
    let invalid = || Problem::new(Code::ResetTokenInvalid);
    let key = TicketKey::from_token(token);
    let ticket = services.tickets.ticket(key, services.clock.now()).await?.ok_or_else(invalid)?;
    let Purpose::PasswordReset { user, password_version } = ticket.purpose else { return Err(invalid()) };
    let owner = services.users.by_id(user).await?;
    let owner = owner.filter(|owner| owner.is_active && owner.password_version == password_version);
    let owner = owner.ok_or_else(invalid)?;
    let hash = services.chosen(client, password, &owner_of(&owner)).await?;

    let event = client.event(Event::PasswordReset, services).about(user).with_email(&owner.email);
    let asked = PasswordChange {
        user,
        version: password_version,
        hash,
        keep: None,
        proves_email: true,
        from: Some(client.address),
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    let work = UnitOfWork::because(event).provided(Precondition::Ticket(key));
    let attempt = LoginKey { email: owner.email, address: Network::from(client.address) };
    let set = |services: Shared| async move {
        let set = services.users.set_password(asked, work).await?;
        // The way in for an owner whom others' guesses keep out: with the change, also for who left.
        let reset = |_: &_| {
            services.failed_logins.reset(&attempt.email);
            services.limits.login_pair.iter().for_each(|limit| limit.forget(&attempt));
        };
        Ok(set.inspect(|set| set.iter().for_each(reset)))
    };
    match services.commit(set).await {
        Err(CommitFault::Store(StoreError::TicketGone)) | Ok(None) => return Err(invalid()),
        set => set?,
    };
    Ok(Answer::message("Password reset"))
}
