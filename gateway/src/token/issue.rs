//! Issuing: the one place where our tokens are signed.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header};

use super::claims::{AccessWire, RefreshWire};
use super::keys::HmacKey;
use super::verify::Verifier;
use crate::clock::Timestamp;
use crate::identity::{Email, Generation, Role, SessionId, TokenId, UserId};

/// Signs access and refresh tokens with two different keys.
#[derive(Debug)]
pub struct Issuer {
    pub access_key: HmacKey,
    pub refresh_key: HmacKey,
    /// `iss` (RFC 7519 §4.1.1).
    pub issuer: String,
    /// `aud`, where configured.
    pub audience: Option<String>,
    pub access_lifetime: Duration,
    /// The life of a session: rotation does not prolong it.
    pub refresh_lifetime: Duration,
}

/// Signing failed: a fault of the cryptography, and never of a request.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be signed: {0}")]
pub struct SigningFault(#[from] jsonwebtoken::errors::Error);

/// From which a refresh token can be made again.
#[derive(Clone, Copy, Debug)]
pub struct RefreshFacts {
    pub id: TokenId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Whom an access token is for.
#[derive(Clone, Copy, Debug)]
pub struct AccessGrant<'a> {
    pub user: UserId,
    pub email: &'a Email,
    pub role: Role,
    pub session: SessionId,
    pub generation: Generation,
}

impl Issuer {
    /// A verifier of exactly the tokens that this issuer signs.
    pub fn verifier(&self) -> Verifier {
        Verifier {
            access_key: self.access_key.clone(),
            refresh_key: self.refresh_key.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            access_seconds: self.access_lifetime.as_secs(),
        }
    }

    pub fn access(&self, grant: AccessGrant<'_>, now: Timestamp) -> Result<String, SigningFault> {
        let claims = AccessWire {
            user_id: grant.user,
            email: grant.email,
            role: grant.role,
            iat: now.seconds(),
            exp: now.seconds().saturating_add(self.access_lifetime.as_secs()),
            r#type: "access",
            iss: &self.issuer,
            sub: grant.user.to_string(),
            jti: TokenId::random(),
            sid: grant.session,
            r#gen: grant.generation,
            aud: self.audience.as_deref(),
        };
        sign(&claims, &self.access_key)
    }

    /// The same facts make the same token, byte for byte: a lost answer can be given again.
    pub fn refresh(
        &self,
        user: UserId,
        email: &Email,
        session: SessionId,
        facts: RefreshFacts,
    ) -> Result<String, SigningFault> {
        let claims = RefreshWire {
            user_id: user,
            email,
            iat: facts.issued_at.seconds(),
            exp: facts.expires_at.seconds(),
            r#type: "refresh",
            iss: &self.issuer,
            sub: user.to_string(),
            jti: facts.id,
            sid: session,
        };
        sign(&claims, &self.refresh_key)
    }
}

fn sign(claims: &impl serde::Serialize, key: &HmacKey) -> Result<String, SigningFault> {
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key.signing())?)
}
