//! Whether a verified token is still in force.

use std::net::IpAddr;
use std::sync::Arc;

use super::extract::Credential;
use super::verify::Verified;
use super::{DecisionTrace, HasClaims, Pipeline, Refusal, RevokedToken, Snapshot};
use gateway_clock::{Stopwatch, Timestamp};
use gateway_identity::{
    Email, ForeignSubject, Generation, IssuerName, Role, RoleName, SessionId, SubjectKey, TokenId, UserId,
};
use gateway_store::{Check, Subject, TokenStatus, Unreachable};
use gateway_token::{AssertionFacts, AuthenticClaims, CertificateFault, ForeignClaims, PeerCertificate};

/// Somebody whose token was verified **and** is in force. Only [`check`] makes one.
#[derive(Clone, Debug)]
pub struct Principal {
    pub(super) verified: Verified,
}

impl Principal {
    /// The account of ours; none for a subject of another issuer, whatever it is called there.
    pub fn user(&self) -> Option<UserId> {
        match &self.verified {
            Verified::Own(claims) => Some(claims.user()),
            Verified::Foreign(_) => None,
        }
    }

    /// The session that the token belongs to; those of other issuers are kept there.
    pub fn session(&self) -> Option<SessionId> {
        match &self.verified {
            Verified::Own(claims) => Some(claims.session()),
            Verified::Foreign(_) => None,
        }
    }

    /// The subject that another issuer vouches for.
    pub fn foreign(&self) -> Option<&ForeignSubject> {
        match &self.verified {
            Verified::Own(_) => None,
            Verified::Foreign(claims) => Some(claims.subject()),
        }
    }

    /// Under which they are counted, whoever vouches for them.
    pub fn key(&self) -> SubjectKey {
        match &self.verified {
            Verified::Own(claims) => claims.user().into(),
            Verified::Foreign(claims) => claims.subject().key(),
        }
    }

    pub fn email(&self) -> Option<&Email> {
        match &self.verified {
            Verified::Own(claims) => Some(claims.email()),
            Verified::Foreign(claims) => claims.email(),
        }
    }

    /// The role of an account of ours. What another issuer says gives no such role.
    pub fn role(&self) -> Option<Role> {
        match &self.verified {
            Verified::Own(claims) => Some(claims.role()),
            Verified::Foreign(_) => None,
        }
    }

    /// What routes call whoever vouches for them.
    pub fn issuer(&self) -> &str {
        match &self.verified {
            Verified::Own(_) => IssuerName::OWN,
            Verified::Foreign(claims) => claims.issuer().as_str(),
        }
    }

    /// Until when the token is good.
    pub fn expires_at(&self) -> Timestamp {
        match &self.verified {
            Verified::Own(claims) => claims.expires_at(),
            Verified::Foreign(claims) => claims.refused_from(),
        }
    }

    /// The id of the token that proved it.
    pub(super) fn token(&self) -> TokenId {
        match &self.verified {
            Verified::Own(claims) => claims.token(),
            Verified::Foreign(claims) => claims.token(),
        }
    }

    /// What an upstream can be told by an assertion: the same as by headers.
    pub(super) fn assertion_facts(&self) -> AssertionFacts {
        let (subject, role, issuer) = match &self.verified {
            Verified::Own(claims) => {
                (claims.user().to_string(), Some(claims.role().as_str().to_owned()), None)
            }
            Verified::Foreign(claims) => {
                let issuer = claims.issuer().as_str().to_owned();
                (claims.subject().as_str().to_owned(), joined(claims.roles()), Some(issuer))
            }
        };
        let email = self.email().map(|email| email.as_str().to_owned());
        AssertionFacts { subject, email, role, issuer, token_expires_at: self.expires_at() }
    }
}

/// With commas between: no role has one in its name.
pub(super) fn joined(roles: &[RoleName]) -> Option<String> {
    let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
    (!names.is_empty()).then(|| names.join(","))
}

impl HasClaims for Principal {
    fn has_role(&self, role: &str) -> bool {
        match &self.verified {
            Verified::Own(claims) => claims.role().as_str() == role,
            Verified::Foreign(claims) => claims.has_role(role),
        }
    }

    fn has_claim(&self, name: &str, value: &str) -> bool {
        match (&self.verified, name) {
            (Verified::Own(claims), "email") => claims.email().as_str() == value,
            (Verified::Own(_), "role") => self.has_role(value),
            (Verified::Own(claims), "sub" | "user_id") => claims.user().to_string() == value,
            (Verified::Own(_), _) => false,
            (Verified::Foreign(claims), name) => claims.has_claim(name, value),
        }
    }
}

impl Pipeline {
    /// Whether the token under which somebody was admitted has expired meanwhile.
    pub fn is_over(&self, principal: &Principal) -> bool {
        self.clock.now() >= principal.expires_at()
    }

    /// Whether it was not revoked meanwhile, by what is configured meanwhile.
    pub async fn is_in_force(&self, config: &Snapshot, principal: &Principal) -> Result<(), Refusal> {
        recheck(self, config, principal).await
    }
}

