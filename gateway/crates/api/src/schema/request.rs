//! Bodies of requests. The endpoints read them field by field, for the contract's words and order of
//! refusals: these types only describe them.
#![expect(dead_code, reason = "bodies are read by `Fields`")]

use serde::Serialize;
use utoipa::ToSchema;

/// What an account may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Role, rename_all = "lowercase")]
pub(crate) enum RoleWord {
    User,
    Admin,
}

/// Where the tokens go.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "lowercase")]
pub(crate) enum ModeWord {
    Cookie,
}

#[derive(ToSchema)]
pub(crate) struct Registration {
    /// ASCII; trimmed and lower-cased.
    #[schema(format = Email, max_length = 255, example = "ada@example.com")]
    email: String,
    /// With an upper-case letter, a lower-case letter and a digit; at most 1,024 bytes.
    #[schema(format = Password, min_length = 8, max_length = 1024, example = "Correct-horse-7")]
    password: String,
    /// Trimmed; no control characters.
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "Ada")]
    first_name: Option<String>,
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "Lovelace")]
    last_name: Option<String>,
    /// The token of an invitation, where registration is by invitation.
    invitation: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct LoginRequest {
    #[schema(min_length = 1, example = "ada@example.com")]
    email: String,
    #[schema(format = Password, min_length = 1, example = "Correct-horse-7")]
    password: String,
}

#[derive(ToSchema)]
pub(crate) struct RefreshRequest {
    #[schema(min_length = 1)]
    refresh_token: String,
    /// Whether the refresh token is to be replaced.
    rotate: Option<bool>,
}

#[derive(ToSchema)]
pub(crate) struct LogoutRequest {
    /// Of another session of the same user, which ends, too.
    refresh_token: Option<String>,
}

/// What is left out stays as it is.
#[derive(ToSchema)]
pub(crate) struct NamesChange {
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "Ada")]
    first_name: Option<String>,
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "King")]
    last_name: Option<String>,
}

/// What is left out stays as it is.
#[derive(ToSchema)]
pub(crate) struct AccountChange {
    role: Option<RoleWord>,
    is_active: Option<bool>,
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "Ada")]
    first_name: Option<String>,
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", example = "King")]
    last_name: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct AccountRemoval {
    #[schema(format = Password, min_length = 1, example = "Correct-horse-7")]
    current_password: String,
}

#[derive(ToSchema)]
pub(crate) struct PasswordChange {
    #[schema(format = Password, min_length = 1, example = "Correct-horse-7")]
    current_password: String,
    /// As for a registration.
    #[schema(format = Password, min_length = 8, max_length = 1024, example = "Correct-horse-8")]
    new_password: String,
}

#[derive(ToSchema)]
pub(crate) struct PasswordForgotten {
    #[schema(min_length = 1, example = "ada@example.com")]
    email: String,
}

#[derive(ToSchema)]
pub(crate) struct PasswordReset {
    /// Of the mail.
    #[schema(min_length = 1)]
    token: String,
    /// As for a registration.
    #[schema(format = Password, min_length = 8, max_length = 1024, example = "Correct-horse-8")]
    password: String,
}

#[derive(ToSchema)]
pub(crate) struct EmailProof {
    /// Of the mail.
    #[schema(min_length = 1)]
    token: String,
}

#[derive(ToSchema)]
pub(crate) struct InvitationWish {
    #[schema(format = Email, max_length = 255, example = "grace@example.com")]
    email: String,
    /// `user`, unless it is said.
    role: Option<RoleWord>,
}
