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
use super::claims::{AuthenticForeign, ForeignClaims, Mapping, Times, Untimely};
use super::header::{Header, Type, header};
use super::kind::other_kind;
use super::legacy::LegacySecret;
use super::{Fault, KeySource, RefusedToken, json};
use crate::jwk::quoted;
use crate::verify::decode;
use crate::{Algorithm, RawToken};
use gateway_clock::Timestamp;
use gateway_identity::{IssuerName, TokenId};

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
    /// `iss`, byte for byte; `None` where its tokens have none.
    pub issuer: Option<String>,
    /// One of these must be in `aud`; none where the operator accepts all by name.
    pub audience: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    /// Whether only tokens that say `at+jwt` are access tokens.
    pub at_jwt_only: bool,
    pub keys: Arc<dyn KeySource>,
}

/// All issuers beside our own.
#[derive(Default)]
pub struct ForeignIssuers {
    /// What our own tokens have as `iss`: no other issuer's have it.
    own: Box<str>,
    by_issuer: HashMap<Box<str>, Arc<ForeignIssuer>>,
    /// The one whose tokens name no issuer. What names one, whichever, is none of its.
    unnamed: Option<Arc<ForeignIssuer>>,
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
#[derive(Clone, Debug, PartialEq)]
pub enum Unproved {
    /// Signed by nobody whom we know, or no access token for us.
    Refused(Fault),
    /// Its key is not among those that are known: the issuer can be asked.
    KeyUnknown,
    /// No keys are known, they are too old, or the issuer publishes none that could be used.
    NoKeys,
}

impl From<Fault> for Unproved {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl ForeignIssuers {
    /// No two have the same `iss`, none has our own, and the tokens of at most one have none.
    pub fn new(own: &str, issuers: impl IntoIterator<Item = ForeignIssuer>) -> Self {
        let (mut table, mut authorities) = (Self { own: own.into(), ..Self::default() }, Vec::new());
        for issuer in issuers.into_iter().map(Arc::new) {
            match &issuer.proof {
                Proof::Keys(Published { issuer: Some(named), .. }) => {
                    drop(table.by_issuer.insert(named.as_str().into(), Arc::clone(&issuer)));
                }
                Proof::Keys(Published { issuer: None, .. }) | Proof::Secret(_) => {
                    table.unnamed = Some(issuer)
                }
                Proof::Authority(_) => authorities.push(issuer),
            }
        }
        table.authorities = authorities.into();
        table
    }

    /// Whether none has tokens.
    pub fn is_empty(&self) -> bool {
        self.by_issuer.is_empty() && self.unnamed.is_none()
    }

    /// The issuer that a token names, if the token could be one of its.
    pub fn candidate<'a>(&'a self, token: RawToken<'a>) -> Result<Candidate<'a>, RefusedToken> {
        let candidate = self.read(token).map_err(|fault| RefusedToken { issuer: None, fault })?;
        let issuer = &candidate.issuer.name;
        candidate.plausible().map_err(|fault| RefusedToken { issuer: Some(issuer.clone()), fault })
    }

    fn read<'a>(&'a self, token: RawToken<'a>) -> Result<Candidate<'a>, Fault> {
        let ([head, payload, signature], message) = parts(token.text())?;
        let decoded = |part: &str| decode(part.as_bytes()).ok_or(Fault::Unreadable(NOT_BASE64));
        let header = header(&decoded(head)?)?;
        let claims = json::object(&decoded(payload)?).ok_or(Fault::Unreadable(NO_CLAIMS))?;
        Ok(Candidate {
            issuer: self.named_by(&claims)?,
            header,
            claims: Arc::new(claims),
            message: message.as_bytes(),
            signature: decoded(signature)?,
        })
    }

    fn named_by(&self, claims: &Map<String, Value>) -> Result<&ForeignIssuer, Fault> {
        match claims.get("iss") {
            None | Some(Value::Null) => self.unnamed.as_deref().ok_or(Fault::IssuerMissing),
            Some(Value::String(named)) => match self.by_issuer.get(named.as_str()) {
                Some(issuer) => Ok(issuer),
                None if **named == *self.own => Err(Fault::Own),
                None => Err(Fault::Issuer {
                    is: named.as_str().into(),
                    known: self.by_issuer.keys().cloned().collect(),
                }),
            },
            Some(_) => Err(Fault::Unreadable("its `iss` is no text")),
        }
    }
}

const NOT_BASE64: &str = "one of its parts is not base64url, without padding (RFC 7515 §2)";
const NO_CLAIMS: &str =
    "its claims are no JSON object in which each name occurs once (RFC 7519 §4), and each text is Unicode";

/// Three: five would be a JWE (RFC 7516).
fn parts(text: &str) -> Result<([&str; 3], &str), Fault> {
    let mut parts = text.split('.');
    let all = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
    match (all, text.rsplit_once('.')) {
        // Whatever stands before the last dot was signed.
        ([Some(head), Some(payload), Some(signature), None, _], Some((message, _))) => {
            Ok(([head, payload, signature], message))
        }
        ([_, _, _, _, Some(_)], _) => {
            Err(Fault::Unreadable("it has five parts or more, as an encrypted token has"))
        }
        _ => Err(Fault::Unreadable("it is no JWT: that has three parts, with dots between")),
    }
}

impl<'a> Candidate<'a> {
    /// What costs nothing to ask, and would refuse the token whoever signed it: nobody makes us
    /// fetch keys with a token for somebody else.
    fn plausible(self) -> Result<Self, Fault> {
        let Proof::Keys(published) = &self.issuer.proof else { return Ok(self) };
        let is = self.header.algorithm;
        if !published.algorithms.contains(&is) {
            return Err(Fault::Algorithm { is, allowed: published.algorithms.clone() });
        }
        if !published.is_audience(&self.claims) {
            let is = self.claim("aud").cloned();
            return Err(Fault::Audience { is, allowed: published.audience.clone() });
        }
        self.is_access_token(published)?;
        Ok(self)
    }

