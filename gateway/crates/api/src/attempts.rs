//! Guessing at passwords: what bounds it, for the login and wherever else a password is asked for.

use std::sync::Arc;

use super::answer::overloaded;
use super::toll::Toll;
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
        toll: &mut Toll,
    ) -> Result<(), Problem> {
        let Some(attempt) = attempt else {
            return Ok(toll.guess_from(&self.limits.login_failure_address, client.address)?);
        };
        let now = self.clock.now();
        if let Some(lock) = &self.limits.login_lock
            && let Some(wait) = self.setbacks.wait(lock, attempt, now)
        {
            return Err(Problem::new(Code::LoginLocked).retry_after(wait));
        }
        toll.guess(&self.limits.login_pair, attempt)?;
        // Where the account was used from before, nobody else's failures count: its owner gets in there.
        if !self.sessions.sessions.is_familiar(&attempt.email, attempt.address, now).await? {
            toll.guess_from(&self.limits.login_failure_address, client.address)?;
            toll.guess(&self.limits.login_account, &attempt.email)?;
        }
        Ok(())
    }

    pub(super) fn attempt_failed(&self, attempt: &LoginKey) {
        self.setbacks.failed(attempt, self.clock.now());
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
        let mut toll = Toll::default();
        let outcome = self.confirm_charged(user, client, &attempt, password, &mut toll).await;
        match &outcome {
            Ok(()) => {
                self.setbacks.succeeded(&attempt);
                toll.succeeded();
            }
            Err(problem) => toll.failed(problem),
        }
        outcome
    }

    async fn confirm_charged(
        self: &Arc<Self>,
        user: &User,
        client: &Client,
        attempt: &LoginKey,
        password: &str,
        toll: &mut Toll,
    ) -> Result<(), Problem> {
        self.begin_attempt(client, Some(attempt), toll).await?;
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
            let failed = failed.for_reason(Code::InvalidCredentials.word());
            self.record(UnitOfWork::because(failed)).await?;
            return Err(Problem::new(Code::InvalidCredentials));
        }
        Ok(())
    }
}
