//! What the upstream sees: our identity headers or none, whatever a client sends.
//!
//! Applied to the request that goes out, after the proxy dropped what `Connection` nominates, so
//! that a client cannot nominate our headers away. Applying it twice changes nothing.

use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};

use super::header_rules::Headers;
use super::reserved::Reserved;
use super::{Access, Admitted, offer};

/// The headers of an outgoing request, whatever type carries them.
pub trait UpstreamHeaders: Headers {
    /// The names of those that are there, and that no client can send.
    fn reserved(&self, reserved: &Reserved) -> Vec<HeaderName>;
}

/// Where the request came from, as we know it ourselves.
#[derive(Clone, Debug)]
pub struct Forwarded<'a> {
    pub client: HeaderValue,
    /// The chain that a trusted proxy handed us, if one did.
    pub chain: Option<&'a str>,
    /// Who spoke to us.
    pub peer: HeaderValue,
    pub host: HeaderValue,
    pub scheme: &'static str,
    pub request_id: HeaderValue,
    /// What whoever spoke to us is believed, of what only proxies say.
    pub believed: &'a [HeaderName],
    /// What the client sent.
    pub sent: Option<&'a http::HeaderMap>,
}

/// Strips what looks like ours, does what the route says, then inserts ours.
pub fn inject(
    admitted: &Admitted,
    reserved: &Reserved,
    from: &Forwarded<'_>,
    headers: &mut impl UpstreamHeaders,
) {
    for name in headers.reserved(reserved) {
        // By this very name: what a server only folds into it is somebody else's.
        if !from.believed.contains(&name) {
            headers.remove(&name);
        }
    }
    let route = admitted.route();
    // In shadow the upstream still decides for itself, and needs what the client sent.
    let consumed = *route.access() != Access::Public && route.credentials.header && !route.shadow;
    if consumed && !route.forward_authorization {
        headers.remove(&AUTHORIZATION);
        if let Some(sent) = from.sent.filter(|_| route.websocket_token) {
            offer::remove(headers, sent);
        }
    }
    route.request_headers.apply(headers);
    for (name, value) in identity_fields(admitted) {
        headers.set(name, value);
    }
    from.tell(headers);
    if let Some(host) = &admitted.upstream().host {
        headers.set(HOST, host.clone());
    }
    if let Some(prefix) = admitted.cut_prefix().and_then(|prefix| HeaderValue::from_str(prefix).ok()) {
        headers.set(FORWARDED_PREFIX, prefix);
    }
}

/// The identity headers of an admitted request, under the names of its route, and the assertion that
/// the route asks for; none for nobody.
pub fn identity_fields(admitted: &Admitted) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let principal = admitted.principal();
    let facts = principal.into_iter().flat_map(|principal| admitted.route().identity.fields(principal));
    facts.chain(admitted.assertion().map(|assertion| (ASSERTION, assertion.clone())))
}

/// No client can send this name: it is of a family that is ours.
const ASSERTION: HeaderName = HeaderName::from_static("x-gateway-assertion");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Forwarded<'_> {
    /// The values are made for the connection and not for the request, where that is possible.
    fn tell(&self, headers: &mut impl UpstreamHeaders) {
        match self.chain.map(|before| [before.as_bytes(), self.peer.as_bytes()].join(&b", "[..])) {
            None => headers.set(X_FORWARDED_FOR, self.peer.clone()),
            Some(chain) => {
                // Addresses and commas are a value.
                if let Ok(chain) = HeaderValue::try_from(chain) {
                    headers.set(X_FORWARDED_FOR, chain);
                }
            }
        }
        headers.set(FORWARDED_PROTO, HeaderValue::from_static(self.scheme));
        // A client of HTTP/1.0 may have named none.
        if !self.host.is_empty() {
            headers.set(FORWARDED_HOST, self.host.clone());
        }
        headers.set(REAL_IP, self.client.clone());
        headers.set(X_REQUEST_ID, self.request_id.clone());
    }
}
