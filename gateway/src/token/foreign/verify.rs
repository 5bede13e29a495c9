//! Verification of tokens of other issuers, as strictly as of ours (RFC 8725 §3): the algorithm
//! pinned by the configuration and by the key, issuer and audience exact, no token of another kind.
//!
//! The issuer that a token names chooses whose rules and keys it is held against, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::certificate::Authority;
use super::claims::{AuthenticForeign, ForeignClaims, Mapping, Times};
use super::header::{Header, Type, header};
use super::legacy::LegacySecret;
use super::{KeySource, json};
use crate::clock::Timestamp;
use crate::identity::{IssuerName, TokenId};
use crate::token::verify::decode;
use crate::token::{Algorithm, RawToken, TOKEN_BYTES_MAX};

/// An issuer beside our own.
pub struct ForeignIssuer {
    pub name: IssuerName,
    pub leeway: Duration,
    /// A token that claims to live longer is refused: a revocation must be remembered as long.
    pub lifetime_max: Duration,
    pub mapping: Mapping,
    pub proof: Proof,
    /// Whether it was said that its subjects look like accounts of ours.
    pub told: AtomicBool,
}

/// How its tokens prove that they are its own.
pub enum Proof {
    Keys(Published),
    Secret(LegacySecret),
    /// By certificates: it has no tokens.
    Authority(Authority),
}

/// An issuer that publishes its keys.
pub struct Published {
    /// `iss`, byte for byte.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audience: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    /// Whether only tokens that say `at+jwt` are access tokens.
    pub at_jwt_only: bool,
    pub keys: Arc<dyn KeySource>,
}

/// All issuers beside our own.
#[derive(Default)]
pub struct ForeignIssuers {
    by_issuer: HashMap<Box<str>, Arc<ForeignIssuer>>,
    /// The one whose tokens name no issuer.
    legacy: Option<Arc<ForeignIssuer>>,
    /// Those that have certificates, in their order.
    pub(super) authorities: Arc<[Arc<ForeignIssuer>]>,
}

/// A token that names one of the issuers and looks like one of its. Nothing is proved yet.
pub struct Candidate<'a> {
    issuer: &'a ForeignIssuer,
    header: Header,
    claims: Arc<Map<String, Value>>,
    message: &'a [u8],
    signature: Vec<u8>,
}

/// Why a candidate is not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// Signed by nobody whom we know, or no access token for us.
    Forged,
    /// Good, and its subject could be read as the id of an account of ours.
    LikeAnAccount,
    /// Its key is not among those that are known: the issuer can be asked.
    KeyUnknown,
    /// No keys are known, they are too old, or the issuer publishes none that could be used.
    NoKeys,
}

impl ForeignIssuers {
    /// No two have the same `iss`, and at most one has a secret.
    pub fn new(issuers: impl IntoIterator<Item = ForeignIssuer>) -> Self {
        let (mut table, mut authorities) = (Self::default(), Vec::new());
        for issuer in issuers.into_iter().map(Arc::new) {
            match &issuer.proof {
                Proof::Keys(published) => {
                    drop(table.by_issuer.insert(published.issuer.as_str().into(), Arc::clone(&issuer)));
                }
                Proof::Secret(_) => table.legacy = Some(issuer),
                Proof::Authority(_) => authorities.push(issuer),
            }
        }
        table.authorities = authorities.into();
        table
    }

    /// Whether none has tokens.
    fn is_empty(&self) -> bool {
        self.by_issuer.is_empty() && self.legacy.is_none()
    }

    /// The issuer that a token names, if the token could be one of its. Three parts: five would be
    /// a JWE (RFC 7516).
    pub fn candidate<'a>(&'a self, token: RawToken<'a>) -> Option<Candidate<'a>> {
        let text = token.text();
        (!self.is_empty() && text.len() <= TOKEN_BYTES_MAX).then_some(())?;
        let (message, signature) = text.rsplit_once('.')?;
        let (head, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(())?;
        let header = header(&decode(head.as_bytes())?)?;
        let claims = json::object(&decode(payload.as_bytes())?)?;
        let issuer = match claims.get("iss") {
            Some(Value::String(issuer)) => self.by_issuer.get(issuer.as_str())?,
            None => self.legacy.as_ref()?,
            Some(_) => return None,
        };
        let candidate = Candidate {
            issuer,
            header,
            claims: Arc::new(claims),
            message: message.as_bytes(),
            signature: decode(signature.as_bytes())?,
        };
        candidate.is_plausible().then_some(candidate)
    }
}

impl<'a> Candidate<'a> {
    /// What costs nothing to ask, and would refuse the token whoever signed it: nobody makes us
    /// fetch keys with a token for somebody else.
    fn is_plausible(&self) -> bool {
        match &self.issuer.proof {
            Proof::Secret(_) => true,
            Proof::Authority(_) => false,
            Proof::Keys(published) => {
                let typed = self.header.typ == Type::AccessToken;
                let algorithm = published.algorithms.contains(&self.header.algorithm);
                algorithm && published.is_audience(&self.claims) && self.is_access_token(published, typed)
            }
        }
    }

