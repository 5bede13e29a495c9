//! A refresh token for new tokens: for who asks for it, and for a browser whose access token is over.

use std::time::Duration;

use super::mode::kept_by_a_browser;
use super::{Api, Client, Shared};
use gateway_limits::Charge;
use gateway_pipeline::{ExpiredSession, RenewalStep, Renewed};
use gateway_problem::{Code, Problem};
use gateway_session::{Refreshed, Renewal, TokenPair};
use gateway_store::Event;
use gateway_token::RawToken;

/// What it can come to, for the metrics.
pub(super) const RESULTS: [&str; 9] = [
    KEPT,
    ROTATED,
    REUSED,
    Code::RefreshTokenInvalid.as_str(),
    Code::RefreshTokenRequired.as_str(),
    Code::UserInactive.as_str(),
    Code::RateLimited.as_str(),
    Code::StoreUnavailable.as_str(),
    Code::RevocationUnavailable.as_str(),
];
const KEPT: &str = "kept";
const ROTATED: &str = "rotated";
const REUSED: &str = "reused";

/// What a good refresh token is exchanged for.
pub(super) enum Exchanged {
    /// It stays in force, and this is the new access token.
    Kept {
        access: String,
        expires_in_seconds: u64,
    },
    Rotated(TokenPair),
}

/// Why there is nothing for it; counted under this word.
pub(super) struct NotExchanged {
    word: &'static str,
    pub(super) problem: Problem,
}

impl From<Problem> for NotExchanged {
    fn from(problem: Problem) -> Self {
        Self { word: problem.code().as_str(), problem }
    }
}

/// What this address has left, where there is such a limit.
pub(super) fn charge(services: &Shared, client: &Client) -> Result<Option<Charge>, Problem> {
    client.charge(&services.limits.refresh_address)
}

pub(super) fn count(services: &Shared, outcome: &Result<Exchanged, NotExchanged>) {
    services.metrics.accounts.refresh(match outcome {
        Ok(Exchanged::Kept { .. }) => KEPT,
        Ok(Exchanged::Rotated(_)) => ROTATED,
        Err(not) => not.word,
    });
}

/// Checked in this order: signature (401), user (404), session (401).
pub(super) async fn exchange(
    services: &Shared,
    client: &Client,
    token: RawToken<'_>,
    renewal: Renewal,
) -> Result<Exchanged, NotExchanged> {
    let claims = services.config.verifier.verify_refresh(token, services.clock.now());
    let claims = claims.map_err(|_| Problem::new(Code::RefreshTokenInvalid))?;
    let user = services.users.by_id(claims.user).await.map_err(Problem::from)?;
    let user = user.filter(|user| user.is_active).ok_or(Problem::new(Code::UserInactive))?;
    let told = |event| client.event(event, services).about(user.id).in_session(claims.session);
    let (from, events) = (client.address.into(), (told(Event::Refreshed), told(Event::RefreshReused)));
    let refreshed = services.sessions.rotate(&claims, &user, from, renewal, events).await;
    match refreshed.map_err(Problem::from)? {
        Refreshed::Kept { access, expires_in_seconds } => Ok(Exchanged::Kept { access, expires_in_seconds }),
        Refreshed::Rotated(pair) => Ok(Exchanged::Rotated(pair)),
        Refreshed::Refused => Err(Problem::new(Code::RefreshTokenInvalid).into()),
        Refreshed::Reused { told } => {
            let problem = if told {
                Problem::new(Code::RefreshTokenInvalid)
            } else {
                Problem::new(Code::RevocationUnavailable).retry_after(Duration::from_secs(1))
            };
            Err(NotExchanged { word: REUSED, problem })
        }
    }
}

/// Whether the session is over, and not only out of reach.
pub(super) fn is_over(problem: &Problem) -> bool {
    matches!(problem.code(), Code::RefreshTokenInvalid | Code::UserInactive)
}

impl Api {
    /// For a browser, in the middle of another request.
    pub async fn renew(&self, refresh: &str, step: RenewalStep, client: &Client) -> Renewed {
        renew(&self.services, refresh, step, client).await
    }
}

async fn renew(services: &Shared, refresh: &str, step: RenewalStep, client: &Client) -> Renewed {
    let token = RawToken::new(refresh);
    let outcome = match step {
        RenewalStep::Begin => match charge(services, client) {
            Ok(_) => exchange(services, client, token, Renewal::Keep).await,
            Err(problem) => Err(problem.into()),
        },
        RenewalStep::HandOver if !is_current(services, token).await => return Renewed::Refused,
        RenewalStep::HandOver => exchange(services, client, token, Renewal::Rotate).await,
    };
    // Once for both steps: a browser has nothing of the first one alone.
    if !matches!(outcome, Ok(Exchanged::Kept { .. })) {
        count(services, &outcome);
    }
    match outcome {
        Ok(Exchanged::Kept { access, .. }) => Renewed::Access(access),
        Ok(Exchanged::Rotated(pair)) => Renewed::Tokens(kept_by_a_browser(pair)),
        Err(not) if is_over(&not.problem) => Renewed::Refused,
        Err(not) => Renewed::Failed(not.problem),
    }
}

/// The first step, for a browser that asks an endpoint of ours.
pub(super) async fn renew_expired(
    services: &Shared,
    client: &Client,
    expired_session: &ExpiredSession,
) -> Renewed {
    let renewed = match expired_session.refresh() {
        Some(refresh) => renew(services, refresh, RenewalStep::Begin, client).await,
        None => Renewed::Refused,
    };
    client.browser.iter().for_each(|browser| browser.renewed(expired_session.refresh(), &renewed));
    renewed
}

/// Whether nobody has replaced it meanwhile: it would then be taken for one that was stolen.
async fn is_current(services: &Shared, token: RawToken<'_>) -> bool {
    let claims = services.config.verifier.verify_refresh(token, services.clock.now());
    let Ok(claims) = claims else { return false };
    let current = services.sessions.is_current(&claims).await;
    current
        .inspect_err(|fault| tracing::error!(error = %fault, "a session could not be read"))
        .unwrap_or(false)
}
