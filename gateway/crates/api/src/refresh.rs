//! `POST /api/auth/refresh`: a refresh token for a new access token.

use axum::extract::State;
use http::{HeaderMap, Method};
use serde_json::json;

use super::answer::Answer;
use super::body::Fields;
use super::mode::Mode;
use super::openapi::refusals::refusals;
use super::renewal::{Exchanged, NotExchanged, charge, count, exchange, is_over};
use super::{Client, Shared, schema};
use gateway_limits::Charge;
use gateway_pipeline::Head;
use gateway_problem::{Code, Problem};
use gateway_session::Renewal;
use gateway_token::RawToken;

refusals!(Refusals: BODY LIMITED STORES; RefreshTokenRequired RefreshTokenInvalid UserInactive InvalidRequest CsrfRefused CookiesNeedHttps);

#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = "login",
    operation_id = "refresh",
    summary = "Refresh the access token",
    description = "A refresh token for a new access token. The refresh token stays as it is, unless `rotate` or `refresh.rotation` says otherwise. One that was replaced, and comes again, ends its session.",
    params(("mode" = Option<schema::ModeWord>, Query, description = "With `cookie` the tokens go into cookies, where `cookies.enabled`.")),
    request_body(content = Option<schema::RefreshRequest>),
    responses((status = 200, description = "A new access token.", body = schema::RefreshAnswer), Refusals),
)]
pub(super) async fn refresh(
    State(services): State<Shared>,
    client: Client,
    method: Method,
    headers: HeaderMap,
    mode: Mode,
    fields: Fields,
) -> Result<Answer, Problem> {
    let mut charges = None;
    let outcome = match &mode {
        Mode::Body => by_body(&services, &client, &fields, &mut charges).await,
        Mode::Cookies(_) => {
            let head = client.head(&method, &headers);
            by_cookie(&services, &client, head, &fields, &mut charges).await
        }
    };
    count(&services, &outcome);
    match outcome {
        Ok(Exchanged::Kept { access, expires_in_seconds }) => {
            let body = json!({
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": expires_in_seconds,
            });
            Ok(Answer::ok(body).charged(charges))
        }
        Ok(Exchanged::Rotated(pair)) => Ok(Answer::ok(mode.hand_out(pair)).charged(charges)),
        Err(NotExchanged { problem, .. }) => {
            if let Mode::Cookies(browser) = &mode
                && is_over(&problem)
            {
                browser.forget();
            }
            Err(problem)
        }
    }
}

type Outcome = Result<Exchanged, NotExchanged>;

async fn by_body(
    services: &Shared,
    client: &Client,
    fields: &Fields,
    charges: &mut Option<Charge>,
) -> Outcome {
    *charges = charge(services, client)?;
    let token = fields.text("refresh_token")?.filter(|token| !token.is_empty());
    let token = token.ok_or(Problem::new(Code::RefreshTokenRequired))?;
    let rotate = fields.flag("rotate")?.unwrap_or(false) || services.rotate_always;
    let renewal = if rotate { Renewal::Rotate } else { Renewal::Keep };
    exchange(services, client, RawToken::new(token), renewal).await
}

/// It always rotates, and looks at the page that asks.
async fn by_cookie(
    services: &Shared,
    client: &Client,
    head: Head<'_>,
    fields: &Fields,
    charges: &mut Option<Charge>,
) -> Outcome {
    *charges = charge(services, client)?;
    if fields.text("refresh_token")?.is_some() {
        return Err(Problem::new(Code::InvalidRequest).into());
    }
    let carried = services.pipeline.carried(&services.config, &head).map_err(Problem::from)?;
    let token = carried.and_then(|carried| carried.refresh);
    let token = token.ok_or(Problem::new(Code::RefreshTokenRequired))?;
    exchange(services, client, RawToken::new(token), Renewal::Rotate).await
}
