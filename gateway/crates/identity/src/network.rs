//! Client networks: what of an address is one client's, and the wider ones around it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// How much of an IPv6 address is looked at (RFC 6177). Of IPv4 it is all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// A /64: whoever has one address of it may have them all.
    Link,
    /// A /56, which a home gets: 256 links.
    Home,
    /// A /48, which a company gets, or who asks a tunnel broker for one: 65,536 links.
    Site,
}

impl Width {
    const fn bits(self) -> u8 {
        match self {
            Self::Link => 64,
            Self::Home => 56,
            Self::Site => 48,
        }
    }
}

/// A network of clients: an IPv4 address, or a prefix of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// What tells networks apart, in few words: it is asked for with each request that is counted.
impl Hash for Network {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.first {
            IpAddr::V4(address) => state.write_u32(address.to_bits()),
            // The rest is nothing but zeros.
            IpAddr::V6(address) => state.write_u64((address.to_bits() >> 64) as u64 ^ u64::from(self.bits)),
        }
    }
}

impl Network {
    pub fn from_address(address: IpAddr, width: Width) -> Self {
        match address.to_canonical() {
            first @ IpAddr::V4(_) => Self { first, bits: 32 },
            IpAddr::V6(address) => {
                let bits = width.bits();
                let masked = u128::from(address) & (u128::MAX << (128 - bits));
                Self { first: IpAddr::V6(Ipv6Addr::from(masked)), bits }
            }
        }
    }

    /// The home and the site that an address is in; those of IPv4 are not known.
    pub fn around(address: IpAddr) -> Option<(Self, Self)> {
        let is_known = address.to_canonical().is_ipv6();
        is_known.then(|| (Self::from_address(address, Width::Home), Self::from_address(address, Width::Site)))
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }
}

/// As limits and sessions count: by what one client has at least.
impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self::from_address(address, Width::Link)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A link, as it prints.
impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = text.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
        let network = address.map(Self::from).filter(|network| network.to_string() == text);
        network.ok_or_else(|| serde::de::Error::custom("must be an IPv4 address with /32, or IPv6 with /64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, width: Width) -> String {
        Network::from_address(text.parse().unwrap(), width).to_string()
    }

    #[test]
    fn addresses_of_one_link_are_one_network_and_those_of_another_are_not() {
        let of = |text| of(text, Width::Link);
        assert_eq!(of("2001:db8:1:2::1"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2:ffff::9"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:3::1"), "2001:db8:1:3::/64");
        assert_eq!(of("192.0.2.1"), "192.0.2.1/32");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1/32");
    }

    #[test]
    fn an_address_of_ipv6_is_in_a_home_and_a_site() {
        let around = |text: &str| {
            let around = Network::around(text.parse().unwrap());
            around.map(|(home, site)| [home.to_string(), site.to_string()])
        };
        let known = ["2001:db8:1:200::/56".to_owned(), "2001:db8:1::/48".to_owned()];
        assert_eq!(around("2001:db8:1:234::1"), Some(known));
        assert_eq!(around("::ffff:192.0.2.1"), None);
    }

    #[test]
    fn a_network_is_read_as_it_was_written_and_in_no_other_way() {
        for text in ["\"2001:db8:1:2::/64\"", "\"192.0.2.1/32\""] {
            let network: Network = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&network).unwrap(), text);
        }
        for text in
            ["\"\"", "\"192.0.2.1\"", "\"192.0.2.0/24\"", "\"2001:db8::/48\"", "\"2001:db8::1/64\"", "7"]
        {
            assert!(serde_json::from_str::<Network>(text).is_err(), "{text}");
        }
    }
}
