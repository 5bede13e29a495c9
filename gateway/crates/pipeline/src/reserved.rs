//! The names that no client can send: those that are ours, and those by which only proxies say where
//! a request came from.

use http::header::HeaderName;

/// Names that are ours to set, or that would let a client choose what the upstream does.
const OURS: [&str; 13] = [
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

/// Families of names that are ours, whole: identity, its presets, and forwarding facts.
const FAMILIES: [&str; 6] =
    ["x-user-", "x-auth-request-", "x-forwarded-", "x-webauth-", "x-gateway-", "remote-"];

/// What the proxies of some maker tell, and what services believe whoever says it: from which address a
/// client came, by which scheme, host and path, and with which certificate. Of a client they are lies. Unlike ours, rules of a
/// route may set them, and answers may have them.
const OF_PROXIES: [&str; 112] = [
    // Addresses: Akamai and Cloudflare, Apache, Zscaler, nginx's ingress, Fastly, Azure, App Engine,
    // Fly, DigitalOcean, Netlify, Vercel, CloudFront, Alibaba, EdgeOne, Imperva, Sucuri, Envoy, Google,
    // WebLogic, and those that snippets for Java and PHP try one after the other.
    "true-client-ip",
    "x-true-client-ip",
    "x-clientip",
    "x-realip",
    "x-ip",
    "x-envoy-internal",
    // Next.js knows requests of its own by these.
    "x-middleware-subrequest",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "x-client-ip",
    "client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-remote-addr",
    "forwarded-for",
    "x-remote-ip",
    "x-remote-addr",
    "x-originating-ip",
    "x-source-ip",
    "fastly-client-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-appengine-user-ip",
    "x-appengine-remote-addr",
    "fly-client-ip",
    "do-connecting-ip",
    "x-nf-client-connection-ip",
    "x-vercel-forwarded-for",
    "x-vercel-proxied-for",
    "cloudfront-viewer-address",
    "ali-cdn-real-ip",
    "cdn-src-ip",
    "eo-connecting-ip",
    "eo-client-ip",
    "incap-client-ip",
    "x-sucuri-clientip",
    "x-envoy-external-address",
    "x-proxyuser-ip",
    "wl-proxy-client-ip",
    "proxy-client-ip",
    "http-client-ip",
    "http-forwarded",
    "http-forwarded-for",
    "http-x-forwarded",
    "http-x-forwarded-for",
    "http-x-cluster-client-ip",
    "x-real-port",
    // Schemes.
    "front-end-https",
    "x-scheme",
    "x-url-scheme",
    "x-original-scheme",
    "x-proto",
    "x-https",
    "https",
    "x-real-proto",
    "x-arr-ssl",
    "x-original-proto",
    "x-appengine-https",
    "cf-visitor",
    "fastly-ssl",
    "cloudfront-forwarded-proto",
    "wl-proxy-ssl",
    // Hosts, and which server is asked.
    "x-host",
    "x-host-override",
    "x-http-host-override",
    "x-real-host",
    "x-envoy-original-host",
    "x-envoy-original-dst-host",
    // Paths, and where files lie: Gunicorn takes the first one from whoever is connected to it over
    // loopback, and Rack the last ones from anybody.
    "script-name",
    "x-script-name",
    "path-info",
    "x-original-path",
    "x-rewrite-uri",
    "x-envoy-original-method",
    "x-accel-mapping",
    "x-sendfile-type",
    // Certificates of clients, as TLS terminators tell them (RFC 9440, and nginx's ingress, HAProxy, Azure,
    // AWS, Google and Cloudflare): whom we verified ourselves is told by our own names.
    "client-cert",
    "client-cert-chain",
    "ssl-client-cert",
    "ssl-client-verify",
    "ssl-client-subject-dn",
    "ssl-client-issuer-dn",
    "x-client-cert",
    "x-client-cert-chain",
    "x-client-verify",
    "x-client-dn",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
    "x-ssl-client-dn",
    "x-ssl-client-cn",
    "x-ssl-client-s-dn",
    "x-ssl-client-i-dn",
    "x-ssl-client-serial",
    "x-ssl-client-sha1",
    "x-ssl-client-fingerprint",
    "x-arr-clientcert",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-validity",
    "x-client-cert-present",
    "x-client-cert-chain-verified",
    "x-client-cert-hash",
    "x-client-cert-spiffe",
    "x-client-cert-uri-sans",
    "x-client-cert-dnsname-sans",
    "cf-client-cert-der-base64",
    "cf-client-cert-sha256",
];

/// How long a message is, which no server may see in another spelling than its own.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// The names that no client can send, besides the families: to try whether one arrives.
pub fn reserved_names() -> impl Iterator<Item = &'static str> {
    OURS.into_iter()
}

