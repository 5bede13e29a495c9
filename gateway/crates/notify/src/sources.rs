//! The templates that are built in.

/// A file of the folder beside, by its name.
macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        /// Each built-in template: its name, and what is in it.
        pub(super) const SOURCES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("templates/", $name)))),+];
        /// The names of all templates: those of the files that an operator can put in their place.
        pub const TEMPLATE_FILES: &[&str] = &[$($name),+];
    };
}

sources!(
    "layout.html",
    "password_reset.txt",
    "password_reset.html",
    "password_changed.txt",
    "password_changed.html",
    "email_verification.txt",
    "email_verification.html",
    "invitation.txt",
    "invitation.html",
    "already_registered.txt",
    "already_registered.html",
    "account_deleted.txt",
    "account_deleted.html",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Notification;

    #[test]
    fn each_letter_has_both_forms() {
        for kind in Notification::KINDS {
            for ending in ["txt", "html"] {
                assert!(TEMPLATE_FILES.contains(&format!("{kind}.{ending}").as_str()), "{kind}.{ending}");
            }
        }
        assert_eq!(TEMPLATE_FILES.len(), 2 * Notification::KINDS.len() + 1);
    }
}
