//! What a token of another issuer says, in our words: who it is, and which roles they have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Fault;
use super::certificate::PeerCertificate;
use super::email::email;
use super::numbers::Numbers;
use super::path::{ClaimPath, find};
use super::x509::one;
use crate::Algorithm;
use gateway_clock::Timestamp;
use gateway_identity::{Email, ForeignSubject, IssuerName, RoleName, TokenId};

/// Which claims are whose facts.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub subject: ClaimPath,
    /// Put before the subject, so that a service can tell subjects of several issuers apart.
    pub subject_prefix: Box<str>,
    /// What becomes of a subject that a service could read as the id of an account of ours.
    pub numbers: Numbers,
    /// `None` where e-mail addresses of this issuer are not handed on.
    pub email: Option<ClaimPath>,
    pub roles: Option<ClaimPath>,
    /// What a role of the issuer is called here. Our own roles, `user` and `admin`, are given by
    /// this table only; all other roles keep their names without it.
    pub role_names: BTreeMap<String, RoleName>,
}

/// When a token of another issuer is in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Seconds since 1970, as in the claims.
    pub(super) issued_at: Option<u64>,
    pub(super) not_before: Option<u64>,
    pub(super) expires_at: u64,
    /// How far the issuer's clock may be from ours, in seconds.
    pub(super) leeway: u64,
}

impl Times {
    /// Where a token does not say since when, until now is what is known of it.
    pub(super) fn lifetime(&self, now: Timestamp) -> u64 {
        self.expires_at.saturating_sub(self.issued_at.unwrap_or(now.seconds()))
    }
}

/// A token of another issuer at another time than its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Untimely {
    Early(Fault),
    /// So many seconds ago.
    Expired(u64),
}

/// A token of another issuer whose signature and shape are right. Whether its time is right is not
/// yet known: only a logout may go on without asking.
#[derive(Clone, Debug)]
pub struct AuthenticForeign {
    pub(super) claims: ForeignClaims,
    pub(super) algorithm: Algorithm,
    pub(super) times: Times,
}

/// A token of another issuer that was verified whole. Only [`AuthenticForeign::in_time`] makes one.
/// It says nothing of revocation yet.
#[derive(Clone, Debug)]
pub struct ForeignClaims {
    pub(super) subject: ForeignSubject,
    pub(super) email: Option<Email>,
    pub(super) roles: Box<[RoleName]>,
    pub(super) token: TokenId,
    /// From when on it is refused, whatever the clocks say.
    pub(super) refused_from: Timestamp,
    /// Whether the subject is the `user_id` of an account that was once elsewhere.
    pub(super) legacy: bool,
    /// As they were signed, for the rules of routes.
    pub(super) claims: Arc<Map<String, Value>>,
    /// Which certificate it was, where it was no token.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
}

impl AuthenticForeign {
    /// `exp` is required; `iat` and `nbf` in the future are refused; both with the leeway of the
    /// issuer.
    pub fn in_time(self, now: Timestamp) -> Result<ForeignClaims, Untimely> {
        let Times { issued_at, not_before, expires_at, leeway: leeway_seconds } = self.times;
        let now = now.seconds();
        for (claim, moment) in [("iat", issued_at), ("nbf", not_before)] {
            let ahead_seconds = moment.unwrap_or(0).saturating_sub(now);
            if ahead_seconds > leeway_seconds {
                return Err(Untimely::Early(Fault::NotYet { claim, ahead_seconds, leeway_seconds }));
            }
        }
        if now >= expires_at.saturating_add(leeway_seconds) {
            return Err(Untimely::Expired(now.saturating_sub(expires_at)));
        }
        Ok(self.claims)
    }

    pub fn claims(&self) -> &ForeignClaims {
        &self.claims
    }

    /// The algorithm of its signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl ForeignClaims {
    pub fn subject(&self) -> &ForeignSubject {
        &self.subject
    }

    pub fn issuer(&self) -> &IssuerName {
        self.subject.issuer()
    }

    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// What it is revoked by.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// The certificate that says it, whose authority may revoke it; none for a token.
    pub fn certificate(&self) -> Option<&Arc<PeerCertificate>> {
        self.certificate.as_ref()
    }

    /// From when on it is refused: its expiry and the leeway, or the end of its issuer.
    pub fn refused_from(&self) -> Timestamp {
        self.refused_from
    }

