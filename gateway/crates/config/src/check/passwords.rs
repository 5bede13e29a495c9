//! Passwords: what a hash costs, which may be chosen, and the first administrator's.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::Checker;
use crate::file::File;
use gateway_identity::Email;
use gateway_password::{BreachedList, Cost, Method, Owner, Password, Policy, PoolSettings, Weakness, owed};

/// Ten to the power of it is what twelve letters without any sense have.
const GUESSES_LOG10_MAX: u8 = 12;

/// A wrong password costs each of them.
const METHODS_MAX: usize = 4;
/// The counts of PBKDF2 that a table grew over the years.
const NAMED_MAX: usize = 32;

impl Checker<'_> {
    pub(super) fn hashing(&mut self, file: &File) -> PoolSettings {
        let password = &file.password;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if password.queue == 0 {
            self.fault("password.queue = 0: nobody could log in");
        }
        let cost = Cost { memory_kib: password.memory_kib, passes: password.passes, lanes: password.lanes };
        if let Err(fault) = cost.check() {
            self.fault(format!("password: {fault}"));
        }
        let mut imported = Vec::new();
        for text in &password.imported {
            match text.parse::<Method>() {
                Ok(method) => imported.push(method),
                Err(fault) => self.fault(format!("password.imported: \"{text}\" {fault}")),
            }
        }
        if owed(&imported, None).len() > METHODS_MAX || imported.len() > NAMED_MAX {
            self.fault(format!(
                "password.imported: at most {METHODS_MAX} methods, where all of PBKDF2 with the same digest count as one; each one makes a wrong password cost more"
            ));
        }
        PoolSettings {
            cost,
            imported,
            policy: self.password_policy(file),
            threads: if password.threads == 0 { cores.div_ceil(2) } else { password.threads },
            queue: password.queue,
            wait_max: Duration::from_millis(password.wait_max_ms),
        }
    }

    fn password_policy(&mut self, file: &File) -> Policy {
        let password = &file.password;
        let guesses_log10_min = password.guesses_log10_min;
        if guesses_log10_min > GUESSES_LOG10_MAX {
            self.fault(format!(
                "password.guesses_log10_min = {guesses_log10_min}: allowed are 0 to {GUESSES_LOG10_MAX}; more would refuse almost everything"
            ));
        }
        if password.breached_count_min == 0 {
            self.fault("password.breached_count_min = 0: a password that was never found is in no list; write 1 or more");
        }
        let path = &password.breached_path;
        let breached = if path.as_os_str().is_empty() {
            None
        } else {
            match BreachedList::open(path, password.breached_count_min) {
                Ok(list) => Some(Arc::new(list)),
                Err(fault) => {
                    self.fault(format!("password.breached_path: {fault}"));
                    None
                }
            }
        };
        Policy { guesses_log10_min, breached }
    }

    pub(super) fn first_admin(
        &mut self,
        email: Option<String>,
        password: Option<SecretString>,
        policy: &Policy,
    ) -> Option<(Email, Password)> {
        let (email, password) = match (email, password) {
            (None, None) => return None,
            (Some(email), Some(password)) => (email, password),
            _ => {
                self.fault(
                    "GATEWAY_ADMIN_EMAIL and GATEWAY_ADMIN_PASSWORD belong together: set both or none",
                );
                return None;
            }
        };
        let owner = Owner { email: &email, ..Owner::default() };
        match policy.assess(password.expose_secret(), &owner) {
            None => {}
            Some(Weakness::TooShort | Weakness::TooLong | Weakness::TooPlain) => self.fault("GATEWAY_ADMIN_PASSWORD: needs 8 characters or more, with an upper-case letter, a lower-case letter and a digit"),
            Some(Weakness::Guessable) => self.fault("GATEWAY_ADMIN_PASSWORD: is among the first that anybody tries, or made of GATEWAY_ADMIN_EMAIL; choose another one"),
            Some(Weakness::Breached) => self.fault("GATEWAY_ADMIN_PASSWORD: is in the list of password.breached_path; choose another one"),
        }
        match Email::parse(&email) {
            Ok(email) => Some((email, password)),
            Err(_) => {
                self.fault("GATEWAY_ADMIN_EMAIL is no e-mail address");
                None
            }
        }
    }
}
