//! `POST /api/auth/login`: a password for a session.

use axum::extract::State;
use http::HeaderMap;
use http::header::USER_AGENT;
use serde_json::json;

use super::answer::{Answer, overloaded};
use super::body::Fields;
use super::mode::Mode;
use super::{Client, Shared};
use crate::identity::Email;
use crate::limits::{AddressKey, LoginKey};
use crate::password::{PASSWORD_BYTES_MAX, Password, Verdict};
use crate::problem::{Code, Problem};
use crate::session::Origin;
use crate::store::{StoredHash, User};
use crate::telemetry::{Event, SecurityLine};

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 9] = [
    "ok",
    Code::InvalidCredentials.word(),
    Code::AccountInactive.word(),
    Code::RateLimited.word(),
    Code::HashingOverloaded.word(),
    Code::StoreUnavailable.word(),
    Code::RevocationUnavailable.word(),
    Code::MissingCredentials.word(),
    Code::CredentialsRequired.word(),
];

pub(super) async fn login(
    State(services): State<Shared>,
    client: Client,
    headers: HeaderMap,
    mode: Mode,
    fields: Fields,
) -> Result<Answer, Problem> {
    let outcome = open(&services, &client, &headers, &mode, &fields).await;
    let result = outcome.as_ref().map_or_else(|problem| problem.code().word(), |_| "ok");
    services.metrics.accounts.login(result);
    let given = fields.text("email").ok().flatten().and_then(|email| Email::parse(email).ok());
    let line = SecurityLine { email: given.as_ref().map(Email::as_str), ..client.line() };
    match outcome {
        Ok((answer, user)) => {
            let line = SecurityLine { user_id: Some(user.id.get()), ..line };
            services.metrics.security.record(Event::LoginSucceeded, &line);
            Ok(answer)
        }
        Err(problem) => {
            let line = SecurityLine { reason: Some(result), ..line };
            services.metrics.security.record(Event::LoginFailed, &line);
            Err(problem)
        }
    }
}

async fn open(
    services: &Shared,
    client: &Client,
    headers: &HeaderMap,
    mode: &Mode,
    fields: &Fields,
) -> Result<(Answer, User), Problem> {
    let limits = services.limits.load_full();
    let charge = match &limits.login_address {
        Some(limit) => Some(limit.charge(&AddressKey::from(client.address))?),
        None => None,
    };
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
    let attempt = email.map(|email| LoginKey { email, address: AddressKey::from(client.address) });
    let attempt_charges = match &attempt {
        Some(attempt) => limits.charge_login(attempt, &services.known)?,
        None => Vec::new(),
    };
    let user = find_and_verify(services, attempt.as_ref(), password).await?;
    if let Some(attempt) = &attempt {
        limits.login_succeeded(attempt, &services.known);
    }
    let origin = Origin { address: client.address.to_string(), user_agent: user_agent(headers) };
    let tokens = services.sessions.open(&user, origin).await?;
    let mut body = mode.hand_out(tokens);
    body["user"] = json!({
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "role": user.role,
    });
    Ok((Answer::ok(body).charged(charge).charged(attempt_charges), user))
}

/// An unknown address, a wrong password and an impossible address cost the same time and read the
/// same. That an account is inactive is told only to who knows its password.
async fn find_and_verify(
    services: &Shared,
    attempt: Option<&LoginKey>,
    password: &str,
) -> Result<User, Problem> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    let user = match attempt {
        Some(attempt) => services.users.by_email(&attempt.email).await?,
        None => None,
    };
    let stored = user.as_ref().map(|user| user.password_hash.0.clone());
    let verdict = services.hashing.verify(Password::from(password.to_owned()), stored).await;
    let rehashed = match verdict.map_err(|_| overloaded())? {
        Verdict::Wrong => return Err(Problem::new(Code::InvalidCredentials)),
        Verdict::Right => None,
        Verdict::RightRehashed(hash) => Some(StoredHash(hash)),
    };
    let user = user.ok_or(Problem::new(Code::InvalidCredentials))?;
    if !user.is_active {
        return Err(Problem::new(Code::AccountInactive));
    }
    if let Some(hash) = rehashed {
        // That the better hash cannot be kept today is no reason to refuse the right password.
        let kept = services.users.rehash(user.id, &user.password_hash, hash).await;
        kept.inspect_err(|fault| tracing::warn!(error = %fault, "a password hash was not renewed")).ok();
    }
    Ok(user)
}

/// Shown to the account's owner later; what is no printable ASCII is left out.
fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).map(|value| value.as_bytes()).unwrap_or_default();
    text.iter()
        .take(200)
        .map(|byte| char::from(*byte))
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .collect()
}
