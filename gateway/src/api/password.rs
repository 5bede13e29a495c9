//! `PUT /api/auth/password`, `POST /api/auth/password/forgot` and `…/reset`: a new password, with the
//! old one or with a mail.

use axum::extract::State;

use super::answer::Answer;
use super::body::Fields;
use super::caller::Authenticated;
use super::choose::owner_of;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use crate::identity::{Email, Network};
use crate::limits::LoginKey;
use crate::problem::{Code, Problem};
use crate::store::{Errand, PasswordChange, Purpose, StoreError, TicketKey};
use crate::telemetry::{Event, SecurityLine};

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
    let line = SecurityLine { email: Some(user.email.as_str()), ..client.line() };
    let deed = client.deed(Event::PasswordChanged, line, &services).about(user.id);
    let deed = deed.by(caller.actor()).in_session(caller.session);
    let asked = PasswordChange {
        user: user.id,
        version: user.password_version,
        hash,
        keep: Some(caller.session),
        proves_email: false,
        from: Some(client.address),
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    let set = services.users.set_password(asked, deed.along()).await?;
    // Somebody else changed it, with the same right, a moment ago.
    let (_, revoked) = set.ok_or(Problem::new(Code::InvalidCredentials))?;
    deed.tell(&services);
    services.deliver_soon();
    services.publish(&revoked).await?;
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
    let limits = services.limits.load_full();
    client.charged(&limits.recovery_address, ask(&services, &client, &fields)).await
}

async fn ask(services: &Shared, client: &Client, fields: &Fields) -> Result<Answer, Problem> {
    let email = fields.text("email")?.filter(|email| !email.trim().is_empty());
    let email =
        email.ok_or_else(|| Problem::new(Code::ValidationFailed).with_message("email is required"))?;
    if let Ok(email) = Email::parse(email) {
        let errand = Errand::PasswordReset { email: email.clone() };
        let allowed = services.may_mail(&email, errand.word(), client);
        let reason = (!allowed).then_some("mail_limited");
        let line = SecurityLine { email: Some(email.as_str()), reason, ..client.line() };
        let deed = client.deed(Event::PasswordResetRequested, line, services);
        let along = deed.along();
        let along = if allowed { along.errand(errand) } else { along };
        services.outbox.enqueue(along).await?;
        deed.tell(services);
        services.deliver_soon();
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
    let limits = services.limits.load_full();
    client.charged(&limits.recovery_address, redeem(&services, &client, &fields)).await
}

async fn redeem(services: &Shared, client: &Client, fields: &Fields) -> Result<Answer, Problem> {
    let token = fields.text("token")?.filter(|token| !token.is_empty());
    let password = fields.text("password")?.filter(|password| !password.is_empty());
    let (Some(token), Some(password)) = (token, password) else {
        return Err(Problem::new(Code::ValidationFailed).with_message("token and password are required"));
    };
    let invalid = || Problem::new(Code::ResetTokenInvalid);
    let key = TicketKey::of(token);
    let ticket = services.tickets.ticket(key, services.clock.now()).await?.ok_or_else(invalid)?;
    let Purpose::PasswordReset { user, password_version } = ticket.purpose else { return Err(invalid()) };
    let owner = services.users.by_id(user).await?;
    let owner = owner.filter(|owner| owner.is_active && owner.password_version == password_version);
    let owner = owner.ok_or_else(invalid)?;
    let hash = services.chosen(client, password, &owner_of(&owner)).await?;

    let line = SecurityLine { email: Some(owner.email.as_str()), ..client.line() };
    let deed = client.deed(Event::PasswordReset, line, services).about(user);
    let asked = PasswordChange {
        user,
        version: password_version,
        hash,
        keep: None,
        proves_email: true,
        from: Some(client.address),
        revoked_until: services.sessions.access_tokens_end(services.clock.now()),
    };
    let set = match services.users.set_password(asked, deed.along().redeeming(key)).await {
        Err(StoreError::TicketGone) => None,
        set => set?,
    };
    let (_, revoked) = set.ok_or_else(invalid)?;
    deed.tell(services);
    services.deliver_soon();
    // The way in for an owner whom others' guesses keep out.
    services.setbacks.forgive(&owner.email);
    let attempt = LoginKey { email: owner.email, address: Network::from(client.address) };
    services.limits.load().login_pair.iter().for_each(|limit| limit.forget(&attempt));
    services.publish(&revoked).await?;
    Ok(Answer::message("Password reset"))
}
