//! `?mode=cookie`: whether tokens go into the body, or into cookies that no script can read.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use serde_json::{Value, json};

use super::{Client, Shared};
use gateway_pipeline::{Browser, BrowserTokens, keeps_no_cookies};
use gateway_problem::{Code, Problem};
use gateway_session::TokenPair;

/// Where the client wants its tokens.
pub(super) enum Mode {
    Body,
    /// Only where cookies are on, and never for a page of another origin.
    Cookies(Arc<Browser>),
}

impl<S: Send + Sync> FromRequestParts<S> for Mode
where
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut modes = parts.uri.query().into_iter().flat_map(|query| query.split('&')).filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == "mode").then_some(value)
        });
        match (modes.next(), modes.next()) {
            (None, _) => return Ok(Self::Body),
            (Some("cookie"), None) => {}
            _ => return Err(Problem::validation(vec!["mode must be cookie, or not be there".into()])),
        }
        let client: &Client = parts.extensions.get().ok_or(Problem::new(Code::Internal))?;
        let Some(browser) = &client.browser else {
            return Err(Problem::validation(vec![
                "mode=cookie is off at this gateway; its operator turns it on by [cookies] enabled = true"
                    .into(),
            ]));
        };
        let head = client.head(&parts.method, &parts.headers);
        Shared::from_ref(state).config.refuse_foreign_page(&head)?;
        if keeps_no_cookies((&parts.headers).into()) {
            return Err(Problem::new(Code::CookiesNeedHttps));
        }
        Ok(Self::Cookies(Arc::clone(browser)))
    }
}

impl Mode {
    /// Hands the tokens out; what of them stands in the body.
    pub(super) fn hand_out(&self, tokens: TokenPair) -> Value {
        match self {
            Self::Body => json!({
                "access_token": tokens.access,
                "refresh_token": tokens.refresh,
                "token_type": "Bearer",
                "expires_in": tokens.expires_in_seconds,
            }),
            Self::Cookies(browser) => {
                let expires_in = tokens.expires_in_seconds;
                json!({ "csrf_token": browser.keep(kept_by_a_browser(tokens)), "expires_in": expires_in })
            }
        }
    }
}

/// As a browser keeps it.
pub(super) fn kept_by_a_browser(pair: TokenPair) -> BrowserTokens {
    BrowserTokens {
        access: pair.access,
        refresh: pair.refresh,
        session: pair.session,
        seconds: pair.session_seconds,
    }
}
