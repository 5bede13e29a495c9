//! What the upstream sees: our identity headers or none, whatever a client sends.
//!
//! Applied to the request that goes out, after the proxy dropped what `Connection` nominates, so
//! that a client cannot nominate our headers away. Applying it twice changes nothing.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::header_rules::Headers;
use super::{Access, Admitted, offer};

/// The headers of an outgoing request, whatever type carries them.
pub trait UpstreamHeaders: Headers {
    /// The names of those that are there and reserved.
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
    /// What the client sent.
    pub sent: Option<&'a http::HeaderMap>,
}

/// Names that are ours to set, or that would let a client choose what the upstream does.
const RESERVED: [&str; 13] = [
    "forwarded",
    "x-real-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-request-id",
    "proxy",
    "x-envoy-original-path",
];

/// The names that no client can send, besides the families: to try whether one arrives.
pub fn reserved_names() -> impl Iterator<Item = &'static str> {
    RESERVED.into_iter()
}

/// Families of names that are ours, whole: identity, its presets, and forwarding facts.
const RESERVED_FAMILIES: [&str; 6] =
    ["x-user-", "x-auth-request-", "x-forwarded-", "x-webauth-", "x-gateway-", "remote-"];

/// Whether a header of this name from a client never arrives. The name is compared as a CGI, WSGI
/// or PHP server would fold it: everything that is no letter or digit is the same separator.
pub fn is_reserved(name: &str) -> bool {
    // Nearly all names are told apart by their first letter.
    if !name.starts_with(['x', 'r', 'f', 'p', 'X', 'R', 'F', 'P']) {
        return false;
    }
    RESERVED.iter().any(|reserved| name.len() == reserved.len() && folds(reserved, name))
        || RESERVED_FAMILIES.iter().any(|family| {
            // The family's bare name, with or without a separator at its end, belongs to it.
            name.len() + 1 >= family.len() && folds(family, name)
        })
}

/// Whether the name begins as ours does, once a server has folded it.
fn folds(ours: &str, name: &str) -> bool {
    ours.bytes().zip(name.bytes()).all(|(ours, theirs)| match theirs {
        theirs if theirs.is_ascii_alphanumeric() => ours.eq_ignore_ascii_case(&theirs),
        _ => !ours.is_ascii_alphanumeric(),
    })
}

/// The names that clients cannot send: ours, and those that routes give to identity headers.
#[derive(Clone, Debug, Default)]
pub struct Reserved(Vec<HeaderName>);

impl Reserved {
    pub fn covers(&self, name: &str) -> bool {
        is_reserved(name)
            || self.0.iter().any(|own| own.as_str().len() == name.len() && folds(own.as_str(), name))
    }
}

impl<'a> FromIterator<&'a HeaderName> for Reserved {
    fn from_iter<T: IntoIterator<Item = &'a HeaderName>>(names: T) -> Self {
        let mut own: Vec<_> = names.into_iter().filter(|name| !is_reserved(name.as_str())).cloned().collect();
        own.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        own.dedup();
        Self(own)
    }
}

/// Strips what looks like ours, does what the route says, then inserts ours.
pub fn inject(
    admitted: &Admitted,
    reserved: &Reserved,
    from: &Forwarded<'_>,
    headers: &mut impl UpstreamHeaders,
) {
    for name in headers.reserved(reserved) {
        headers.remove(&name);
    }
    let route = admitted.route();
    // In shadow the upstream still decides for itself, and needs what the client sent.
    let consumed = *route.access() != Access::Public && !route.shadow;
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
        headers.set(FORWARDED_HOST, self.host.clone());
        headers.set(REAL_IP, self.client.clone());
        headers.set(X_REQUEST_ID, self.request_id.clone());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_that_a_server_folds_into_ours_is_reserved() {
        for name in [
            "x-user-id",
            "X-User-Id",
            "x_user_id",
            "x.user.id",
            "X-USER_ROLE",
            "x-user.email",
            "x-user-",
            "x_user_",
            "x-user-anything",
            "x-user",
            "x!user~id",
            "remote-user",
            "REMOTE_USER",
            "remote.groups",
            "x-auth-request-user",
            "x_auth_request_groups",
            "x-forwarded-for",
            "x-forwarded-user",
            "x_forwarded_prefix",
            "x-webauth-user",
            "forwarded",
            "x-real-ip",
            "x_real_ip",
            "x-original-url",
            "x-rewrite-url",
            "x-http-method-override",
            "x-gateway-assertion",
            "x_gateway_assertion",
            "x-request-id",
            "proxy",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "host",
            "accept",
            "x-csrf-token",
            "x-userid",
            "x-users",
            "referer",
            "x-requested-with",
            "range",
            "proxy-x",
            "from",
            "priority",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    proptest! {
        /// A server folds a name by upper-casing it and turning the rest into `_`.
        #[test]
        fn no_name_that_folds_into_an_identity_header_passes(
            separators in "[-_.!#$%&'*+^`|~]{2}", upper in any::<u32>(), which in 0..3_usize
        ) {
            let words = [["x", "user", "id"], ["x", "user", "email"], ["x", "user", "role"]][which];
            let mut separators = separators.chars();
            let mut name = words[0].to_owned();
            for word in &words[1..] {
                name.push(separators.next().unwrap());
                name.push_str(word);
            }
            let name: String = name.chars().enumerate().map(|(index, letter)| {
                if upper >> (index % 32) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
            }).collect();
            prop_assert!(is_reserved(&name), "{}", name);
        }
    }
}
