//! What the upstream sees: our identity headers or none, whatever a client sends.
//!
//! Applied to the request that goes out, after the proxy dropped what `Connection` nominates, so
//! that a client cannot nominate our headers away. Applying it twice changes nothing.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::{Access, Admitted, Principal};

/// The headers of an outgoing request, whatever type carries them.
pub trait UpstreamHeaders {
    /// All names, in lower case.
    fn names(&self) -> Vec<HeaderName>;
    fn remove(&mut self, name: &HeaderName);
    /// Replaces all values of the name by this one.
    fn set(&mut self, name: HeaderName, value: HeaderValue);
}

/// Where the request came from, as we know it ourselves.
#[derive(Clone, Debug)]
pub struct Forwarded<'a> {
    pub client: IpAddr,
    /// The chain that a trusted proxy handed us, if one did.
    pub chain: Option<&'a str>,
    /// Who spoke to us.
    pub peer: IpAddr,
    pub host: &'a str,
    pub scheme: &'static str,
    pub request_id: &'a str,
}

const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const USER_EMAIL: HeaderName = HeaderName::from_static("x-user-email");
const USER_ROLE: HeaderName = HeaderName::from_static("x-user-role");

/// Names that are ours to set, or that would let a client choose what the upstream does.
const RESERVED: [&str; 14] = [
    "forwarded",
    "x-real-ip",
    "x-gateway-assertion",
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

/// Families of names that are ours, whole: identity, its presets, and forwarding facts.
const RESERVED_FAMILIES: [&str; 5] = ["x-user-", "x-auth-request-", "x-forwarded-", "x-webauth-", "remote-"];

/// Whether a header of this name from a client never arrives. The name is compared as a CGI, WSGI
/// or PHP server would fold it: everything that is no letter or digit is the same separator.
pub fn is_reserved(name: &str) -> bool {
    // Nearly all names are told apart by their first letter.
    if !name.starts_with(['x', 'r', 'f', 'p', 'X', 'R', 'F', 'P']) {
        return false;
    }
    let same = |folded: &str, name: &str| {
        folded.bytes().zip(name.bytes()).all(|(ours, theirs)| match theirs {
            theirs if theirs.is_ascii_alphanumeric() => ours == theirs.to_ascii_lowercase(),
            _ => ours == b'-',
        })
    };
    RESERVED.iter().any(|reserved| name.len() == reserved.len() && same(reserved, name))
        || RESERVED_FAMILIES.iter().any(|family| {
            // The family's bare name, with or without a separator at its end, belongs to it.
            name.len() + 1 >= family.len() && same(family, name)
        })
}

/// Strips what looks like ours, then inserts ours.
pub fn inject(admitted: &Admitted, from: &Forwarded<'_>, headers: &mut impl UpstreamHeaders) {
    for name in headers.names() {
        if is_reserved(name.as_str()) {
            headers.remove(&name);
        }
    }
    let consumed = *admitted.route().access() != Access::Public;
    if consumed && !admitted.route().forward_authorization {
        headers.remove(&AUTHORIZATION);
    }
    for (name, value) in prepare(admitted.principal()) {
        headers.set(name, value);
    }
    for (name, value) in from.fields() {
        headers.set(name, value);
    }
}

/// The identity headers of a principal; none for nobody.
pub fn prepare(principal: Option<&Principal>) -> Vec<(HeaderName, HeaderValue)> {
    principal.map(|principal| identity_fields(principal).to_vec()).unwrap_or_default()
}

/// `X-User-Id`, `X-User-Email`, `X-User-Role`.
pub fn identity_fields(principal: &Principal) -> [(HeaderName, HeaderValue); 3] {
    let email = HeaderValue::from_str(principal.email().as_str());
    [
        (USER_ID, HeaderValue::from(principal.user().get())),
        // An `Email` is visible ASCII by construction.
        (USER_EMAIL, email.unwrap_or_else(|_| HeaderValue::from_static(""))),
        (USER_ROLE, HeaderValue::from_static(principal.role().as_str())),
    ]
}

impl Forwarded<'_> {
    fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let mut chain = String::with_capacity(48);
        if let Some(before) = self.chain {
            chain.push_str(before);
            chain.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _ = write!(chain, "{}", self.peer);
        [
            ("x-forwarded-for", HeaderValue::try_from(chain)),
            ("x-forwarded-proto", Ok(HeaderValue::from_static(self.scheme))),
            ("x-forwarded-host", HeaderValue::try_from(self.host)),
            ("x-real-ip", HeaderValue::try_from(self.client.to_string())),
            ("x-request-id", HeaderValue::try_from(self.request_id)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.ok()?)))
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
