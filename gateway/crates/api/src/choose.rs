//! Choosing a password: what registration, change and reset have in common.

use super::answer::overloaded;
use super::{Client, Services};
use gateway_password::{Owner, Password, Weakness};
use gateway_problem::{Code, Problem};
use gateway_store::{StoredHash, User};

/// What is to be said of the length, in the contract's words.
pub(super) fn length_fault(weakness: Weakness) -> Option<&'static str> {
    match weakness {
        Weakness::TooShort => Some("Password must be at least 8 characters"),
        Weakness::TooLong => Some("Password must be at most 1024 bytes"),
        Weakness::TooPlain | Weakness::Guessable | Weakness::Breached => None,
    }
}

/// What is said on its own.
pub(super) fn weakness_problem(weakness: Weakness) -> Problem {
    match (length_fault(weakness), weakness) {
        (Some(fault), _) => Problem::validation(vec![fault.into()]),
        (None, Weakness::Guessable) => Problem::new(Code::PasswordGuessable),
        (None, Weakness::Breached) => Problem::new(Code::PasswordBreached),
        (None, _) => Problem::new(Code::PasswordTooWeak),
    }
}

/// The owner of the new password.
pub(super) fn owner_of(user: &User) -> Owner<'_> {
    Owner { email: user.email.as_str(), first_name: &user.first_name, last_name: &user.last_name }
}

impl Services {
    /// What is wrong with a password that somebody chose, if anything is.
    pub(super) async fn weakness(
        &self,
        client: &Client,
        password: &str,
        owner: &Owner<'_>,
    ) -> Result<Option<Weakness>, Problem> {
        self.hashing.assess(client.address, password, owner).await.map_err(|_| overloaded())
    }

    /// The hash of a new password for an account.
    pub(super) async fn chosen(
        &self,
        client: &Client,
        password: &str,
        owner: &Owner<'_>,
    ) -> Result<StoredHash, Problem> {
        if let Some(weakness) = self.weakness(client, password, owner).await? {
            return Err(weakness_problem(weakness));
        }
        let hash = self.hashing.hash(client.address, Password::from(password.to_owned())).await;
        hash.map(StoredHash).map_err(|_| overloaded())
    }
}