    /// Whether the token has this value as a claim, or among the members of a list.
    ///
    /// What is a fact of ours is compared as we understand it and not as it is written: a claim
    /// `role` or `user_id` of another issuer gives nothing that our own tokens have.
    pub fn has_claim(&self, name: &str, value: &str) -> bool {
        match name {
            "role" => self.has_role(value),
            "email" => self.email.as_ref().is_some_and(|email| email.as_str() == value),
            "sub" => self.subject.as_str() == value,
            "user_id" => self.legacy && self.subject.as_str() == value,
            _ => find(name, &self.claims).is_some_and(|found| holds(found, value)),
        }
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held.as_str() == role)
    }
}

impl Mapping {
    /// `Err` where the token says nobody, or somebody that a service could take for another one.
    pub(super) fn subject(
        &self,
        issuer: &IssuerName,
        claims: &Map<String, Value>,
    ) -> Result<ForeignSubject, Fault> {
        let found = match self.subject.find(claims) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) if number.is_u64() => number.to_string(),
            None | Some(Value::Null) => return Err(self.nobody(claims)),
            Some(_) => return Err(Fault::Subject),
        };
        self.named(issuer, &found)
    }

    /// The same of the facts of a certificate, where exactly one says it.
    pub(super) fn only_subject(
        &self,
        issuer: &IssuerName,
        facts: &Map<String, Value>,
    ) -> Result<ForeignSubject, Fault> {
        self.named(issuer, self.subject.find(facts).and_then(one).ok_or(Fault::Subject)?)
    }

    fn named(&self, issuer: &IssuerName, found: &str) -> Result<ForeignSubject, Fault> {
        let presented = format!("{}{found}", self.subject_prefix);
        if !self.numbers.admit(&presented) {
            return Err(Fault::LikeAnAccount);
        }
        ForeignSubject::new(issuer.clone(), &presented).ok_or(Fault::Subject)
    }

    /// With the usual claims that say who it is, where there are such.
    fn nobody(&self, claims: &Map<String, Value>) -> Fault {
        const USUAL: [&str; 8] =
            ["sub", "client_id", "azp", "appid", "oid", "user_id", "uid", "preferred_username"];
        let named = USUAL.iter().filter(|name| claims.get(**name).is_some_and(|value| !value.is_null()));
        Fault::SubjectMissing {
            claim: self.subject.as_str().into(),
            named: named.map(|name| (*name).into()).collect(),
        }
    }

    /// The address, where there is one that the issuer does not call unverified.
    pub(super) fn email(&self, claims: &Map<String, Value>) -> Option<Email> {
        email(self.email.as_ref()?, claims)
    }

    pub(super) fn only_email(&self, facts: &Map<String, Value>) -> Option<Email> {
        Email::parse(one(self.email.as_ref()?.find(facts)?)?).ok()
    }

    /// A list, or a text with spaces between (as `scope` is, RFC 8693 §4.2). What is no role that
    /// could be handed on is left out.
    pub(super) fn roles(&self, claims: &Map<String, Value>) -> Box<[RoleName]> {
        match self.roles.as_ref().and_then(|path| path.find(claims)) {
            Some(Value::String(text)) => self.named_roles(text.split(' ')),
            Some(Value::Array(list)) => self.named_roles(list.iter().filter_map(Value::as_str)),
            _ => Box::default(),
        }
    }

    /// The same of the facts of a certificate. Each is a name, in which a space may stand like any letter:
    /// split, it would give its holder whatever roles they put into it.
    pub(super) fn whole_roles(&self, facts: &Map<String, Value>) -> Box<[RoleName]> {
        match self.roles.as_ref().and_then(|path| path.find(facts)) {
            Some(Value::String(text)) => self.named_roles([text.as_str()].into_iter()),
            Some(Value::Array(list)) => self.named_roles(list.iter().filter_map(Value::as_str)),
            _ => Box::default(),
        }
    }

    fn named_roles<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Box<[RoleName]> {
        let mut roles: Vec<RoleName> = Vec::new();
        for text in texts {
            let role = match self.role_names.get(text) {
                Some(role) => Some(role.clone()),
                None => RoleName::parse(text).filter(|role| !role.is_ours()),
            };
            roles.extend(role.filter(|role| !roles.contains(role)));
        }
        roles.into_boxed_slice()
    }
}

fn holds(claim: &Value, value: &str) -> bool {
    match claim {
        Value::String(text) => text == value,
        Value::Number(number) => number.to_string() == value,
        Value::Bool(truth) => value == if *truth { "true" } else { "false" },
        Value::Array(list) => list.iter().any(|item| !item.is_array() && holds(item, value)),
        Value::Null | Value::Object(_) => false,
    }
}
