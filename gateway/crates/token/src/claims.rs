//! Claims: as they stand on the wire, and as values that prove what was checked.

use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Algorithm, TokenFault};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, TokenId, UserId};

/// How far the clocks of two gateways may be apart, in seconds: for `iat` and `nbf` only.
const SKEW_SECONDS: u64 = 5;

/// The claims of an access token as they are signed.
#[derive(Serialize)]
pub(super) struct AccessWire<'a> {
    pub(super) user_id: UserId,
    pub(super) email: &'a Email,
    pub(super) role: Role,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) r#type: &'static str,
    pub(super) iss: &'a str,
    pub(super) sub: String,
    pub(super) jti: TokenId,
    pub(super) sid: SessionId,
    pub(super) r#gen: Generation,
    pub(super) ins: InstallationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
}

/// The claims of a refresh token as they are signed.
#[derive(Serialize)]
pub(super) struct RefreshWire<'a> {
    pub(super) user_id: UserId,
    pub(super) email: &'a Email,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) r#type: &'static str,
    pub(super) iss: &'a str,
    pub(super) sub: String,
    pub(super) jti: TokenId,
    pub(super) sid: SessionId,
    pub(super) ins: InstallationId,
}

/// An access token whose signature and shape are right. Whether its time is right is not yet
/// known: only a logout may go on without asking.
#[derive(Clone, Debug)]
pub struct AuthenticClaims {
    pub(super) claims: VerifiedClaims,
    pub(super) algorithm: Algorithm,
    /// Whether its signature was checked before, and not again.
    pub(super) seen: bool,
}

/// An access token that was verified whole: signature, shape, issuer, audience, times.
/// Only [`AuthenticClaims::in_time`] makes one. It says nothing of revocation yet.
#[derive(Clone, Debug)]
pub struct VerifiedClaims {
    pub(super) user: UserId,
    pub(super) email: Email,
    pub(super) role: Role,
    pub(super) token: TokenId,
    pub(super) session: SessionId,
    pub(super) generation: Generation,
    /// Whether it names the installation that issued it.
    pub(super) names_installation: bool,
    pub(super) issued_at: u64,
    pub(super) not_before: u64,
    pub(super) expires_at: u64,
}

/// A refresh token that was verified whole.
#[derive(Clone, Debug)]
pub struct RefreshClaims {
    pub user: UserId,
    pub session: SessionId,
    pub token: TokenId,
}

impl AuthenticClaims {
    /// `exp` is required and has no leeway; `iat` and `nbf` in the future are refused.
    pub fn in_time(self, now: Timestamp) -> Result<VerifiedClaims, TokenFault> {
        let now = now.seconds();
        let begins = self.claims.issued_at.max(self.claims.not_before);
        if begins > now.saturating_add(SKEW_SECONDS) {
            return Err(TokenFault::Invalid);
        }
        if now >= self.claims.expires_at {
            return Err(TokenFault::Expired);
        }
        Ok(self.claims)
    }

    /// The algorithm of its signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether its signature was checked before, and not again.
    pub fn was_seen(&self) -> bool {
        self.seen
    }

    pub fn token(&self) -> TokenId {
        self.claims.token
    }

    pub fn session(&self) -> SessionId {
        self.claims.session
    }

    pub fn user(&self) -> UserId {
        self.claims.user
    }

    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.claims.expires_at)
    }

    /// See [`VerifiedClaims::names_installation`].
    pub fn names_installation(&self) -> bool {
        self.claims.names_installation
    }
}

impl VerifiedClaims {
    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn email(&self) -> &Email {
        &self.email
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn token(&self) -> TokenId {
        self.token
    }

    pub fn session(&self) -> SessionId {
        self.session
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether it names the installation that issued it, which is this one. A token from before there
    /// was that claim may be of another store with the same secrets: it counts only where its session
    /// is in this store, and is that user's.
    pub fn names_installation(&self) -> bool {
        self.names_installation
    }

    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.expires_at)
    }
}

/// What both kinds of token claim, before anything is asked of it.
#[derive(Default)]
pub(super) struct Claimed {
    pub(super) user_id: Option<UserId>,
    pub(super) email: Option<Email>,
    pub(super) role: Option<Role>,
    pub(super) iat: Option<u64>,
    pub(super) exp: Option<u64>,
    pub(super) nbf: Option<u64>,
    pub(super) kind: Option<Kind>,
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) jti: Option<TokenId>,
    pub(super) sid: Option<SessionId>,
    pub(super) generation: Option<Generation>,
    pub(super) aud: Option<Audience>,
    pub(super) ins: Option<InstallationId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Access,
    Refresh,
}

/// `aud` is one string or several (RFC 7519 §4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

impl<'de> Deserialize<'de> for Claimed {
    /// By hand, since a derived implementation refuses a repeated member only among those that it
    /// knows, and RFC 7519 §4 wants names to be unique. Unknown claims are ignored, as there.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claimed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWT claims set")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Claimed, M::Error> {
        let mut claimed = Claimed::default();
        let mut unknown: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match &*name {
                "user_id" => once(&mut claimed.user_id, &mut map)?,
                "email" => once(&mut claimed.email, &mut map)?,
                "role" => once(&mut claimed.role, &mut map)?,
                "iat" => once(&mut claimed.iat, &mut map)?,
                "exp" => once(&mut claimed.exp, &mut map)?,
                "nbf" => once(&mut claimed.nbf, &mut map)?,
                "type" => once(&mut claimed.kind, &mut map)?,
                "iss" => once(&mut claimed.iss, &mut map)?,
                "sub" => once(&mut claimed.sub, &mut map)?,
                "jti" => once(&mut claimed.jti, &mut map)?,
                "sid" => once(&mut claimed.sid, &mut map)?,
                "gen" => once(&mut claimed.generation, &mut map)?,
                "aud" => once(&mut claimed.aud, &mut map)?,
                "ins" => once(&mut claimed.ins, &mut map)?,
                _ if unknown.iter().any(|seen| *seen == name) => {
                    return Err(de::Error::custom("a claim occurs twice"));
                }
                _ => {
                    unknown.push(name.into_owned());
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(claimed)
    }
}

fn once<'de, T: Deserialize<'de>, M: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut M,
) -> Result<(), M::Error> {
    if slot.is_some() {
        return Err(de::Error::custom("a claim occurs twice"));
    }
    // `null` is no value of any claim, and `T` is never an `Option`: it is refused.
    *slot = Some(map.next_value()?);
    Ok(())
}
