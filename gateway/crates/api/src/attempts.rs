//! Guessing at passwords: what bounds it, for the login and wherever else a password is asked for.

use std::sync::Arc;

use super::answer::overloaded;
use super::charges::LimitCharges;
use super::{Client, Services};
use gateway_identity::Network;
use gateway_limits::LoginKey;
use gateway_password::{PASSWORD_BYTES_MAX, Password, Verdict};
use gateway_problem::{Code, Problem};
use gateway_store::{Event, UnitOfWork, User};

impl Services {
    /// Charges an attempt, or refuses it. `None` is one at what is no e-mail address.
    pub(super) async fn begin_attempt(
        &self,
        client: &Client,
        attempt: Option<&LoginKey>,
        charges: &mut LimitCharges,
    ) -> Result<(), Problem> {
        let Some(attempt) = attempt else {
            return Ok(charges.guess_from(&self.limits.login_failure_address, client.address)?);
        };
        let now = self.clock.now();
        if let Some(lock) = &self.limits.login_lock
            && let Some(wait) = self.failed_logins.wait(lock, attempt, now)
        {
            return Err(Problem::new(Code::LoginLocked).retry_after(wait));
        }
        charges.guess(&self.limits.login_pair, attempt)?;
        // Where the account was used from before, nobody else's failures count: its owner gets in there.
        if !self.sessions.sessions.is_familiar(&attempt.email, attempt.address, now).await? {
            charges.guess_from(&self.limits.login_failure_address, client.address)?;
            charges.guess(&self.limits.login_account, &attempt.email)?;
        }
        Ok(())
    }

    pub(super) fn attempt_failed(&self, attempt: &LoginKey) {
        self.failed_logins.failed(attempt, self.clock.now());
    }

    /// The owner of an account proves to be it once more, before what cannot be taken back. Bounded
    /// as a login is: a stolen token must not be a way to guess.
    pub(super) async fn confirm(
        self: &Arc<Self>,
        user: &User,
        client: &Client,
        password: &str,
    ) -> Result<(), Problem> {
        let attempt = LoginKey { email: user.email.clone(), address: Network::from(client.address) };
        let mut charges = LimitCharges::default();
        let outcome = self.confirm_charged(user, client, &attempt, password, &mut charges).await;
        match &outcome {
            Ok(()) => {
                self.failed_logins.succeeded(&attempt);
                charges.succeeded();
            }
            Err(problem) => charges.failed(problem),
        }
        outcome
    }

    async fn confirm_charged(
        self: &Arc<Self>,
        user: &User,
        client: &Client,
        attempt: &LoginKey,
        password: &str,
        charges: &mut LimitCharges,
    ) -> Result<(), Problem> {
        self.begin_attempt(client, Some(attempt), charges).await?;
        let verdict = if password.len() > PASSWORD_BYTES_MAX {
            Verdict::Wrong
        } else {
            let stored = Some(user.password_hash.0.clone());
            let password = Password::from(password.to_owned());
            self.hashing.verify(client.address, password, stored).await.map_err(|_| overloaded())?
        };
        if verdict == Verdict::Wrong {
            self.attempt_failed(attempt);
            let failed = client.event(Event::LoginFailed, self).about(user.id).with_email(&user.email);
            let failed = failed.for_reason(Code::InvalidCredentials.as_str());
            self.record(UnitOfWork::because(failed)).await?;
            return Err(Problem::new(Code::InvalidCredentials));
        }
        Ok(())
    }
}