/// The names of what only proxies say.
pub fn names_of_proxies() -> impl Iterator<Item = &'static str> + Clone {
    OF_PROXIES.into_iter()
}

/// For each first letter, a bit for each length that a name of ours has: by this, nearly all names are told
/// apart.
const LENGTHS_OF_OURS: [u64; 26] = lengths(false);
/// The same for a name on any list.
const LENGTHS: [u64; 26] = lengths(true);

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses what is out of bounds")]
const fn lengths(of_all: bool) -> [u64; 26] {
    const fn note(lengths: &mut [u64; 26], name: &str, bits: u64) {
        lengths[(name.as_bytes()[0] - b'a') as usize] |= bits;
    }
    let (mut lengths, mut index) = ([0; 26], 0);
    while index < OURS.len() {
        note(&mut lengths, OURS[index], 1 << OURS[index].len());
        index += 1;
    }
    index = 0;
    while index < FAMILIES.len() {
        note(&mut lengths, FAMILIES[index], !0 << (FAMILIES[index].len() - 1));
        index += 1;
    }
    index = 0;
    while of_all && index < OF_PROXIES.len() {
        note(&mut lengths, OF_PROXIES[index], 1 << OF_PROXIES[index].len());
        index += 1;
    }
    index = 0;
    while of_all && index < FRAMING.len() {
        note(&mut lengths, FRAMING[index], 1 << FRAMING[index].len());
        index += 1;
    }
    lengths
}

fn may_be_among(lengths: &[u64; 26], name: &str) -> bool {
    let first = name.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
    let lengths = lengths.get(usize::from(first.wrapping_sub(b'a')));
    lengths.is_some_and(|lengths| lengths >> name.len().min(63) & 1 == 1)
}

/// Whether a header of this name is ours: from a client, and from an upstream, it never arrives. The
/// name is compared as a CGI, WSGI or PHP server would fold it: everything that is no letter or digit is
/// the same separator.
pub fn is_reserved(name: &str) -> bool {
    may_be_among(&LENGTHS_OF_OURS, name)
        && (OURS.iter().any(|ours| is(ours, name))
            || FAMILIES.iter().any(|family| {
                // The family's bare name, with or without a separator at its end, belongs to it.
                name.len() + 1 >= family.len() && folds(family, name)
            }))
}

fn is(ours: &str, name: &str) -> bool {
    name.len() == ours.len() && folds(ours, name)
}

/// Whether the name begins as ours does, once a server has folded it.
fn folds(ours: &str, name: &str) -> bool {
    ours.bytes().zip(name.bytes()).all(|(ours, theirs)| match theirs {
        theirs if theirs.is_ascii_alphanumeric() => ours.eq_ignore_ascii_case(&theirs),
        _ => !ours.is_ascii_alphanumeric(),
    })
}

/// The names of this gateway's own: on the lists, and those that routes give to identity headers.
#[derive(Clone, Debug, Default)]
pub struct Reserved(Vec<HeaderName>);

impl Reserved {
    /// Whether it is ours, wherever it comes from.
    pub fn covers(&self, name: &str) -> bool {
        is_reserved(name) || self.0.iter().any(|own| is(own.as_str(), name))
    }

    /// Whether no client can send it.
    pub fn keeps_out(&self, name: &str) -> bool {
        let odd = |framing: &&str| is(framing, name) && !framing.eq_ignore_ascii_case(name);
        self.covers(name)
            || may_be_among(&LENGTHS, name)
                && (OF_PROXIES.iter().any(|theirs| is(theirs, name)) || FRAMING.iter().any(odd))
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

    #[test]
    fn what_only_proxies_say_is_kept_out_in_every_spelling_and_is_not_ours() {
        let reserved = Reserved::default();
        for name in OF_PROXIES {
            for spelling in
                [name.to_owned(), name.to_uppercase(), name.replace('-', "_"), name.replace('-', ".")]
            {
                assert!(reserved.keeps_out(&spelling), "{spelling}");
                assert!(!reserved.covers(&spelling), "{spelling}");
            }
            assert!(!reserved.keeps_out(&format!("{name}s")) && !reserved.keeps_out(&name[1..]), "{name}");
        }
        for name in ["x-user-id", "Remote_User", "x-forwarded-ssl", "Content_Length", "transfer.encoding"] {
            assert!(reserved.keeps_out(name), "{name}");
        }
        for name in [
            "host",
            "hostname",
            "accept",
            "via",
            "x-client-version",
            "content-length",
            "Transfer-Encoding",
            "",
        ] {
            assert!(!reserved.keeps_out(name), "{name}");
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
