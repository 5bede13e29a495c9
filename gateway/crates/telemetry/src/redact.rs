//! What the log shows of people: their addresses and e-mail addresses whole, in part, as a hash, or
//! not at all.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::hmac;

use super::log;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    #[default]
    Full,
    /// The network of an address (/24, or /48 of IPv6); the domain of an e-mail address.
    Partial,
    /// The same hash for the same value. Without the key nobody can try values out.
    Hashed,
    Omitted,
}

/// The key of hashes. Without one they would be as good as the values: there are few addresses.
#[derive(Clone)]
pub struct HashKey(hmac::Key);

impl HashKey {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// 16 hexadecimal digits of an HMAC (RFC 2104).
    fn hash(&self, f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
        let tag = hmac::sign(&self.0, value);
        tag.as_ref().iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Default for HashKey {
    /// One that nobody knows, and that ends with the process.
    fn default() -> Self {
        let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
        Self::new(&halves.map(uuid::Uuid::into_bytes).concat())
    }
}

/// What holds for all lines.
pub(super) struct Rules {
    pub(super) access: bool,
    pub(super) addresses: Shown,
    pub(super) emails: Shown,
    pub(super) key: HashKey,
}

impl Default for Rules {
    fn default() -> Self {
        Self { access: true, addresses: Shown::Full, emails: Shown::Omitted, key: HashKey::default() }
    }
}

/// Whether each request gets its line.
pub fn logs_access() -> bool {
    log::rules().access
}

/// The address of a client, as the log may show it.
#[derive(Clone, Copy)]
pub struct ShownAddress(pub IpAddr);

impl ShownAddress {
    /// `None` where the log shows nothing of it.
    pub fn from_ip(address: IpAddr) -> Option<Self> {
        (log::rules().addresses != Shown::Omitted).then_some(Self(address))
    }

    /// The octets of an address of IPv4 that is shown whole.
    pub(super) fn whole_v4(self) -> Option<[u8; 4]> {
        match self.0.to_canonical() {
            IpAddr::V4(address) if log::rules().addresses == Shown::Full => Some(address.octets()),
            _ => None,
        }
    }
}

impl fmt::Display for ShownAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = log::rules();
        let address = self.0.to_canonical();
        match rules.addresses {
            Shown::Full => address.fmt(f),
            Shown::Partial => network(address, f),
            Shown::Hashed => rules.key.hash(f, address.to_string().as_bytes()),
            Shown::Omitted => f.write_char('-'),
        }
    }
}

fn network(address: IpAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match address {
        IpAddr::V4(v4) => write!(f, "{}/24", Ipv4Addr::from(u32::from(v4) & (u32::MAX << 8))),
        IpAddr::V6(v6) => write!(f, "{}/48", Ipv6Addr::from(u128::from(v6) & (u128::MAX << 80))),
    }
}

/// An e-mail address, as the log may show it.
#[derive(Clone, Copy)]
pub(super) struct ShownEmail<'a>(&'a str);

impl<'a> ShownEmail<'a> {
    /// `None` where the log shows nothing of it.
    pub(super) fn new(email: &'a str) -> Option<Self> {
        (log::rules().emails != Shown::Omitted).then_some(Self(email))
    }
}

impl fmt::Display for ShownEmail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = log::rules();
        match rules.emails {
            Shown::Full => f.write_str(self.0),
            Shown::Partial => write!(f, "*@{}", self.0.rsplit_once('@').map_or("", |(_, domain)| domain)),
            Shown::Hashed => rules.key.hash(f, self.0.as_bytes()),
            Shown::Omitted => f.write_char('-'),
        }
    }
}
