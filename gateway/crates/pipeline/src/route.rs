//! A route: which requests it is for, who may pass, and how they are handed on.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::as_sent::Oddity;
use super::cors::Cors;
use super::forward::Upstream;
use super::header_rules::HeaderRules;
use super::host::HostPattern;
use super::identity_headers::IdentityHeaders;
use super::networks::Networks;
use super::path::CanonicalTarget;
use super::pattern::PathPattern;
use super::rate_limit::{AddressLimit, UserLimit};
use super::requires::Requires;
use super::token_source::{Sources, TokenSource};

/// Access to a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a token is not looked at, and no identity is forwarded.
    Public,
    /// Anybody; who sends a good token is made known to the upstream, a bad one is refused.
    Optional,
    /// A good token, whose holder has what is required.
    Required(Requires),
}

/// What becomes of an answer that is still running when the token expires under which it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// It ends, unless it said how long it is: then it comes to its end.
    #[default]
    Close,
    /// It ends in any case.
    CloseAll,
    Allow,
}

impl OnExpiry {
    /// `is_measured` says that the answer has a length.
    pub fn closes(self, is_measured: bool) -> bool {
        match self {
            Self::Close => !is_measured,
            Self::CloseAll => true,
            Self::Allow => false,
        }
    }
}

/// A part of the request space, who may enter it, and what lies behind it.
#[derive(Clone, Debug)]
pub struct Route {
    /// A closed set of names for logs and metrics.
    pub name: String,
    /// At least one.
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    /// None for all methods; GET stands for HEAD, too.
    pub methods: Vec<Method>,
    pub access: Access,
    /// From where it may be entered.
    pub networks: Networks,
    /// The issuers whose tokens are accepted here, by name; none for all issuers.
    pub issuers: Vec<Box<str>>,
    pub upstream: Arc<Upstream>,
    /// In place of the limit for all routes.
    pub user_limit: Option<UserLimit>,
    /// Requests to this route by client address, whoever asks.
    pub address_limit: Option<AddressLimit>,
    /// Largest request body, in bytes.
    pub body_bytes_max: u64,
    /// Longest silence in a request body that the service waits for.
    pub body_idle: Duration,
    /// Bytes a second that such a body must have, over half a minute; zero: none.
    pub body_rate_min: u64,
    /// In place of the upstream's.
    pub read_timeout: Option<Duration>,
    pub write_timeout: Option<Duration>,
    /// What the upstream sees in place of the path that the pattern names; `None` leaves it.
    pub replace_prefix: Option<Box<str>>,
    /// Whether addresses are told to the client and to the service as each of them knows it.
    pub rewrite_urls: bool,
    pub request_headers: HeaderRules,
    pub response_headers: HeaderRules,
    pub identity: IdentityHeaders,
    /// For whom the identity assertion is that the upstream gets; `None` where it gets none.
    pub assertion: Option<Arc<str>>,
    pub cors: Option<Arc<Cors>>,
    /// Whether a WebSocket may be opened (RFC 6455); no other upgrade is ever forwarded.
    pub websocket: bool,
    /// What is done at each place where a token may be.
    pub sources: Sources,
    /// Whether what the client showed in its handshake with us may say who it is.
    pub certificate: bool,
    /// What challenges call the protection space, in place of the gateway's own word.
    pub realm: Option<Box<str>>,
    /// What becomes of an answer that runs when its token expires. When it is revoked it ends anyway.
    pub on_expiry: OnExpiry,
    /// Whether what would be refused is only noted.
    pub shadow: bool,
    /// Whether it gets paths, too, that its service could read as those of a stricter route.
    pub forward_near_misses: bool,
    /// What paths may hold below its own; they are then forwarded byte for byte.
    pub path_allows: Vec<Oddity>,
    /// Whether there can be near misses; the table of routes finds out.
    pub near: bool,
    /// Stricter routes whose paths lie below what this one's prefix becomes, by their places in the table.
    pub leads_into: Vec<usize>,
}

