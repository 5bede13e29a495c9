//! Whether a verified token is still in force.

use std::net::IpAddr;

use super::{Holder, Pipeline, Refusal, Snapshot};
use crate::identity::{Email, Role, TokenId, UserId};
use crate::store::{Standing, Subject};
use crate::token::{AssertionFacts, VerifiedClaims};

/// Somebody whose token was verified **and** is in force. Only [`check`] makes one.
#[derive(Clone, Debug)]
pub struct Principal {
    claims: VerifiedClaims,
    /// Whether the revocation store could not be asked, and the operator lets that pass.
    failed_open: bool,
}

impl Principal {
    pub fn user(&self) -> UserId {
        self.claims.user()
    }

    pub fn email(&self) -> &Email {
        self.claims.email()
    }

    pub fn role(&self) -> Role {
        self.claims.role()
    }

    /// The id of the token that proved it.
    pub(super) fn token(&self) -> TokenId {
        self.claims.token()
    }

    /// What an upstream can be told by an assertion.
    pub(super) fn assertion_facts(&self) -> AssertionFacts {
        AssertionFacts {
            subject: self.user().to_string(),
            email: Some(self.email().as_str().to_owned()),
            role: Some(self.role().as_str().to_owned()),
            token_expires_at: self.claims.expires_at(),
        }
    }

    pub fn failed_open(&self) -> bool {
        self.failed_open
    }
}

impl Holder for Principal {
    fn has_role(&self, role: &str) -> bool {
        self.role().as_str() == role
    }

    fn has_claim(&self, name: &str, value: &str) -> bool {
        match name {
            "email" => self.email().as_str() == value,
            "role" => self.has_role(value),
            "sub" | "user_id" => self.user().to_string() == value,
            _ => false,
        }
    }
}

pub(super) async fn check(
    pipeline: &Pipeline,
    now: &Snapshot,
    claims: VerifiedClaims,
    client: IpAddr,
) -> Result<Principal, Refusal> {
    let subject = Subject {
        token: claims.token(),
        session: claims.session(),
        user: claims.user(),
        generation: claims.generation(),
    };
    match pipeline.revocations.check(&subject).answer().await {
        Ok(Standing::InForce) => Ok(Principal { claims, failed_open: false }),
        Ok(Standing::FailedOpen) => Ok(Principal { claims, failed_open: true }),
        Ok(Standing::Revoked) => Err(now.failures.count(client, Refusal::TokenRevoked)),
        Err(unreachable) => Err(Refusal::RevocationUnavailable(unreachable)),
    }
}