    /// Issuers that do not say `at+jwt` sign ID tokens and logout tokens with the same keys, and
    /// those say whom a client may believe to be there: they admit nobody to a service.
    fn is_access_token(&self, published: &Published, typed: bool) -> bool {
        if typed || published.at_jwt_only {
            return typed;
        }
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        let bearer = text("typ") == Some("Bearer");
        let has = |name: &str| self.claims.contains_key(name);
        // OpenID Connect Core §3.1.3.6, Back-Channel Logout §2.4; `typ` is Keycloak's own claim, and
        // `token_use` Cognito's.
        let is_id_token = has("at_hash") || has("c_hash") || has("s_hash") || (has("nonce") && !bearer);
        let says_other = text("typ").is_some_and(|typ| ["ID", "Refresh", "Offline", "Logout"].contains(&typ))
            || text("token_use").is_some_and(|used| used != "access")
            || has("events");
        !is_id_token && !says_other
    }

    /// Where the keys come from; none where there is but a secret.
    pub fn source(&self) -> Option<&'a Arc<dyn KeySource>> {
        match &self.issuer.proof {
            Proof::Keys(published) => Some(&published.keys),
            Proof::Secret(_) | Proof::Authority(_) => None,
        }
    }

    pub fn issuer(&self) -> &'a IssuerName {
        &self.issuer.name
    }

    /// Whether nobody has yet been told that subjects of this issuer look like accounts of ours: a
    /// log line for each such token would be its holder's to multiply.
    pub fn is_first_like_an_account(&self) -> bool {
        !self.issuer.told.swap(true, Ordering::Relaxed)
    }

    /// Checks the signature, and then reads who it is.
    pub fn prove(&self, now: Timestamp) -> Result<AuthenticForeign, Unproved> {
        match &self.issuer.proof {
            Proof::Keys(published) => {
                let known = published.keys.keys().filter(|keys| !keys.is_empty());
                let keys = known.ok_or(Unproved::NoKeys)?;
                let key = keys
                    .find(self.header.kid.as_deref(), self.header.algorithm)
                    .ok_or(Unproved::KeyUnknown)?;
                if !key.verifies(self.message, &self.signature) {
                    return Err(Unproved::Forged);
                }
            }
            Proof::Secret(secret) => {
                let signed = self.header.algorithm == Algorithm::Hs256 && self.header.kid.is_none();
                let ours = signed && secret.verifies(self.message, &self.signature, &self.claims, now);
                ours.then_some(()).ok_or(Unproved::Forged)?;
            }
            Proof::Authority(_) => return Err(Unproved::Forged),
        }
        self.read(now)
    }

    /// Whether it would be accepted if its key became known: no other token makes us ask for keys.
    pub fn would_be_in_time(&self, now: Timestamp) -> bool {
        self.read(now).is_ok_and(|unproved| unproved.in_time(now).is_ok())
    }

    fn read(&self, now: Timestamp) -> Result<AuthenticForeign, Unproved> {
        let ForeignIssuer { name, mapping, proof, .. } = self.issuer;
        let claims = &*self.claims;
        let times = self.times(now).ok_or(Unproved::Forged)?;
        let over = Timestamp::from_seconds(times.expires_at.saturating_add(times.leeway));
        let claims = ForeignClaims {
            token: self.token_id().ok_or(Unproved::Forged)?,
            subject: mapping.subject(name, claims)?,
            email: mapping.email(claims),
            roles: mapping.roles(claims),
            refused_from: match proof {
                Proof::Keys(_) | Proof::Authority(_) => over,
                Proof::Secret(secret) => over.min(secret.until()),
            },
            legacy: matches!(proof, Proof::Secret(_)),
            claims: Arc::clone(&self.claims),
            certificate: None,
        };
        Ok(AuthenticForeign { claims, algorithm: self.header.algorithm, times })
    }

    /// `None` where one of them is no time, or it claims to live too long.
    fn times(&self, now: Timestamp) -> Option<Times> {
        let ForeignIssuer { leeway, lifetime_max, .. } = self.issuer;
        let times = Times {
            issued_at: moment(&self.claims, "iat")?,
            not_before: moment(&self.claims, "nbf")?,
            expires_at: moment(&self.claims, "exp")??,
            leeway: leeway.as_secs(),
        };
        (times.lifetime(now) <= lifetime_max.as_secs()).then_some(times)
    }

    /// By what it is revoked: its `jti`, or where it has none the hash of what was signed. Not of
    /// the whole text, since an ECDSA signature can be rewritten by anybody, and would then be
    /// another text of the same token. The issuer's name is part of it, and no issuer's name has a
    /// NUL: no issuer can name a token of another one.
    fn token_id(&self) -> Option<TokenId> {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"token\0");
        hash.update(self.issuer.name.as_str().as_bytes());
        match self.claims.get("jti") {
            Some(Value::String(id)) if !id.is_empty() => {
                hash.update(b"\0jti\0");
                hash.update(id.as_bytes());
            }
            None => {
                hash.update(b"\0signed\0");
                hash.update(self.message);
            }
            Some(_) => return None,
        }
        let hash = hash.finish();
        hash.as_ref().first_chunk().copied().map(TokenId::derived)
    }
}

impl Published {
    /// `aud` is one string or several (RFC 7519 §4.1.3).
    fn is_audience(&self, claims: &Map<String, Value>) -> bool {
        let ours = |audience: &Value| {
            audience.as_str().is_some_and(|audience| self.audience.iter().any(|one| one == audience))
        };
        match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().all(Value::is_string) && several.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        }
    }
}

/// A NumericDate (RFC 7519 §2), which may have a fraction. The outer `None` is a claim that is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn moment(claims: &Map<String, Value>, name: &str) -> Option<Option<u64>> {
    match claims.get(name) {
        None => Some(None),
        Some(Value::Number(number)) => match number.as_u64() {
            Some(seconds) => Some(Some(seconds)),
            None => number.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).map(|s| Some(s as u64)),
        },
        Some(_) => None,
    }
}