async fn recheck(pipeline: &Pipeline, config: &Snapshot, principal: &Principal) -> Result<(), Refusal> {
    if let Verified::Foreign(claims) = &principal.verified
        && let Some(certificate) = claims.certificate()
    {
        return still_holds(pipeline, config, claims, certificate);
    }
    match status(pipeline, &principal.verified, &mut DecisionTrace::silent()).await {
        Ok(TokenStatus::Active | TokenStatus::FailedOpen) => Ok(()),
        Ok(TokenStatus::Revoked) => Err(revoked(&principal.verified)),
        Err(unreachable) => Err(Refusal::RevocationUnavailable(unreachable)),
    }
}

/// Whether a certificate still says the same somebody, by what is configured by now. That its time is
/// over is another matter, which a stream may outlive; that it was revoked it may not.
fn still_holds(
    pipeline: &Pipeline,
    config: &Snapshot,
    claims: &ForeignClaims,
    certificate: &Arc<PeerCertificate>,
) -> Result<(), Refusal> {
    // Where it is over, its last moment: else that would hide whatever else is wrong with it.
    let last = claims.refused_from().seconds().saturating_sub(1);
    let at = pipeline.clock.now().min(Timestamp::from_seconds(last));
    match config.issuers.holder(certificate, at) {
        Ok(now) if now.subject() == claims.subject() => Ok(()),
        Ok(_) => Err(Refusal::CertificateInvalid(CertificateFault::Unknown)),
        Err(CertificateFault::Over) => Ok(()),
        Err(fault) => Err(Refusal::CertificateInvalid(fault)),
    }
}

fn revoked(verified: &Verified) -> Refusal {
    Refusal::TokenRevoked(Box::new(RevokedToken::new(verified)))
}

async fn status(
    pipeline: &Pipeline,
    verified: &Verified,
    trace: &mut DecisionTrace,
) -> Result<TokenStatus, Unreachable> {
    match verified {
        Verified::Own(claims) => {
            let subject = Subject {
                token: claims.token(),
                session: claims.session(),
                user: claims.user(),
                generation: claims.generation(),
            };
            answer(pipeline, pipeline.revocations.check(&subject), trace).await
        }
        // Its authority's lists were looked at when it was verified: nothing of ours revokes it.
        Verified::Foreign(claims) if claims.certificate().is_some() => Ok(TokenStatus::Active),
        Verified::Foreign(claims) => {
            answer(pipeline, pipeline.revocations.check_token(claims.token()), trace).await
        }
    }
}

/// Only what is waited for takes a time that is worth a look at the clock.
async fn answer(
    pipeline: &Pipeline,
    check: Check<'_>,
    trace: &mut DecisionTrace,
) -> Result<TokenStatus, Unreachable> {
    let answer = match check {
        Check::Ready(answer) => return answer,
        Check::Pending(answer) => answer,
    };
    let waiting = Stopwatch::start();
    let answer = answer.await;
    let waited = waiting.elapsed();
    pipeline.metrics.revocation.waited(waited);
    trace.waited(waited);
    answer
}

pub(super) async fn check(
    pipeline: &Pipeline,
    config: &Snapshot,
    verified: Verified,
    client: IpAddr,
    trace: &mut DecisionTrace,
) -> Result<Principal, Refusal> {
    match status(pipeline, &verified, trace).await {
        Ok(TokenStatus::Active) => {}
        Ok(TokenStatus::FailedOpen) => pipeline.metrics.revocation.failed_open(),
        Ok(TokenStatus::Revoked) => return Err(config.failures.count(client, revoked(&verified))),
        Err(unreachable) => return Err(Refusal::RevocationUnavailable(unreachable)),
    }
    match &verified {
        Verified::Own(claims) if !claims.names_installation() => {
            let here = is_here(pipeline, claims.session(), claims.user()).await?;
            here.then_some(()).ok_or_else(|| config.failures.count(client, Refusal::TokenInvalid))?;
        }
        _ => {}
    }
    Ok(Principal { verified })
}

/// That it is in force, for whoever asks why.
pub(super) fn in_words(credential: &Credential<'_>) -> &'static str {
    match credential {
        Credential::Certificate(_) => "not on a list of its authority",
        Credential::Token(_) | Credential::Cookies(..) => "in force",
    }
}

/// Whether a token that does not name its installation is of this one: its session is here, or was
/// ended here.
pub(super) async fn is_known(pipeline: &Pipeline, claims: &AuthenticClaims) -> Result<bool, Refusal> {
    if is_here(pipeline, claims.session(), claims.user()).await? {
        return Ok(true);
    }
    // Its user's generation says nothing: that user may be another one where it is from.
    let generation = Generation(u64::MAX);
    let (token, session, user) = (claims.token(), claims.session(), claims.user());
    let subject = Subject { token, session, user, generation };
    match answer(pipeline, pipeline.revocations.check(&subject), &mut DecisionTrace::silent()).await {
        Ok(status) => Ok(matches!(status, TokenStatus::Revoked)),
        Err(unreachable) => Err(Refusal::RevocationUnavailable(unreachable)),
    }
}

/// Whether the session of a token that does not name its installation is in this store, and is that
/// user's: by the same secrets another store may have signed it, about somebody else.
async fn is_here(pipeline: &Pipeline, session: SessionId, user: UserId) -> Result<bool, Refusal> {
    let Some(sessions) = &pipeline.sessions else { return Ok(false) };
    match sessions.by_id(session).await {
        Ok(found) => Ok(found.is_some_and(|found| found.user == user)),
        Err(fault) => Err(Refusal::RevocationUnavailable(Unreachable(fault.to_string()))),
    }
}
