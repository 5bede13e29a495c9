//! `POST /api/auth/refresh`: a refresh token for a new access token.

use std::time::Duration;

use axum::extract::State;
use serde_json::json;

use super::answer::Answer;
use super::body::Fields;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use crate::limits::AddressKey;
use crate::problem::{Code, Problem};
use crate::session::{Refreshed, Renewal};
use crate::telemetry::{Event, SecurityLine};
use crate::token::RawToken;

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 9] = [
    KEPT,
    ROTATED,
    REUSED,
    Code::RefreshTokenInvalid.word(),
    Code::RefreshTokenRequired.word(),
    Code::UserInactive.word(),
    Code::RateLimited.word(),
    Code::StoreUnavailable.word(),
    Code::RevocationUnavailable.word(),
];
const KEPT: &str = "kept";
const ROTATED: &str = "rotated";
const REUSED: &str = "reused";

refusals!(Refusals: BODY LIMITED STORES; RefreshTokenRequired RefreshTokenInvalid UserInactive);

#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = "login",
    operation_id = "refresh",
    summary = "A refresh token for a new access token",
    description = "The refresh token stays as it is, unless `rotate` or `refresh.rotation` says otherwise. One that was replaced, and comes again, ends its session.",
    params(("mode" = Option<schema::ModeWord>, Query, description = "With `cookie` the tokens go into cookies, where `cookies.enabled`.")),
    request_body(content = Option<schema::RefreshRequest>),
    responses((status = 200, description = "A new access token.", body = schema::RefreshAnswer), Refusals),
)]
pub(super) async fn refresh(
    State(services): State<Shared>,
    client: Client,
    fields: Fields,
) -> Result<Answer, Problem> {
    let (result, outcome) = match renew(&services, &client, &fields).await {
        Ok((result, answer)) => (result, answer),
        Err(problem) => (problem.code().word(), Err(problem)),
    };
    services.metrics.accounts.refresh(result);
    outcome
}

/// Checked in this order: signature (401), user (404), session (401). Inside is what is answered.
async fn renew(
    services: &Shared,
    client: &Client,
    fields: &Fields,
) -> Result<(&'static str, Result<Answer, Problem>), Problem> {
    let charge = match &services.limits.load().refresh_address {
        Some(limit) => Some(limit.charge(&AddressKey::from(client.address))?),
        None => None,
    };
    let token = fields.text("refresh_token")?.filter(|token| !token.is_empty());
    let token = token.ok_or(Problem::new(Code::RefreshTokenRequired))?;
    let rotate = fields.flag("rotate")?.unwrap_or(false) || services.rotate_always;
    let renewal = if rotate { Renewal::Rotate } else { Renewal::Keep };

    let claims =
        services.pipeline.configured().verifier.verify_refresh(RawToken::new(token), services.clock.now());
    let claims = claims.map_err(|_| Problem::new(Code::RefreshTokenInvalid))?;
    let user = services.users.by_id(claims.user).await?;
    let user = user.filter(|user| user.is_active).ok_or(Problem::new(Code::UserInactive))?;
    let line = SecurityLine { session: Some(claims.session.to_string()), ..client.line() };
    let deed = |event| client.deed(event, line.clone(), services).about(user.id);
    let (renewed, replayed) = (deed(Event::Refreshed), deed(Event::RefreshReused));
    let refreshed =
        services.sessions.rotate(&claims, &user, renewal, renewed.entry(), replayed.entry()).await?;
    let (result, body) = match refreshed {
        Refreshed::Refused => return Err(Problem::new(Code::RefreshTokenInvalid)),
        Refreshed::Reused { told } => {
            replayed.tell(services);
            let problem = if told {
                Problem::new(Code::RefreshTokenInvalid)
            } else {
                Problem::new(Code::RevocationUnavailable).retry_after(Duration::from_secs(1))
            };
            return Ok((REUSED, Err(problem)));
        }
        Refreshed::Kept { access, expires_in_seconds } => {
            let body = json!({
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": expires_in_seconds,
            });
            (KEPT, body)
        }
        Refreshed::Rotated { access, refresh, expires_in_seconds } => {
            let body = json!({
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": expires_in_seconds,
                "refresh_token": refresh,
            });
            (ROTATED, body)
        }
    };
    renewed.tell(services);
    Ok((result, Ok(Answer::ok(body).charged(charge))))
}
