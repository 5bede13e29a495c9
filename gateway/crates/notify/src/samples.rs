//! One letter of each kind and more, to try templates with before anybody gets a mail.

use secrecy::SecretString;

use super::notification::Notification;
use gateway_identity::Role;

/// Stands for itself in a link and in HTML, so that it can be looked for.
pub(super) const TOKEN: &str = "SampleToken0123456789";

/// Each kind with a name and without one, and the roles.
pub(super) fn all() -> Vec<Notification> {
    let mut letters = Vec::new();
    for name in ["Ada", ""] {
        let (name, at) = (name.to_owned(), "2026-01-02T03:04:05Z".to_owned());
        let token = || SecretString::from(TOKEN);
        letters.extend([
            Notification::PasswordReset { name: name.clone(), token: token(), minutes: 30 },
            Notification::PasswordChanged {
                name: name.clone(),
                at: at.clone(),
                address: "192.0.2.1".to_owned(),
            },
            Notification::EmailVerification { name: name.clone(), token: token(), hours: 24 },
            Notification::AlreadyRegistered { name: name.clone() },
            Notification::AccountDeleted { name, at },
        ]);
    }
    for (role, days) in [(Role::User, 7), (Role::Admin, 1)] {
        let invited_by = "admin@example.org".to_owned();
        letters.push(Notification::Invitation { token: SecretString::from(TOKEN), days, role, invited_by });
    }
    letters
}
