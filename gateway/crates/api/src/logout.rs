//! `POST /api/auth/logout`: the end of a session, at once.

use axum::extract::State;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};

use super::answer::Answer;
use super::body::Fields;
use super::openapi::refusals::refusals;
use super::{Client, Shared, schema};
use gateway_pipeline::{CookieTokens, NOT_BEARER, Snapshot, credentials};
use gateway_problem::{Code, Problem};
use gateway_store::Event;
use gateway_token::{RawToken, RefreshClaims, TokenFault};

refusals!(Refusals: BODY STORES LIMITED; InvalidRequest LogoutTokenRequired TokenInvalid TokenTooLarge IssuerUnavailable CsrfRefused);

/// A token that is ours but expired or revoked gets 200 too: what its owner wants is true then.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "login",
    operation_id = "logout",
    summary = "Log out",
    description = "The session ends at once, with its access token and its refresh token.",
    request_body(content = Option<schema::LogoutRequest>),
    security(("bearer" = [])),
    responses((status = 200, description = "The session is over; so it is when it was over before.", body = schema::Message), Refusals),
)]
pub(super) async fn logout(
    State(services): State<Shared>,
    client: Client,
    method: Method,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Answer, Problem> {
    client.charged(&services.limits.logout_address, end(&services, &client, &method, &headers, &fields)).await
}

async fn end(
    services: &Shared,
    client: &Client,
    method: &Method,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<Answer, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let config = &services.config;
    let carried = services.pipeline.carried(config, &client.head(method, headers))?;
    if values.next().is_some() || (value.is_some() && carried.is_some()) {
        return Err(Problem::new(Code::InvalidRequest));
    }
    if let Some(carried) = carried {
        let ended = by_cookies(services, client, config, carried).await;
        let nothing_left =
            ended.as_ref().map_or_else(|problem| problem.code() == Code::TokenInvalid, |_| true);
        client.browser.iter().filter(|_| nothing_left).for_each(|browser| browser.forget());
        return ended;
    }
    let refresh = fields.text("refresh_token")?;
    let missing = Problem::new(Code::LogoutTokenRequired);
    let missing = if headers.contains_key(AUTHORIZATION) { missing.with_detail(NOT_BEARER) } else { missing };
    let token = value.and_then(credentials).ok_or(missing)?;
    let verifier = &config.verifier;
    let claims = match verifier.authenticate(token, services.clock.now()) {
        Ok(claims) => services.pipeline.of_this_installation(config, claims, client.address).await?,
        // It may be another issuer's: then it is ended alone, as its session is not kept here.
        Err(TokenFault::Invalid | TokenFault::Expired) => {
            let foreign = services.pipeline.authentic_foreign(config, token, client.address).await?;
            let (subject, issuer) = (foreign.claims().subject(), foreign.claims().issuer());
            let event = client.event(Event::LoggedOut, services).of_foreign(subject, issuer);
            services.sessions.revoke(foreign.claims(), event).await?;
            return Ok(Answer::message("Logged out successfully"));
        }
    };
    let event = client.event(Event::LoggedOut, services).about(claims.user()).in_session(claims.session());
    services.sessions.close(&claims, event).await?;
    // As RFC 7009 §2.2 has it, a refresh token that is not one is no error: it is not in force.
    if let Some(refresh) = refresh
        && let Ok(other) = verifier.verify_refresh(RawToken::new(refresh), services.clock.now())
        && other.user == claims.user()
        && other.session != claims.session()
    {
        end_other(services, client, other).await?;
    }
    Ok(Answer::message("Logged out successfully"))
}

/// Either token names the session: a browser that has not renewed for long has the refresh token only.
async fn by_cookies(
    services: &Shared,
    client: &Client,
    config: &Snapshot,
    carried: CookieTokens<'_>,
) -> Result<Answer, Problem> {
    let (verifier, now) = (&config.verifier, services.clock.now());
    let access = match carried.access.and_then(|token| verifier.authenticate(token, now).ok()) {
        Some(claims) => services.pipeline.of_this_installation(config, claims, client.address).await.ok(),
        None => None,
    };
    let refresh = carried.refresh.and_then(|token| verifier.verify_refresh(RawToken::new(token), now).ok());
    let (user, session) = match (&access, &refresh) {
        (Some(claims), _) => (claims.user(), claims.session()),
        (None, Some(claims)) => (claims.user, claims.session),
        (None, None) => return Err(config.count_failure(client.address).into()),
    };
    let event = client.event(Event::LoggedOut, services).about(user).in_session(session);
    match &access {
        Some(claims) => services.sessions.close(claims, event).await?,
        None => services.sessions.close_session(session, event).await?,
    };
    if let Some(other) = refresh.filter(|other| other.user == user && other.session != session) {
        end_other(services, client, other).await?;
    }
    Ok(Answer::message("Logged out successfully"))
}

/// The refresh token was of another session of the same user.
async fn end_other(services: &Shared, client: &Client, other: RefreshClaims) -> Result<(), Problem> {
    let event = client.event(Event::LoggedOut, services).about(other.user).in_session(other.session);
    Ok(services.sessions.close_session(other.session, event).await.map(drop)?)
}
