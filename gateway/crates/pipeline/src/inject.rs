//! What the upstream sees: our identity headers or none, whatever a client sends.
//!
//! Applied to the request that goes out, after the proxy dropped what `Connection` nominates, so
//! that a client cannot nominate our headers away. Applying it twice changes nothing.

use http::header::{HOST, HeaderName, HeaderValue};
use token_source::{Outgoing, Stripped};

use super::Admitted;
use super::header_rules::{Headers, Value};
use super::reserved::Reserved;

/// The headers of an outgoing request, whatever type carries them.
pub trait UpstreamHeaders: Headers + Outgoing {}

impl<H: Headers + Outgoing> UpstreamHeaders for H {}

/// Where the request came from, as we know it ourselves.
#[derive(Clone, Debug)]
pub struct Forwarded<'a> {
    pub client: &'a HeaderValue,
    /// The chain that a trusted proxy handed us, if one did.
    pub chain: Option<&'a str>,
    /// The peer that spoke to us.
    pub peer: &'a HeaderValue,
    /// Nothing where a client of HTTP/1.0 named none.
    pub host: Option<Value<'a>>,
    pub scheme: &'static str,
    pub request_id: &'a HeaderValue,
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
    let is_believed =
        |name: &str| from.believed.iter().any(|believed| believed.as_str().eq_ignore_ascii_case(name));
    headers.take_out_all(|name| reserved.keeps_out(name) && !is_believed(name));
    route.request_headers.apply(&mut *headers);
    identify(admitted, &mut headers);
    from.write(&mut headers);
    if let Some(host) = &admitted.upstream().host {
        headers.set(&HOST, Value::Is(host));
    }
    if let Some(prefix) = admitted.cut_prefix() {
        headers.set(&FORWARDED_PREFIX, Value::Text(prefix.as_bytes()));
    }
}

/// No head is told for whom it is, out of which nothing was taken.
fn identify(admitted: &Admitted, headers: &mut Stripped<'_, impl UpstreamHeaders>) {
    identity_fields(admitted, |name, value| headers.set(name, value));
}

/// The identity headers of an admitted request, under the names of its route, and the assertion that
/// the route asks for; none for nobody.
pub fn identity_fields(admitted: &Admitted, mut add: impl FnMut(&HeaderName, Value<'_>)) {
    if let Some(principal) = admitted.principal() {
        admitted.route().identity.fields(principal, &mut add);
    }
    if let Some(assertion) = admitted.assertion() {
        add(&ASSERTION, Value::Is(assertion));
    }
}

/// No client can send this name: it is of a family that is ours.
static ASSERTION: HeaderName = HeaderName::from_static("x-gateway-assertion");
static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

pub static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Forwarded<'_> {
    /// The values are made for the connection and not for the request, where that is possible.
    fn write(&self, headers: &mut Stripped<'_, impl UpstreamHeaders>) {
        let chain = self.chain.map(|before| [before.as_bytes(), self.peer.as_bytes()].join(&b", "[..]));
        headers.set(&X_FORWARDED_FOR, chain.as_deref().map_or(Value::Is(self.peer), Value::Text));
        headers.set(&FORWARDED_PROTO, Value::Static(self.scheme));
        if let Some(host) = self.host {
            headers.set(&FORWARDED_HOST, host);
        }
        headers.set(&REAL_IP, Value::Is(self.client));
        headers.set(&X_REQUEST_ID, Value::Is(self.request_id));
    }
}
