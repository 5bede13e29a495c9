//! The hosts of routes: a name, all names below one, or any.

use std::borrow::Cow;

/// The hosts that a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    Any,
    /// `app.example.com`
    Name(Box<str>),
    /// `*.example.com`: every name below it, at any depth, and not the name itself.
    Below(Box<str>),
}

impl HostPattern {
    /// `None` for what is neither a host name, an address, nor `*.` and a host name. A port does
    /// not belong here: requests are matched without theirs.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let name = name.to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            });
        let is_address = !below
            && name
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        match (is_name || is_address, below) {
            (false, _) => None,
            (true, false) => Some(Self::Name(name.into())),
            (true, true) => Some(Self::Below(name.into())),
        }
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("any host"),
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// The name in a `Host` or `:authority`, as routes state it: without the port, without the dot that
/// ends a fully qualified name, in lower case.
pub(super) fn name_of(authority: &str) -> Cow<'_, str> {
    let name = match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or(authority),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// A name or an address, and a port perhaps. RFC 3986 §3.2.2 allows more in a name, such as `,`,
/// and no host has it: services that split a list there would choose another one.
pub fn is_authority(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name_fits, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), rest),
        None => {
            let (name, port) =
                host.split_at(host.bytes().position(|byte| byte == b':').unwrap_or(host.len()));
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (!name.is_empty() && name.bytes().all(known), port)
        }
    };
    let digits = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    name_fits && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_all_names_below_one() {
        let is = |text: &str| HostPattern::parse(text).map(|host| host.to_string());
        assert_eq!(is("App.Example.com").as_deref(), Some("app.example.com"));
        assert_eq!(is("*.example.com").as_deref(), Some("*.example.com"));
        assert_eq!(is("127.0.0.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(is("[::1]").as_deref(), Some("[::1]"));
        for wrong in ["", "*", "*.", "a.*.b", "a..b", ".a", "a.", "a:80", "https://a", "a/b", "*.[::1]"] {
            assert_eq!(is(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn requests_are_matched_without_port_case_and_final_dot() {
        for host in ["app.example.com", "APP.example.com:8443", "app.example.com.", "app.example.com.:80"] {
            assert_eq!(name_of(host), "app.example.com", "{host}");
        }
        assert_eq!(name_of("[::1]:8080"), "[::1]");
    }
}
