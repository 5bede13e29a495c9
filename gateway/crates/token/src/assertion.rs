//! The identity assertion: a short-lived token by which an upstream can check who speaks to it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::header;
use super::issue::{SigningFault, compact};
use super::key_ring::{KeyRing, Signer};
use gateway_clock::Timestamp;
use gateway_identity::TokenId;

/// Signs assertions with keys that sign nothing else.
#[derive(Debug)]
pub struct AssertionIssuer {
    pub keys: Arc<KeyRing>,
    /// `iss`, the same as in our tokens.
    pub issuer: String,
    pub lifetime: Duration,
}

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionFacts {
    pub subject: String,
    pub email: Option<String>,
    /// The role, or all of them with a comma between.
    pub role: Option<String>,
    /// The name of another issuer that vouches for them; a subject of its own is no user id of ours.
    pub issuer: Option<String>,
    /// No assertion outlives the token that it was made from.
    pub token_expires_at: Timestamp,
}

/// An assertion, and how long it is good.
#[derive(Clone, Debug)]
pub struct SignedAssertion {
    pub text: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// `typ` of an assertion (RFC 8725 §3.11): no access token passes as one, and the other way round.
const TYPE: &str = "gateway-assertion+jwt";

#[derive(Serialize)]
struct AssertionWire<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_issuer: Option<&'a str>,
}

impl AssertionIssuer {
    pub fn sign(
        &self,
        facts: &AssertionFacts,
        audience: &str,
        now: Timestamp,
    ) -> Result<SignedAssertion, SigningFault> {
        let Some(Signer::Key(own)) = self.keys.signer(now) else { return Err(SigningFault::NoSignature) };
        let expires_at = now.plus(self.lifetime).min(facts.token_expires_at);
        let claims = AssertionWire {
            iss: &self.issuer,
            sub: &facts.subject,
            aud: audience,
            iat: now.seconds(),
            exp: expires_at.seconds(),
            jti: TokenId::random(),
            email: facts.email.as_deref(),
            role: facts.role.as_deref(),
            user_issuer: facts.issuer.as_deref(),
        };
        let header = header::typed(TYPE, own.dated.key.algorithm(), &own.dated.kid);
        let text = compact(&header, &claims, &own.dated.key)?;
        Ok(SignedAssertion { text, issued_at: now, expires_at })
    }
}
