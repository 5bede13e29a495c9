//! What bounds the endpoints. Others after a reload; who has used up what is kept.

use std::future::Future;
use std::sync::Arc;

use super::answer::Answer;
use super::charges::LimitCharges;
use super::{Client, Services};
use gateway_identity::Email;
use gateway_limits::{AddressLimiter, Charge, Limiter, Lock, LoginKey, MailKey};
use gateway_problem::Problem;

/// `None` where the operator asked for no limit by name.
pub struct EndpointLimits {
    pub login_address: Option<AddressLimiter>,
    /// By account **and** address: nobody's guesses use up somebody else's.
    pub login_pair: Option<Arc<Limiter<LoginKey>>>,
    /// Failures over all accounts, against trying each of a list once.
    pub login_failure_address: Option<AddressLimiter>,
    /// A high cap for each account, against guessing from many addresses.
    pub login_account: Option<Arc<Limiter<Email>>>,
    pub logout_address: Option<AddressLimiter>,
    pub register_address: Option<AddressLimiter>,
    pub refresh_address: Option<AddressLimiter>,
    /// Endpoints that send a mail, or take a token from one.
    pub recovery_address: Option<AddressLimiter>,
    /// Mails that anybody may cause, by the address that they go to and what they are about.
    pub mail_account: Option<Arc<Limiter<MailKey>>>,
    /// Mails to addresses that nobody has verified, all together.
    pub mail_unverified: Option<Arc<Limiter<()>>>,
    /// Failed logins in a row.
    pub login_lock: Option<Lock>,
}

impl Client {
    /// Charges a request to the address that it comes from; `None` where there is no such limit.
    pub(super) fn charge(&self, limit: &Option<AddressLimiter>) -> Result<Option<Charge>, Problem> {
        Ok(limit.as_ref().map(|limit| limit.charge(self.address)).transpose()?)
    }

    /// Charges a request to the address that it comes from, and does it. What we could not do is given
    /// back.
    pub(super) async fn charged(
        &self,
        limit: &Option<AddressLimiter>,
        work: impl Future<Output = Result<Answer, Problem>>,
    ) -> Result<Answer, Problem> {
        let mut charges = LimitCharges::default();
        charges.request(limit, self.address)?;
        let outcome = work.await;
        outcome.as_ref().map_or_else(|problem| charges.failed(problem), |_| ());
        outcome.map(|answer| answer.charged(charges.charges()))
    }
}

impl EndpointLimits {
    /// Forgets limiter keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        let by_address = [
            &self.login_address,
            &self.login_failure_address,
            &self.logout_address,
            &self.register_address,
            &self.refresh_address,
            &self.recovery_address,
        ];
        by_address.into_iter().flatten().for_each(AddressLimiter::forget_idle);
        self.login_pair.iter().for_each(|limiter| limiter.forget_idle());
        self.login_account.iter().for_each(|limiter| limiter.forget_idle());
        self.mail_account.iter().for_each(|limiter| limiter.forget_idle());
        self.mail_unverified.iter().for_each(|limiter| limiter.forget_idle());
    }
}

impl Services {
    /// Whether this address may be sent one more mail about this. Who asks is not told: it would tell
    /// others that somebody asked.
    pub(super) fn may_mail(&self, email: &Email, errand: &'static str, client: &Client) -> bool {
        let key = MailKey { email: email.clone(), errand };
        let allowed = self.limits.mail_account.as_ref().is_none_or(|limit| limit.charge(&key).is_ok());
        if !allowed {
            tracing::info!(request_id = %client.request_id, "no mail was sent: this address had enough of them");
        }
        allowed
    }
}
