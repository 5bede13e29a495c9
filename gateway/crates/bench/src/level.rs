//! A level: one way to the service, and what is on along it.

use http::HeaderValue;
use http::Method;

use super::place::Place;
use super::tokens::Tokens;
use gateway_config::{Checked, RevocationSettings};
use gateway_limits::Policy;
use gateway_pipeline::{Access, AddressLimit, Route, UserLimit, canonical};

/// What a level is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The service itself, without a gateway.
    Direct,
    /// Through the gateway, without a token.
    Public,
    /// Through the gateway, with a token.
    Verified,
}

pub(super) struct Level {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) host: HeaderValue,
    pub(super) tokens: Option<Tokens>,
    /// What is on, in words.
    pub(super) what_is_on: String,
}

impl Level {
    pub(super) fn new(
        name: String,
        kind: Kind,
        place: Place,
        host: Option<&str>,
        tokens: Option<Tokens>,
        what_is_on: String,
    ) -> Result<Self, String> {
        let host = host.unwrap_or(&place.authority);
        let host = HeaderValue::try_from(host).map_err(|_| format!("`{host}` is no host"))?;
        Ok(Self { name, kind, place, host, tokens, what_is_on })
    }
}

/// What the configuration says about a path.
pub(super) enum Found<'a> {
    Route(&'a Route),
    /// No route is for it: the code of the refusal.
    None(&'static str),
}

pub(super) fn find<'a>(checked: &'a Checked, host: &str, path: &str) -> Found<'a> {
    let path = match canonical(path) {
        Ok(target) => target.path().to_owned(),
        Err(refusal) => return Found::None(refusal.code().as_str()),
    };
    match checked.reloadable.routes.find(host, &Method::GET, &path) {
        Ok(route) => Found::Route(route),
        Err(refusal) => Found::None(refusal.code().as_str()),
    }
}

/// What is on for a request of this route, with these tokens.
pub(super) fn what_is_on(checked: &Checked, route: &Route, tokens: Option<&Tokens>) -> String {
    let mut on = Vec::new();
    match (route.access(), tokens) {
        (Access::Public, _) => on.push("no token is looked at".to_owned()),
        (_, None) => on.push("no token is sent".to_owned()),
        (_, Some(tokens)) => {
            on.push(tokens.algorithm.clone());
            on.push(match &checked.revocations {
                RevocationSettings::Embedded | RevocationSettings::Mirrored(_) => {
                    "revocation in memory".to_owned()
                }
                RevocationSettings::Redis(_) => "revocation in Redis".to_owned(),
            });
            on.push(match user_policy(checked, route) {
                Some(policy) => format!("{} for each user", rate(policy)),
                None => "no limit for users".to_owned(),
            });
            if route.assertion.is_some() {
                on.push(format!("assertion by {}", checked.written.tokens.assertion_algorithm));
            }
        }
    }
    if let Some(AddressLimit(Some(limiter))) = &route.address_limit {
        on.push(format!("{} for each address", rate(limiter.policy())));
    }
    if checked.log.access {
        on.push("access log".to_owned());
    }
    on.join(", ")
}

/// The limit for users that holds on a route.
pub(super) fn user_policy(checked: &Checked, route: &Route) -> Option<Policy> {
    match &route.user_limit {
        Some(UserLimit(own)) => own.as_ref().map(|limiter| limiter.policy()),
        None => checked.reloadable.limits.user,
    }
}

fn rate(policy: Policy) -> String {
    format!("{} in {} s", policy.allowance.requests, policy.allowance.window.as_secs())
}
