//! Registration: open, by invitation or closed, and how an address is verified.

/// The mode of registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    #[default]
    Open,
    /// Nobody: administrators make accounts.
    Closed,
    /// Only with an invitation.
    Invite,
}

/// Whether somebody must prove to read the mail of the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailVerification {
    /// No mail asks for it.
    Off,
    /// A mail asks for it, and who does not answer may log in all the same.
    #[default]
    Optional,
    /// Without it nobody logs in.
    Required,
}

impl EmailVerification {
    pub(super) fn is_asked(self) -> bool {
        self != Self::Off
    }

    pub(super) fn is_required(self) -> bool {
        self == Self::Required
    }
}

/// The rules for new accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    pub mode: RegistrationMode,
    pub email_verification: EmailVerification,
    /// Whether nobody may learn by registering which addresses have an account.
    pub conceal_existing: bool,
}
