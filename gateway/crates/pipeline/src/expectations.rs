//! What the routes would decide about somebody who is only imagined: for expectations that stand
//! beside the routes, and are checked before a configuration is used.

use std::net::IpAddr;

use http::Method;

use super::destination::takes_along;
use super::{Access, HasClaims, RequestTarget, Route, Routes, canonical};
use gateway_problem::Code;

/// A statement about the routes that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The route that it stands beside, for the message.
    pub beside: String,
    pub who: ExpectedIdentity,
    /// `None`: from wherever the route is for.
    pub address: Option<IpAddr>,
    pub method: Method,
    pub host: String,
    pub path: String,
    /// `None` where the request has to pass.
    pub refused: Option<Code>,
}

/// Somebody whose token is good, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedIdentity {
    Nobody,
    Somebody { roles: Vec<String>, claims: Vec<(String, String)>, issuer: Box<str> },
}

/// An expectation that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedExpectation {
    pub expectation: Expectation,
    /// `None` where it would pass.
    pub would_be: Option<Code>,
}

impl std::fmt::Display for FailedExpectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Expectation { beside, who, address, method, host, path, refused } = &self.expectation;
        let verdict = |code: &Option<Code>| code.map_or("allow", Code::as_str);
        let who = match who {
            ExpectedIdentity::Nobody => "nobody".to_owned(),
            ExpectedIdentity::Somebody { roles, .. } => roles.join("+"),
        };
        let from = address.map(|address| format!(" from {address}")).unwrap_or_default();
        let (would, wanted) = (verdict(&self.would_be), verdict(refused));
        write!(
            f,
            "route `{beside}`: {method} {host}{path} as {who}{from} would be `{would}`, and `{wanted}` is expected"
        )
    }
}

impl HasClaims for ExpectedIdentity {
    fn has_role(&self, role: &str) -> bool {
        matches!(self, Self::Somebody { roles, .. } if roles.iter().any(|held| held == role))
    }

    fn has_claim(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Somebody { claims, .. } => {
                let held = claims.iter().any(|(held, with)| held == name && with == value);
                held || (name == "role" && self.has_role(value))
            }
        }
    }
}

impl Routes {
    /// The expectations that do not hold.
    pub fn unmet(&self, expectations: &[Expectation]) -> Vec<FailedExpectation> {
        let unmet = expectations.iter().filter_map(|expectation| {
            let would_be = self.expectations(expectation);
            (would_be != expectation.refused)
                .then(|| FailedExpectation { expectation: expectation.clone(), would_be })
        });
        unmet.collect()
    }

    /// The same look-ups as for a request; only its token and its limits are imagined.
    fn expectations(&self, about: &Expectation) -> Option<Code> {
        let canonical = canonical(&about.path).ok();
        let asked = RequestTarget::new(&about.path, canonical.as_ref());
        let (target, route) = match self.choose(&about.host, &about.method, asked) {
            Ok(found) => found,
            Err(refusal) => return Some(refusal.code()),
        };
        let below = match takes_along(about.method.as_str()) {
            true => self.guarded_below(route, &[&about.host], target.path()),
            false => Vec::new(),
        };
        // The identity is not asked for on a public route, and so it is not known below.
        let known = if *route.access() == Access::Public { &ExpectedIdentity::Nobody } else { &about.who };
        let first = foreseen(route, &about.who, about.address);
        first.or_else(|| below.into_iter().find_map(|other| foreseen(other, known, about.address)))
    }
}

fn foreseen(route: &Route, who: &ExpectedIdentity, address: Option<IpAddr>) -> Option<Code> {
    if address.is_some_and(|address| !route.networks.admit(address)) {
        return Some(Code::NetworkNotAllowed);
    }
    if let (Access::Optional | Access::Required(_), ExpectedIdentity::Somebody { issuer, .. }) =
        (route.access(), who)
        && !route.accepts_issuer(issuer)
    {
        return Some(Code::InsufficientScope);
    }
    match (route.access(), who) {
        (Access::Public | Access::Optional, _) => None,
        (Access::Required(_), ExpectedIdentity::Nobody) if route.takes_only_certificates() => {
            Some(Code::CertificateMissing)
        }
        (Access::Required(_), ExpectedIdentity::Nobody) => Some(Code::TokenMissing),
        (Access::Required(requires), somebody) => requires.lacking(somebody).map(|_| Code::InsufficientScope),
    }
}
