//! The hosts of routes: a name, all names below one, or any.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        match (address, below) {
            (Some(address), false) => Some(Self::Name(spelled(address).into())),
            _ if !is_name(name.as_bytes()) => None,
            (_, false) => Some(Self::Name(name.to_ascii_lowercase().into())),
            (_, true) => Some(Self::Below(name.to_ascii_lowercase().into())),
        }
    }

    /// Whether it is for this host, whose name is as `name_of` has it.
    pub(super) fn fits(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(name) => **name == *host,
            Self::Below(above) => host.strip_suffix(&**above).is_some_and(|rest| rest.ends_with('.')),
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
/// ends a fully qualified name, in lower case; an address in its usual form.
pub(super) fn name_of(authority: &str) -> Cow<'_, str> {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse().map_or(Cow::Borrowed(authority), |address| Cow::Owned(spelled(address)));
    }
    let name = authority.split(':').next().unwrap_or(authority);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// RFC 5952. One that stands for an address of IPv4 is that one, as for whoever is connected by it.
fn spelled(address: Ipv6Addr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// A name or an address, and a port perhaps. RFC 3986 §3.2.2 allows more in a name, such as `,`,
/// and no host has it: services that split a list there would choose another one. What some read as
/// a host that we know, and we would not, is none: the routes of any host must not be a way around
/// those of this one.
pub fn is_authority(host: &[u8]) -> bool {
    let (name_fits, port) = match host {
        [b'[', rest @ ..] => {
            let Some((address, port)) = std::str::from_utf8(rest).ok().and_then(|rest| rest.split_once(']'))
            else {
                return false;
            };
            (address.parse::<Ipv6Addr>().is_ok(), port.as_bytes())
        }
        // By bytes, here and below: names are short, and each request has one.
        _ => {
            let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
            let (name, port) = host.split_at_checked(end).unwrap_or((host, b""));
            (is_name(name.strip_suffix(b".").unwrap_or(name)), port)
        }
    };
    // RFC 3986 §3.2.3: it may be empty.
    let fits = |port: &[u8]| {
        let number = || port.iter().fold(0, |number, digit| number * 10 + u32::from(digit & 0xf));
        port.len() <= 5 && port.iter().all(u8::is_ascii_digit) && number() <= u32::from(u16::MAX)
    };
    name_fits && (port.is_empty() || port.strip_prefix(b":").is_some_and(fits))
}

/// Whether two authorities are one, where a port that is not written is the usual one (RFC 9110 §4.2.3).
pub fn is_same_authority(one: &[u8], other: &[u8], usual_port: u16) -> bool {
    let read = |authority| {
        let authority = std::str::from_utf8(authority).ok()?;
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        // The colons of an IPv6 address stand within brackets.
        let port = if port.contains(']') { "" } else { port };
        let port = if port.is_empty() { usual_port } else { port.parse().ok()? };
        Some((name_of(authority).into_owned(), port))
    };
    read(one).is_some_and(|one| Some(one) == read(other))
}

/// Labels, none of them empty: some pass over an empty one, and would see another name.
fn is_name(name: &[u8]) -> bool {
    let mut before = b'.';
    for byte in name {
        let fits = match byte {
            b'.' => before != b'.',
            b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => true,
            _ => false,
        };
        if !fits {
            return false;
        }
        before = *byte;
    }
    before != b'.' && !is_odd_address(name)
}

/// Numbers that some take for an address of IPv4 (the WHATWG's URL standard, "IPv4 parser"): in
/// fewer parts, hexadecimal or octal. Only four decimal ones are what everybody sees.
fn is_odd_address(name: &[u8]) -> bool {
    let is_number = |label: &[u8]| match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    let is_address = || std::str::from_utf8(name).is_ok_and(|name| name.parse::<Ipv4Addr>().is_ok());
    name.split(|byte| *byte == b'.').all(is_number) && !is_address()
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
        assert_eq!(is("[2001:DB8:0:0::1]").as_deref(), Some("[2001:db8::1]"));
        for wrong in
            ["", "*", "*.", "a.*.b", "a..b", ".a", "a.", "a:80", "https://a", "a/b", "*.[::1]", "127.1"]
        {
            assert_eq!(is(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn requests_are_matched_without_port_case_and_final_dot() {
        for host in ["app.example.com", "APP.example.com:8443", "app.example.com.", "app.example.com.:80"] {
            assert_eq!(name_of(host), "app.example.com", "{host}");
        }
        for host in ["[::1]:8080", "[0:0::1]", "[0:0:0:0:0:0:0:1]."] {
            assert_eq!(name_of(host), "[::1]", "{host}");
        }
        assert_eq!(name_of("[::ffff:192.0.2.1]"), "192.0.2.1");
    }
}