impl Route {
    /// A protected route with the usual limits.
    pub fn new(name: &str, path: PathPattern, upstream: Arc<Upstream>) -> Self {
        Self {
            name: name.to_owned(),
            hosts: vec![HostPattern::Any],
            path,
            methods: Vec::new(),
            access: Access::Required(Requires::default()),
            networks: Networks::default(),
            issuers: Vec::new(),
            upstream,
            user_limit: None,
            address_limit: None,
            body_bytes_max: 1 << 30,
            body_idle: Duration::from_secs(30),
            body_rate_min: 240,
            read_timeout: None,
            write_timeout: None,
            replace_prefix: None,
            rewrite_urls: true,
            request_headers: HeaderRules::default(),
            response_headers: HeaderRules::default(),
            identity: IdentityHeaders::default(),
            assertion: None,
            cors: None,
            websocket: false,
            sources: TokenSource::of_own(),
            certificate: false,
            realm: None,
            on_expiry: OnExpiry::default(),
            shadow: false,
            forward_near_misses: false,
            path_allows: Vec::new(),
            near: false,
            leads_into: Vec::new(),
        }
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether it asks for a token, and takes that of a browser's cookies.
    pub fn takes_cookies(&self) -> bool {
        self.sources.reads(TokenSource::Cookie) && self.access != Access::Public
    }

    pub(super) fn takes_certificates(&self) -> bool {
        self.certificate && self.access != Access::Public
    }

    pub(super) fn takes_only_certificates(&self) -> bool {
        let reads = |source| self.sources.reads(source);
        self.takes_certificates() && !reads(TokenSource::Authorization) && !reads(TokenSource::Cookie)
    }

    /// Whether the other one looks nowhere else for who it is.
    pub(super) fn looks_wherever(&self, other: &Self) -> bool {
        let reads = [TokenSource::Authorization, TokenSource::Cookie]
            .map(|source| self.sources.reads(source) || !other.sources.reads(source));
        reads == [true; 2] && (self.certificate || !other.certificate)
    }

    pub(super) fn accepts_issuer(&self, issuer: &str) -> bool {
        self.issuers.is_empty() || self.issuers.iter().any(|accepted| **accepted == *issuer)
    }

    /// Whether the route is for this method by name.
    pub(super) fn names_method(&self, method: &Method) -> bool {
        self.methods.contains(method) || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }

    pub(super) fn shares_a_method(&self, other: &Self) -> bool {
        let both_for_all = self.methods.is_empty() && other.methods.is_empty();
        both_for_all || self.methods.iter().any(|method| other.methods.contains(method))
    }

    /// The target as the upstream sees it, and the prefix that it does not see, if there is one.
    pub(super) fn rewrite<'a>(&self, target: &'a CanonicalTarget) -> (Cow<'a, str>, Option<&'a str>) {
        let Some(replacement) = &self.replace_prefix else { return (Cow::Borrowed(target.as_str()), None) };
        let (cut, rest) = self.path.split(target.path());
        let query = target.as_str().strip_prefix(target.path()).unwrap_or_default();
        let start = replacement.trim_end_matches('/');
        // A target begins with a slash (RFC 9112 §3.2.1), also when nothing is left of it.
        let root = if start.is_empty() && rest.is_empty() { "/" } else { "" };
        (Cow::Owned(format!("{start}{rest}{root}{query}")), Some(cut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timeouts, canonical};

    #[test]
    fn what_the_pattern_names_is_replaced_and_the_rest_and_the_query_stay() {
        let rewritten = |pattern: &str, replacement: &str, target: &str| {
            let upstream = Arc::new(Upstream::unix("up", "/nowhere", Timeouts::default()));
            let route = Route {
                replace_prefix: Some(replacement.into()),
                ..Route::new("r", PathPattern::prefix(pattern).unwrap(), upstream)
            };
            let target = canonical(target).unwrap();
            let (path, cut) = route.rewrite(&target);
            format!("{path} {}", cut.unwrap_or("-"))
        };
        assert_eq!(rewritten("/grafana", "/", "/grafana/d/x?y=/z"), "/d/x?y=/z /grafana");
        assert_eq!(rewritten("/grafana", "/", "/grafana"), "/ /grafana");
        assert_eq!(rewritten("/grafana", "/", "/grafana?a=b"), "/?a=b /grafana");
        assert_eq!(rewritten("/grafana", "/", "/grafana/"), "/ /grafana");
        assert_eq!(rewritten("/api/v2", "/v3/", "/api/v2/todos"), "/v3/todos /api/v2");
        assert_eq!(rewritten("/{tenant}/app", "/app", "/acme/app/1"), "/app/1 /acme/app");
        assert_eq!(rewritten("/", "/base", "/x"), "/base/x ");
    }
}
