//! What the upstream sees: our identity headers or none, whatever a client sends.
//!
//! Applied to the request that goes out, after the proxy dropped what `Connection` nominates, so
//! that a client cannot nominate our headers away. Applying it twice changes nothing.

use http::header::{HOST, HeaderName, HeaderValue};
use token_source::{Outgoing, Stripped};

use super::Admitted;
use super::header_rules::Headers;
use super::reserved::Reserved;

/// The headers of an outgoing request, whatever type carries them.
pub trait UpstreamHeaders: Headers + Outgoing {}

impl<H: Headers + Outgoing> UpstreamHeaders for H {}

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
}

/// Strips tokens and what looks like ours, does what the route says, then inserts ours.
pub fn inject(
    admitted: &Admitted,
    reserved: &Reserved,
    from: &Forwarded<'_>,
    headers: &mut impl UpstreamHeaders,
) {
    let route = admitted.route();
    let mut headers = route.sources.strip(headers);
    // Believed by this very name: what a server only folds into it is somebody else's.
    headers.take_out_all(|name| reserved.keeps_out(name.as_str()) && !from.believed.contains(name));
    route.request_headers.apply(&mut *headers);
    identify(admitted, &mut headers);
    from.tell(&mut headers);
    if let Some(host) = &admitted.upstream().host {
        headers.set(HOST, host.clone());
    }
    if let Some(prefix) = admitted.cut_prefix().and_then(|prefix| HeaderValue::from_str(prefix).ok()) {
        headers.set(FORWARDED_PREFIX, prefix);
    }
}

/// No head is told for whom it is, out of which nothing was taken.
fn identify(admitted: &Admitted, headers: &mut Stripped<'_, impl UpstreamHeaders>) {
    for (name, value) in identity_fields(admitted) {
        headers.set(name, value);
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
    fn tell(&self, headers: &mut Stripped<'_, impl UpstreamHeaders>) {
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