    /// A member that is `null` is one that is not there.
    fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).filter(|value| !value.is_null())
    }

    fn is_access_token(&self, published: &Published) -> Result<(), Fault> {
        match (&self.header.typ, published.at_jwt_only) {
            (Type::AccessToken, _) => Ok(()),
            (Type::Unsaid, true) => Err(Fault::Typ("JWT".into())),
            (Type::Unsaid, false) => other_kind(&self.claims).map_or(Ok(()), |claim| Err(Fault::Kind(claim))),
        }
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
                let mut fitting = keys.find(self.header.kid.as_deref(), self.header.algorithm).peekable();
                fitting.peek().ok_or(Unproved::KeyUnknown)?;
                if !fitting.any(|key| key.verifies(self.message, &self.signature)) {
                    return Err(Fault::Signature.into());
                }
            }
            Proof::Secret(secret) => {
                if self.header.algorithm != Algorithm::Hs256 {
                    return Err(Fault::Algorithm { is: self.header.algorithm, allowed: Vec::new() }.into());
                }
                let signed = self.header.kid.is_none()
                    && secret.verifies(self.message, &self.signature, &self.claims, now);
                signed.then_some(()).ok_or(Fault::Legacy)?;
            }
            // It signs no tokens.
            Proof::Authority(_) => return Err(Fault::Signature.into()),
        }
        Ok(self.read(now)?)
    }

    /// Whether it would be accepted if its key became known: no other token makes us ask for keys.
    pub fn would_be_in_time(&self, now: Timestamp) -> Result<(), Fault> {
        match self.read(now)?.in_time(now) {
            // By whom it was signed is the first thing that is unknown of it.
            Err(Untimely::Expired(_)) => Err(Fault::Key),
            Err(Untimely::Early(fault)) => Err(fault),
            Ok(_) => Ok(()),
        }
    }

    /// What a person who has the token wants to know of the keys that there are.
    pub fn keys_in_words(&self) -> String {
        let Proof::Keys(published) = &self.issuer.proof else { return String::new() };
        let named = match &self.header.kid {
            Some(kid) => format!("the token says {} ({})", quoted(kid), self.header.algorithm),
            None => format!("the token names none, and is by {}", self.header.algorithm),
        };
        let known = published.keys.keys().map_or_else(|| "none is known".to_owned(), |keys| keys.in_words());
        let complaint = published.keys.complaint().map_or_else(String::new, |said| format!("; {said}"));
        format!("{named}; {known}{complaint}")
    }

    fn read(&self, now: Timestamp) -> Result<AuthenticForeign, Fault> {
        let ForeignIssuer { name, mapping, proof, .. } = self.issuer;
        let claims = &*self.claims;
        let times = self.times(now)?;
        let over = Timestamp::from_seconds(times.expires_at.saturating_add(times.leeway));
        let claims = ForeignClaims {
            token: self.token_id().ok_or(Fault::TokenId)?,
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

    /// `Err` where one of them is no time, or it claims to live too long.
    fn times(&self, now: Timestamp) -> Result<Times, Fault> {
        let ForeignIssuer { leeway, lifetime_max, .. } = self.issuer;
        let moment = |name: &'static str| moment(self.claim(name)).ok_or(Fault::Time(name));
        let times = Times {
            issued_at: moment("iat")?,
            not_before: moment("nbf")?,
            expires_at: moment("exp")?.ok_or(Fault::Time("exp"))?,
            leeway: leeway.as_secs(),
        };
        let (seconds, allowed_seconds) = (times.lifetime(now), lifetime_max.as_secs());
        let fits = seconds <= allowed_seconds;
        fits.then_some(times).ok_or(Fault::Lifetime { seconds, allowed_seconds })
    }

    /// By what it is revoked: its `jti`, or where it has none the hash of what was signed. Not of
    /// the whole text, since an ECDSA signature can be rewritten by anybody, and would then be
    /// another text of the same token. The issuer's name is part of it, and no issuer's name has a
    /// NUL: no issuer can name a token of another one.
    fn token_id(&self) -> Option<TokenId> {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"token\0");
        hash.update(self.issuer.name.as_str().as_bytes());
        match self.claim("jti") {
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
            _ if self.audience.is_empty() => true,
            Some(Value::Array(several)) => several.iter().all(Value::is_string) && several.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        }
    }
}

/// A NumericDate (RFC 7519 §2), which may have a fraction. The outer `None` is a claim that is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn moment(claim: Option<&Value>) -> Option<Option<u64>> {
    match claim {
        None => Some(None),
        Some(Value::Number(number)) => match number.as_u64() {
            Some(seconds) => Some(Some(seconds)),
            None => number.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).map(|s| Some(s as u64)),
        },
        Some(_) => None,
    }
}
