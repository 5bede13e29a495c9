//! Whether a verified token is still in force.

use std::net::IpAddr;

use super::{Holder, Pipeline, Refusal, Snapshot};
use crate::identity::{Email, Role, SubjectKey, UserId};
use crate::store::{Standing, Subject};
use crate::token::VerifiedClaims;

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

    /// Under which they are counted, whoever vouches for them.
    pub fn key(&self) -> SubjectKey {
        self.user().into()
    }

    pub fn email(&self) -> &Email {
        self.claims.email()
    }

    pub fn role(&self) -> Role {
        self.claims.role()
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
