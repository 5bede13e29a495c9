//! `POST /api/auth/login`: a password for a session.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::answer::{Answer, overloaded};
use super::body::Fields;
use super::charges::LimitCharges;
use super::mode::Mode;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use gateway_identity::{Email, Network};
use gateway_limits::LoginKey;
use gateway_password::{PASSWORD_BYTES_MAX, Password, Verdict};
use gateway_problem::{Code, Problem};
use gateway_session::{Origin, SessionFault};
use gateway_store::{Actor, Event, OutboxMessage, StoreError, StoredHash, UnitOfWork, User};

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 11] = [
    "ok",
    Code::InvalidCredentials.as_str(),
    Code::AccountInactive.as_str(),
    Code::EmailUnverified.as_str(),
    Code::LoginLocked.as_str(),
    Code::RateLimited.as_str(),
    Code::HashingOverloaded.as_str(),
    Code::StoreUnavailable.as_str(),
    Code::RevocationUnavailable.as_str(),
    Code::MissingCredentials.as_str(),
    Code::CredentialsRequired.as_str(),
];

refusals!(Refusals: BODY LIMITED HASHES STORES; MissingCredentials CredentialsRequired InvalidCredentials AccountInactive EmailUnverified LoginLocked CsrfRefused CookiesNeedHttps);

#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "login",
    operation_id = "login",
    summary = "Log in",
    description = "A password for an access token and a refresh token. An unknown address and a wrong password are the same, in words and in time.",
    params(("mode" = Option<schema::ModeWord>, Query, description = "With `cookie` the tokens go into cookies, where `cookies.enabled`.")),
    request_body = schema::LoginRequest,
    responses((status = 200, description = "Logged in.", body = schema::LoginAnswer), Refusals),
)]
pub(super) async fn login(
    State(services): State<Shared>,
    client: Client,
    mode: Mode,
    fields: Fields,
) -> Result<Answer, Problem> {
    let mut charges = LimitCharges::default();
    let outcome = open(&services, &client, &mode, &fields, &mut charges).await;
    let outcome = match outcome {
        Ok(answer) => {
            charges.succeeded();
            Ok(answer.charged(charges.charges()))
        }
        Err(problem) => {
            match problem.code() {
                // The password was right.
                Code::AccountInactive | Code::EmailUnverified => charges.succeeded(),
                _ => charges.failed(&problem),
            }
            Err(problem)
        }
    };
    let result = outcome.as_ref().map_or_else(|problem| problem.code().as_str(), |_| "ok");
    services.metrics.accounts.login(result);
    if let Err(problem) = &outcome
        && !is_recorded(problem.code())
    {
        // What a flood consists of is counted and logged; to write it down would be a flood, too.
        let given = fields.text("email").ok().flatten().and_then(|email| Email::parse(email).ok());
        let failed = client.event(Event::LoginFailed, &services).for_reason(result);
        services.metrics.security.record(&failed.with_email(given.as_ref()));
    }
    outcome
}

/// Whether a refusal stands in the audit trail, because a password was looked at.
fn is_recorded(code: Code) -> bool {
    matches!(code, Code::InvalidCredentials | Code::AccountInactive | Code::EmailUnverified)
}

