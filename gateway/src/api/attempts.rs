//! Guessing at passwords: what bounds it, for the login and wherever else a password is asked for.

use super::answer::overloaded;
use super::limits::EndpointLimits;
use super::{Client, Services};
use crate::identity::Email;
use crate::limits::{AddressKey, Charge, LoginKey, MailKey};
use crate::password::{PASSWORD_BYTES_MAX, Password, Verdict};
use crate::problem::{Code, Problem};
use crate::store::User;
use crate::telemetry::{Event, SecurityLine};

impl Services {
    /// Charges an attempt, or refuses it.
    pub(super) fn begin_attempt(
        &self,
        limits: &EndpointLimits,
        attempt: &LoginKey,
    ) -> Result<Vec<Charge>, Problem> {
        if let Some(lock) = &limits.login_lock
            && let Some(wait) = self.setbacks.wait(lock, attempt, self.clock.now())
        {
            return Err(Problem::new(Code::LoginLocked).retry_after(wait));
        }
        Ok(limits.charge_login(attempt, &self.known)?)
    }

    pub(super) fn attempt_failed(&self, attempt: &LoginKey) {
        self.setbacks.failed(attempt, self.clock.now());
    }

    pub(super) fn attempt_succeeded(&self, limits: &EndpointLimits, attempt: &LoginKey) {
        limits.login_succeeded(attempt, &self.known);
        self.setbacks.succeeded(attempt);
    }

    /// The owner of an account proves to be it once more, before what cannot be taken back. Bounded
    /// as a login is: a stolen token must not be a way to guess.
    pub(super) async fn confirm(&self, user: &User, client: &Client, password: &str) -> Result<(), Problem> {
        let limits = self.limits.load_full();
        let attempt = LoginKey { email: user.email.clone(), address: AddressKey::from(client.address) };
        self.begin_attempt(&limits, &attempt)?;
        let verdict = if password.len() > PASSWORD_BYTES_MAX {
            Verdict::Wrong
        } else {
            let stored = Some(user.password_hash.0.clone());
            let verdict = self.hashing.verify(Password::from(password.to_owned()), stored).await;
            verdict.map_err(|_| overloaded())?
        };
        if verdict == Verdict::Wrong {
            self.attempt_failed(&attempt);
            let reason = Some(Code::InvalidCredentials.word());
            let line = SecurityLine { email: Some(user.email.as_str()), reason, ..client.line() };
            client.deed(Event::LoginFailed, line, self).about(user.id).record(self).await?;
            return Err(Problem::new(Code::InvalidCredentials));
        }
        self.attempt_succeeded(&limits, &attempt);
        Ok(())
    }

    /// Whether this address may be sent one more mail about this. Who asks is not told: it would tell
    /// others that somebody asked.
    pub(super) fn may_mail(&self, email: &Email, errand: &'static str, client: &Client) -> bool {
        let limits = self.limits.load();
        let key = MailKey { email: email.clone(), errand };
        let allowed = limits.mail_account.as_ref().is_none_or(|limit| limit.charge(&key).is_ok());
        if !allowed {
            tracing::info!(request_id = %client.request_id, "no mail was sent: this address had enough of them");
        }
        allowed
    }
}
