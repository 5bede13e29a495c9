//! The letters there are, with what each one tells.

use std::fmt;

use secrecy::SecretString;

use gateway_identity::Role;

/// A letter before it is put into words. Names may be empty, and are whatever people wrote.
#[derive(Clone)]
pub enum Notification {
    /// Somebody asked for a new password.
    PasswordReset { name: String, token: SecretString, minutes: u64 },
    /// The password was changed: when, and from which network address.
    PasswordChanged { name: String, at: String, address: String },
    /// The token proves that the mailbox belongs to the new account's owner.
    EmailVerification { name: String, token: SecretString, hours: u64 },
    /// An administrator invites somebody to register.
    Invitation { token: SecretString, days: u64, role: Role, invited_by: String },
    /// Somebody tried to register with an address that has an account.
    AlreadyRegistered { name: String },
    /// The account is gone: since when.
    AccountDeleted { name: String, at: String },
}

impl Notification {
    /// All kinds, by their words.
    pub const KINDS: [&'static str; 6] = [
        "password_reset",
        "password_changed",
        "email_verification",
        "invitation",
        "already_registered",
        "account_deleted",
    ];

    /// The word for it in templates' names, the audit trail, the log and metrics.
    pub const fn kind(&self) -> &'static str {
        let [reset, changed, verification, invitation, registered, deleted] = Self::KINDS;
        match self {
            Self::PasswordReset { .. } => reset,
            Self::PasswordChanged { .. } => changed,
            Self::EmailVerification { .. } => verification,
            Self::Invitation { .. } => invitation,
            Self::AlreadyRegistered { .. } => registered,
            Self::AccountDeleted { .. } => deleted,
        }
    }

    /// What its reader must show to us.
    pub(super) const fn token(&self) -> Option<&SecretString> {
        match self {
            Self::PasswordReset { token, .. }
            | Self::EmailVerification { token, .. }
            | Self::Invitation { token, .. } => Some(token),
            Self::PasswordChanged { .. } | Self::AlreadyRegistered { .. } | Self::AccountDeleted { .. } => {
                None
            }
        }
    }
}

impl fmt::Debug for Notification {
    /// The rest is about a person, or opens an account.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({})", self.kind())
    }
}