async fn open(
    services: &Shared,
    client: &Client,
    mode: &Mode,
    fields: &Fields,
    charges: &mut LimitCharges,
) -> Result<Answer, Problem> {
    charges.request(&services.limits.login_address, client.address)?;
    if fields.is_empty() {
        return Err(Problem::new(Code::MissingCredentials));
    }
    let (email, password) = (fields.text("email")?, fields.text("password")?);
    let (Some(email), Some(password)) = (email, password) else {
        return Err(Problem::new(Code::CredentialsRequired));
    };
    if email.trim().is_empty() || password.is_empty() {
        return Err(Problem::new(Code::CredentialsRequired));
    }
    let email = Email::parse(email).ok();
    let attempt = email.map(|email| LoginKey { email, address: Network::from(client.address) });
    services.begin_attempt(client, attempt.as_ref(), charges).await?;
    let user = match find_and_verify(services, client, attempt.as_ref(), password).await? {
        Ok(user) => user,
        Err(refused) => return refuse(services, client, attempt.as_ref(), refused).await,
    };
    let event = client.event(Event::LoginSucceeded, services).about(user.id).with_email(&user.email);
    let origin = Origin { address: client.address.to_string(), user_agent: client.user_agent.clone() };
    let crowded = client.event(Event::SessionsEnded, services).about(user.id);
    let crowded = crowded.by(Actor::User { user_id: user.id }).for_reason("too many").with_detail("one");
    // With the session, also for who left.
    let (counting, tried) = (Arc::clone(services), attempt.clone());
    let succeeded = move || tried.iter().for_each(|attempt| counting.failed_logins.succeeded(attempt));
    let tokens = match services.sessions.open(&user, origin, event, crowded, succeeded).await {
        // It was looked at while somebody changed the password, or the account: too late.
        Err(SessionFault::Store(StoreError::Outdated)) => {
            let refused = (Code::InvalidCredentials, Some(user), None);
            return refuse(services, client, attempt.as_ref(), refused).await;
        }
        opened => opened?,
    };
    let mut body = mode.hand_out(tokens);
    #[expect(clippy::indexing_slicing, reason = "`hand_out` makes an object")]
    let user_in_body = &mut body["user"];
    *user_in_body = json!({
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "role": user.role,
    });
    Ok(Answer::ok(body))
}

async fn refuse(
    services: &Shared,
    client: &Client,
    attempt: Option<&LoginKey>,
    (code, user, mail): Refused,
) -> Result<Answer, Problem> {
    let failed = client.event(Event::LoginFailed, services).for_reason(code.as_str());
    let failed = failed.with_email(attempt.map(|attempt| &attempt.email)).about(user.map(|user| user.id));
    let work = UnitOfWork::because(failed);
    services.record(mail.into_iter().fold(work, UnitOfWork::sending)).await?;
    Err(Problem::new(code))
}

/// A refusal that is recorded: whose account it is, if there is one, and what is to be mailed.
type Refused = (Code, Option<User>, Option<OutboxMessage>);

/// An unknown address, a wrong password and an impossible address cost the same time and read the
/// same. That an account is inactive is told only to who knows its password.
async fn find_and_verify(
    services: &Shared,
    client: &Client,
    attempt: Option<&LoginKey>,
    password: &str,
) -> Result<Result<User, Refused>, Problem> {
    let wrong = |user| Ok(Err((Code::InvalidCredentials, user, None)));
    if password.len() > PASSWORD_BYTES_MAX {
        return wrong(None);
    }
    let user = match attempt {
        Some(attempt) => services.users.by_email(&attempt.email).await?,
        None => None,
    };
    let stored = user.as_ref().map(|user| user.password_hash.0.clone());
    let verdict = services.hashing.verify(client.address, Password::from(password.to_owned()), stored).await;
    let rehashed = match verdict.map_err(|_| overloaded())? {
        Verdict::Wrong => {
            attempt.iter().for_each(|attempt| services.attempt_failed(attempt));
            return wrong(user);
        }
        Verdict::Right => None,
        Verdict::RightRehashed(hash) => Some(StoredHash(hash)),
    };
    let Some(user) = user else { return wrong(None) };
    if !user.is_active {
        return Ok(Err((Code::AccountInactive, Some(user), None)));
    }
    if services.registration.email_verification.is_required() && !user.email_verified {
        let errand = OutboxMessage::EmailVerification { user: user.id };
        let again = services.may_mail(&user.email, errand.as_str(), client)
            && services.limits.mail_unverified.as_ref().is_none_or(|limit| limit.charge(&()).is_ok());
        return Ok(Err((Code::EmailUnverified, Some(user), again.then_some(errand))));
    }
    if let Some(hash) = rehashed {
        // That the better hash cannot be kept today is no reason to refuse the right password.
        let kept = services.users.rehash(user.id, &user.password_hash, hash).await;
        kept.inspect_err(|fault| tracing::warn!(error = %fault, "a password hash was not renewed")).ok();
    }
    Ok(Ok(user))
}
