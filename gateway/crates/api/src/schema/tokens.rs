//! What a login and a refresh answer; in cookie mode the tokens are in cookies, and not in the body.
#![expect(dead_code, reason = "each mode writes its own members")]

use serde::Serialize;
use utoipa::ToSchema;

use super::request::RoleWord;

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum LoginAnswer {
    Tokens(LoginTokens),
    Cookies(LoginCookies),
}

/// The tokens of a new session.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginTokens {
    access_token: String,
    refresh_token: String,
    #[schema(example = "Bearer")]
    token_type: String,
    /// Seconds until the access token is over.
    #[schema(example = 3600)]
    expires_in: u64,
    user: LoginUser,
}

/// With `mode=cookie`.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginCookies {
    /// To be sent as `X-CSRF-Token`; also in the cookie `__Host-gateway_csrf`.
    csrf_token: String,
    /// Seconds until the access token is over.
    #[schema(example = 3600)]
    expires_in: u64,
    user: LoginUser,
}

/// The user who logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginUser {
    #[schema(minimum = 1, example = 2)]
    id: u64,
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    #[schema(example = "Ada")]
    first_name: String,
    role: RoleWord,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum RefreshAnswer {
    Tokens(RefreshTokens),
    Cookies(RefreshCookies),
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefreshTokens {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: String,
    /// Seconds until the access token is over.
    #[schema(example = 3600)]
    expires_in: u64,
    /// Where the refresh token was replaced: the one to use from now on.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}

/// With `mode=cookie`.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefreshCookies {
    csrf_token: String,
    /// Seconds until the access token is over.
    #[schema(example = 3600)]
    expires_in: u64,
}
