//! The list of what happens to accounts, sessions and the gateway: one for the audit trail, the log and the
//! metrics.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Registered,
    LoginSucceeded,
    LoginFailed,
    /// A refresh token that was replaced came again; its session was closed.
    RefreshReused,
    LoggedOut,
    /// A role or an activity was changed by an administrator.
    AccountChanged,
    /// Somebody who is not a trusted proxy asked in the name of others.
    UntrustedProxy,
    ConfigReloaded,
    ConfigRefused,
    Refreshed,
    AccountCreated,
    AccountsImported,
    AccountDeleted,
    AccountExported,
    PasswordChanged,
    PasswordResetRequested,
    PasswordReset,
    EmailVerified,
    SessionsEnded,
    InvitationMade,
    InvitationWithdrawn,
    TokenRefused,
    DeliveryGivenUp,
    KeysRotated,
    Started,
}

impl Event {
    pub const ALL: [Self; 25] = [
        Self::Registered,
        Self::LoginSucceeded,
        Self::LoginFailed,
        Self::RefreshReused,
        Self::LoggedOut,
        Self::AccountChanged,
        Self::UntrustedProxy,
        Self::ConfigReloaded,
        Self::ConfigRefused,
        Self::Refreshed,
        Self::AccountCreated,
        Self::AccountsImported,
        Self::AccountDeleted,
        Self::AccountExported,
        Self::PasswordChanged,
        Self::PasswordResetRequested,
        Self::PasswordReset,
        Self::EmailVerified,
        Self::SessionsEnded,
        Self::InvitationMade,
        Self::InvitationWithdrawn,
        Self::TokenRefused,
        Self::DeliveryGivenUp,
        Self::KeysRotated,
        Self::Started,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::RefreshReused => "refresh_reused",
            Self::LoggedOut => "logged_out",
            Self::AccountChanged => "account_changed",
            Self::UntrustedProxy => "untrusted_proxy",
            Self::ConfigReloaded => "config_reloaded",
            Self::ConfigRefused => "config_refused",
            Self::Refreshed => "refreshed",
            Self::AccountCreated => "account_created",
            Self::AccountsImported => "accounts_imported",
            Self::AccountDeleted => "account_deleted",
            Self::AccountExported => "account_exported",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::EmailVerified => "email_verified",
            Self::SessionsEnded => "sessions_ended",
            Self::InvitationMade => "invitation_made",
            Self::InvitationWithdrawn => "invitation_withdrawn",
            Self::TokenRefused => "token_refused",
            Self::DeliveryGivenUp => "delivery_given_up",
            Self::KeysRotated => "keys_rotated",
            Self::Started => "started",
        }
    }

    /// The same for people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::LoginSucceeded => "logged in",
            Self::LoginFailed => "login failed",
            Self::RefreshReused => "a replaced refresh token was used again: its session is closed",
            Self::LoggedOut => "logged out",
            Self::AccountChanged => "account changed",
            Self::UntrustedProxy => {
                "/api/auth/verify was called by a peer that is not in server.trusted_proxies"
            }
            Self::ConfigReloaded => "the configuration was reloaded",
            Self::ConfigRefused => "the configuration was not reloaded: the one before stays in use",
            Self::Refreshed => "refreshed",
            Self::AccountCreated => "an account was created",
            Self::AccountsImported => "accounts were imported",
            Self::AccountDeleted => "an account was deleted",
            Self::AccountExported => "an account's data was exported",
            Self::PasswordChanged => "a password was changed",
            Self::PasswordResetRequested => "a password reset was asked for",
            Self::PasswordReset => "a password was reset",
            Self::EmailVerified => "an e-mail address was verified",
            Self::SessionsEnded => "sessions were ended",
            Self::InvitationMade => "somebody was invited",
            Self::InvitationWithdrawn => "an invitation was withdrawn",
            Self::TokenRefused => "a revoked token was used",
            Self::DeliveryGivenUp => "a mail or an event could not be delivered, and is given up",
            Self::KeysRotated => "keys were rotated",
            Self::Started => "the gateway was started",
        }
    }

    /// Whether its line of the log is a warning.
    pub const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::RefreshReused | Self::UntrustedProxy | Self::ConfigRefused | Self::DeliveryGivenUp
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_stands_in_its_place() {
        for (place, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, place, "{event:?}");
        }
    }
}
