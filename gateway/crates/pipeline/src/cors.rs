//! Cross-origin requests (the Fetch standard, "HTTP-redirect fetch" and "CORS protocol"): which
//! origins may read answers. It protects users' browsers; it is no authorization.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Response, StatusCode};

use std::sync::Arc;

use super::header_rules::{Headers, Value};
use super::{AnsweredBy, Head, Route, Snapshot};
use gateway_framing::HeaderSection;

/// A route's policy towards pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    pub origins: Origins,
    /// Whether cookies and the like are sent; never with [`Origins::Any`].
    pub credentials: bool,
    pub allow_methods: HeaderValue,
    pub allow_headers: HeaderValue,
    pub expose_headers: Option<HeaderValue>,
    pub max_age: HeaderValue,
}

/// The origins that may read answers (RFC 6454 §6.2: scheme, host, and port where it is unusual).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    These(Vec<HeaderValue>),
}

/// What an upstream says of this itself must not stand beside our own answer.
const OURS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// The method that a preflight asks for; `None` for any other request.
pub(super) fn preflight_for(method: &Method, headers: HeaderSection<'_>) -> Option<Method> {
    if *method != Method::OPTIONS || !headers.has(&ORIGIN) {
        return None;
    }
    Method::from_bytes(headers.get(&ACCESS_CONTROL_REQUEST_METHOD)?).ok()
}

/// What pages of other origins are told that they may do.
pub struct Preflight {
    pub answer: Response<()>,
    /// Where it is for a route, and not for an endpoint of ours.
    pub route: Option<Arc<Route>>,
}

/// The answer to a preflight of a route, or of an endpoint of ours, that has a policy. Without one it is a
/// request like any other.
pub(super) fn preflight(config: &Snapshot, head: &Head<'_>) -> Option<Preflight> {
    let wanted = preflight_for(head.method, head.headers)?;
    if head.answered_by == AnsweredBy::Another {
        return None;
    }
    let (policy, route) = if let Some(target) = head.target.own() {
        (config.cors_of_own(target.path())?, None)
    } else {
        let (_, route) = config.routes.choose(head.host, &wanted, head.target).ok()?;
        // A client that is kept out is refused as with any other request.
        let from_here = head.client_is_told && route.networks.admit(head.client);
        if route.networks.are_bounded() && !from_here && !route.shadow {
            return None;
        }
        (route.cors.as_ref()?, Some(Arc::clone(route)))
    };
    Some(Preflight { answer: policy.preflight(head.headers.get(&ORIGIN)), route })
}

impl Cors {
    /// The answer to a preflight: the same for everybody whose origin is allowed, token or not.
    fn preflight(&self, origin: Option<&[u8]>) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        self.apply(origin, response.headers_mut());
        if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            let headers = response.headers_mut();
            headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.allow_methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.allow_headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        response
    }

    /// Tells a browser whether the page of this origin may read the answer: ours or the upstream's.
    pub fn apply(&self, origin: Option<&[u8]>, headers: &mut impl Headers) {
        for name in &OURS {
            headers.remove(name);
        }
        // Caches must not hand one origin's answer to another (Fetch, "CORS protocol and HTTP caches").
        if self.origins != Origins::Any {
            headers.add(&VARY, Value::Static("Origin"));
        }
        let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) else { return };
        headers.set(&ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.set(&ACCESS_CONTROL_ALLOW_CREDENTIALS, Value::Static("true"));
        }
        if let Some(expose) = &self.expose_headers {
            headers.set(&ACCESS_CONTROL_EXPOSE_HEADERS, Value::Is(expose));
        }
    }

    /// Whether pages of this origin may act for a user.
    pub(super) fn vouches_for(&self, origin: &[u8]) -> bool {
        self.credentials && self.listed(origin).is_some()
    }

    fn allowed(&self, origin: &[u8]) -> Option<Value<'_>> {
        match &self.origins {
            Origins::Any => Some(Value::Static("*")),
            Origins::These(_) => self.listed(origin).map(Value::Is),
        }
    }

    /// This origin, where it is one of those that are named.
    fn listed(&self, origin: &[u8]) -> Option<&HeaderValue> {
        match &self.origins {
            Origins::Any => None,
            Origins::These(origins) => origins.iter().find(|listed| listed.as_bytes() == origin),
        }
    }
}

impl Headers for HeaderMap {
    fn remove(&mut self, name: &HeaderName) {
        Self::remove(self, name);
    }

    fn set(&mut self, name: &HeaderName, value: Value<'_>) {
        match value.to_value() {
            Some(value) => drop(self.insert(name, value)),
            None => Headers::remove(self, name),
        }
    }

    fn add(&mut self, name: &HeaderName, value: Value<'_>) {
        if let Some(value) = value.to_value() {
            self.append(name, value);
        }
    }
}
