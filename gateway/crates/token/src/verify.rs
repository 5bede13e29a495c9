//! Verification: the algorithm pinned by the key, the shape exact, the claims ours (RFC 8725 §3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use super::claims::{AuthenticClaims, Claimed, Kind, RefreshClaims, VerifiedClaims};
use super::key_ring::KeyRing;
use super::verified_tokens::VerifiedTokens;
use super::{Algorithm, header};
use gateway_clock::Timestamp;
use gateway_identity::InstallationId;

/// Longest token of ours, in bytes; those of other issuers have a limit of the operator's.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A token as the client sent it: nothing about it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawToken<'a>(&'a str);

impl<'a> RawToken<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(super) fn text(self) -> &'a str {
        self.0
    }

    pub fn bytes(self) -> usize {
        self.0.len()
    }
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenFault {
    /// Not ours, changed, of the wrong type, or not valid yet.
    #[error("the token is invalid")]
    Invalid,
    /// Ours, and its time is over.
    #[error("the token expired")]
    Expired,
}

/// What verification needs, prepared once and shared by all threads without a lock.
#[derive(Debug)]
pub struct Verifier {
    pub(super) access_keys: Arc<KeyRing>,
    pub(super) refresh_keys: Arc<KeyRing>,
    pub(super) issuer: String,
    pub(super) audience: Option<String>,
    pub(super) installation: InstallationId,
    /// Longest life of an access token, in seconds. A token that claims more is not one of this
    /// configuration, and could outlive the revocation of its session.
    pub(super) access_seconds: u64,
    /// Access tokens that were verified before.
    pub(super) seen: VerifiedTokens,
}

impl Verifier {
    /// An access token, verified whole.
    pub fn verify(&self, token: RawToken<'_>, now: Timestamp) -> Result<VerifiedClaims, TokenFault> {
        self.authenticate(token, now)?.in_time(now)
    }

    /// An access token that we signed with a key that is still in use, whatever the token's own
    /// time: for a logout.
    pub fn authenticate(&self, token: RawToken<'_>, now: Timestamp) -> Result<AuthenticClaims, TokenFault> {
        if let Some(claims) = self.seen.find(token.0, now) {
            return Ok(claims);
        }
        let opened = open(&self.access_keys, token, now).ok_or(TokenFault::Invalid)?;
        let claims = self.access_claims(opened.claimed).ok_or(TokenFault::Invalid)?;
        let claims = AuthenticClaims { claims, algorithm: opened.algorithm, seen: false };
        if now < claims.expires_at() {
            self.seen.keep(token.0, &claims, opened.until);
        }
        Ok(claims)
    }

    /// A refresh token, verified whole. The store then says whether it is still in force.
    pub fn verify_refresh(&self, token: RawToken<'_>, now: Timestamp) -> Result<RefreshClaims, TokenFault> {
        let Opened { claimed, .. } = open(&self.refresh_keys, token, now).ok_or(TokenFault::Invalid)?;
        let (exp, iat) = (claimed.exp, claimed.iat);
        let claims = self.refresh_claims(claimed).ok_or(TokenFault::Invalid)?;
        let expired = exp.is_none_or(|exp| now.seconds() >= exp);
        let early = iat.is_none_or(|iat| iat > now.seconds().saturating_add(5));
        match (early, expired) {
            (true, _) => Err(TokenFault::Invalid),
            (false, true) => Err(TokenFault::Expired),
            (false, false) => Ok(claims),
        }
    }

    fn access_claims(&self, claimed: Claimed) -> Option<VerifiedClaims> {
        self.is_ours(&claimed, Kind::Access)?;
        let audience_fits = match (&self.audience, &claimed.aud) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => theirs.names(ours),
            _ => false,
        };
        let (issued_at, expires_at) = (claimed.iat?, claimed.exp?);
        let life = expires_at.checked_sub(issued_at)?;
        (audience_fits && life <= self.access_seconds).then_some(())?;
        Some(VerifiedClaims {
            user: claimed.user_id?,
            email: claimed.email?,
            role: claimed.role?,
            token: claimed.jti?,
            session: claimed.sid?,
            generation: claimed.generation?,
            names_installation: claimed.ins.is_some(),
            issued_at,
            not_before: claimed.nbf.unwrap_or(0),
            expires_at,
        })
    }

    /// How many access tokens are remembered as verified.
    pub fn remembered(&self) -> usize {
        self.seen.len()
    }

    fn refresh_claims(&self, claimed: Claimed) -> Option<RefreshClaims> {
        self.is_ours(&claimed, Kind::Refresh)?;
        claimed.email.as_ref()?;
        // Without the claim, too: it lives and dies with its session, which is in one store only.
        Some(RefreshClaims { user: claimed.user_id?, session: claimed.sid?, token: claimed.jti? })
    }

    /// What our tokens have as `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys whose public parts others may need.
    pub fn access_keys(&self) -> &Arc<KeyRing> {
        &self.access_keys
    }

    /// Type, issuer, a subject that is the user id, and this installation, where one is named: a user id
    /// of another store is somebody else here.
    fn is_ours(&self, claimed: &Claimed, kind: Kind) -> Option<()> {
        let subject = claimed.sub.as_deref()?.parse().ok();
        let ours = claimed.kind == Some(kind)
            && claimed.iss.as_deref() == Some(self.issuer.as_str())
            && claimed.ins.is_none_or(|named| named == self.installation)
            && subject.is_some()
            && subject == claimed.user_id;
        ours.then_some(())
    }
}

/// What an authentic token says, and when its key ends, if it does.
pub(super) struct Opened {
    pub(super) claimed: Claimed,
    algorithm: Algorithm,
    until: Option<Timestamp>,
}

/// Checks the signature before anything of the payload is parsed. Exactly three parts: five would
/// be a JWE (RFC 7516), and are refused with everything else.
pub(super) fn open(keys: &KeyRing, token: RawToken<'_>, now: Timestamp) -> Option<Opened> {
    let text = token.0;
    (text.len() <= TOKEN_BYTES_MAX).then_some(())?;
    let (message, signature) = text.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    (!payload.contains('.')).then_some(())?;
    let of_secret = header == OUR_HEADER;
    let (algorithm, until) = match (!of_secret).then(|| keys.by_header(header, now)).flatten() {
        Some(key) => {
            let authentic =
                key.dated.key.public().verifies(message.as_bytes(), &decode(signature.as_bytes())?);
            authentic.then_some((key.dated.key.algorithm(), key.ends_at))?
        }
        None => {
            (of_secret || says_hs256(header)).then_some(())?;
            let mut tag = [0; 32];
            let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut tag).ok()?;
            (length == tag.len()).then_some(())?;
            let secret = keys.secrets(now).find(|secret| secret.key.matches(message.as_bytes(), &tag))?;
            (Algorithm::Hs256, secret.verifies_until)
        }
    };
    // All of it: what a claim that is not read here says would be read by others.
    let payload = decode(payload.as_bytes())?;
    let claimed = serde_json::from_str(std::str::from_utf8(&payload).ok()?).ok()?;
    Some(Opened { claimed, algorithm, until })
}

fn says_hs256(header: &str) -> bool {
    let decoded = decode(header.as_bytes());
    let header = decoded.as_deref().and_then(header::read);
    header.is_some_and(|header| header.says(Algorithm::Hs256, None))
}

/// `{"typ":"JWT","alg":"HS256"}`, as we write it: most tokens need no look inside.
const OUR_HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";

/// Strict base64url (RFC 7515 §2): no padding, no other alphabet, no stray trailing bits.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
