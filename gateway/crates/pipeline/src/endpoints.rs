//! What the gateway's own endpoints ask of the same stages. They have no route of the operator.

use std::net::IpAddr;

use super::extract::{self, Credential};
use super::{
    Access, CookieTokens, DecisionTrace, ExpiredSession, Head, Pipeline, Principal, Quota, Refusal, Renewed,
    Requires, Snapshot, Who, csrf, rate_limit, revocation, verify,
};
use gateway_token::{AuthenticClaims, AuthenticForeign, RawToken};

/// The caller of an endpoint.
pub enum Authenticated {
    Known(Principal, Quota),
    /// A browser's session is to be renewed, and then [`Pipeline::authenticate_renewed`] asked.
    Renew(ExpiredSession),
}

impl Pipeline {
    pub async fn authenticate(&self, config: &Snapshot, head: &Head<'_>) -> Result<Authenticated, Refusal> {
        let needed = Access::Required(Requires::default());
        let credential = extract::of_own(head, &needed)?.ok_or(Refusal::NoToken)?;
        let trace = &mut DecisionTrace::silent();
        match self.identify(config, head, credential, config.own_cors.as_deref(), trace).await? {
            Who::Known(principal) => {
                let quota = rate_limit::take_own(config, &principal)?;
                Ok(Authenticated::Known(principal, quota))
            }
            Who::ExpiredSession(expired_session) => Ok(Authenticated::Renew(expired_session)),
            Who::Nobody => Err(Refusal::NoToken),
        }
    }

    pub async fn authenticate_renewed(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        expired_session: ExpiredSession,
        renewed: Renewed,
    ) -> Result<(Principal, Quota), Refusal> {
        let trace = &mut DecisionTrace::silent();
        let principal = self.identify_renewed(config, head, expired_session, renewed, trace).await?;
        let quota = rate_limit::take_own(config, &principal)?;
        Ok((principal, quota))
    }

    /// The identity in the access token that a renewal has brought.
    pub(super) async fn identify_renewed(
        &self,
        config: &Snapshot,
        head: &Head<'_>,
        expired_session: ExpiredSession,
        renewed: Renewed,
        trace: &mut DecisionTrace,
    ) -> Result<Principal, Refusal> {
        // Without cookies none had lapsed.
        let cookies = head.cookies.ok_or(Refusal::NoToken)?;
        let access = expired_session.access(renewed)?;
        let carried = CookieTokens { access: Some(RawToken::new(&access)), refresh: None };
        self.prove(config, head, &Credential::Cookies(cookies, carried), trace).await
    }

    /// For endpoints that take a browser's tokens themselves: what it carries, if its page may use it.
    pub fn carried<'a>(
        &self,
        config: &Snapshot,
        head: &Head<'a>,
    ) -> Result<Option<CookieTokens<'a>>, Refusal> {
        let Some(cookies) = head.cookies else { return Ok(None) };
        let Some(carried) = CookieTokens::read(head.headers)? else { return Ok(None) };
        let credential = Credential::Cookies(cookies, carried);
        csrf::check(config, head, &credential, config.own_cors.as_deref(), || self.clock.now())?;
        Ok(Some(carried))
    }

    /// A token that another issuer signed, whatever its time: for a logout.
    pub async fn authentic_foreign(
        &self,
        config: &Snapshot,
        token: RawToken<'_>,
        client: IpAddr,
    ) -> Result<AuthenticForeign, Refusal> {
        let authentic = verify::authentic(config, token, self.clock.now()).await;
        authentic.map_err(|refusal| verify::counted(config, client, refusal))
    }

    /// A token of ours, whatever its time, unless another store with the same secrets may have signed
    /// it: for a logout.
    pub async fn of_this_installation(
        &self,
        config: &Snapshot,
        claims: AuthenticClaims,
        client: IpAddr,
    ) -> Result<AuthenticClaims, Refusal> {
        let ours = claims.names_installation() || revocation::is_known(self, &claims).await?;
        if ours { Ok(claims) } else { Err(config.count_failure(client)) }
    }
}

impl Snapshot {
    /// For endpoints that a page uses before it has a session.
    pub fn refuse_foreign_page(&self, head: &Head<'_>) -> Result<(), Refusal> {
        let cors = self.own_cors.as_deref();
        head.cookies.map_or(Ok(()), |_| csrf::refuse_foreign(head, cors))
    }

    /// A token that an endpoint refused by itself, counted like one that a stage refused.
    pub fn count_failure(&self, client: IpAddr) -> Refusal {
        self.failures.count(client, Refusal::TokenInvalid)
    }
}
