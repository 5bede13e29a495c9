//! Choosing a password: what registration, change and reset have in common.

use super::Services;
use super::answer::overloaded;
use crate::password::{Password, Weakness, assess};
use crate::problem::{Code, Problem};
use crate::store::StoredHash;

/// What is to be said of the length, in the contract's words.
pub(super) fn length_fault(weakness: Weakness) -> Option<&'static str> {
    match weakness {
        Weakness::TooShort => Some("Password must be at least 8 characters"),
        Weakness::TooLong => Some("Password must be at most 1024 bytes"),
        Weakness::TooPlain => None,
    }
}

/// What is said on its own.
pub(super) fn weakness_problem(weakness: Weakness) -> Problem {
    match length_fault(weakness) {
        Some(fault) => Problem::validation(vec![fault.into()]),
        None => Problem::new(Code::PasswordTooWeak),
    }
}

impl Services {
    /// The hash of a new password for an account.
    pub(super) async fn chosen(&self, password: &str) -> Result<StoredHash, Problem> {
        if let Some(weakness) = assess(password) {
            return Err(weakness_problem(weakness));
        }
        let hash = self.hashing.hash(Password::from(password.to_owned())).await;
        hash.map(StoredHash).map_err(|_| overloaded())
    }
}
