//! Issuing: the one place where our tokens are signed.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::{AccessWire, RefreshWire};
use super::key_ring::{KeyRing, Signer};
use super::verified_tokens::VerifiedTokens;
use super::verify::Verifier;
use super::{HmacKey, SigningKey};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, TokenId, UserId};

/// Signs access and refresh tokens.
#[derive(Debug)]
pub struct Issuer {
    pub terms: TokenTerms,
    /// `ins`: whose accounts the tokens are about.
    pub installation: InstallationId,
}

/// What a configuration says about our tokens; the keys of both kinds have nothing in common.
#[derive(Clone, Debug)]
pub struct TokenTerms {
    pub access_keys: Arc<KeyRing>,
    pub refresh_keys: Arc<KeyRing>,
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
pub enum SigningFault {
    #[error("a token could not be signed: {0}")]
    Hmac(#[from] jsonwebtoken::errors::Error),
    #[error("the claims of a token could not be written: {0}")]
    Claims(#[from] serde_json::Error),
    #[error("a token could not be signed: there is no key, or the cryptography failed")]
    NoSignature,
}

/// From which a refresh token can be made again.
#[derive(Clone, Copy, Debug)]
pub struct RefreshFacts {
    pub id: TokenId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The subject of an access token.
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
            access_keys: Arc::clone(&self.terms.access_keys),
            refresh_keys: Arc::clone(&self.terms.refresh_keys),
            issuer: self.terms.issuer.clone(),
            audience: self.terms.audience.clone(),
            installation: self.installation,
            access_seconds: self.terms.access_lifetime.as_secs(),
            seen: VerifiedTokens::default(),
        }
    }

    pub fn access(&self, grant: AccessGrant<'_>, now: Timestamp) -> Result<String, SigningFault> {
        let claims = AccessWire {
            user_id: grant.user,
            email: grant.email,
            role: grant.role,
            iat: now.seconds(),
            exp: now.seconds().saturating_add(self.terms.access_lifetime.as_secs()),
            r#type: "access",
            iss: &self.terms.issuer,
            sub: grant.user.to_string(),
            jti: TokenId::random(),
            sid: grant.session,
            r#gen: grant.generation,
            ins: self.installation,
            aud: self.terms.audience.as_deref(),
        };
        sign(&claims, &self.terms.access_keys, now)
    }

    /// The same facts make the same token, byte for byte where the algorithm is deterministic: a
    /// lost answer can be given again. So the key is the one of that moment, too.
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
            iss: &self.terms.issuer,
            sub: user.to_string(),
            jti: facts.id,
            sid: session,
            ins: self.installation,
        };
        sign(&claims, &self.terms.refresh_keys, facts.issued_at)
    }
}

fn sign(claims: &impl serde::Serialize, keys: &KeyRing, now: Timestamp) -> Result<String, SigningFault> {
    match keys.signer(now).ok_or(SigningFault::NoSignature)? {
        Signer::Secret(secret) => by_secret(claims, secret),
        Signer::Key(own) => compact(&own.header, claims, &own.dated.key),
    }
}

fn by_secret(claims: &impl serde::Serialize, key: &HmacKey) -> Result<String, SigningFault> {
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    Ok(jsonwebtoken::encode(&header, claims, key.signing())?)
}

/// The compact form (RFC 7515 §7.1) under a header that is encoded already.
pub(super) fn compact(
    header: &str,
    claims: &impl serde::Serialize,
    key: &SigningKey,
) -> Result<String, SigningFault> {
    let mut token = String::with_capacity(1_024);
    token.push_str(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = key.sign(token.as_bytes()).ok_or(SigningFault::NoSignature)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}
