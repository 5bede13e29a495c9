//! The client's address: the peer's, or what trusted proxies say, read from the right.

#[cfg(test)]
mod fuzz;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderName;
use ipnet::IpNet;

use gateway_framing::{HeaderSection, text};
use gateway_identity::{Network, Width};
use gateway_pipeline::X_FORWARDED_FOR;
use gateway_telemetry::ShownAddress;

/// The proxies whose word counts; none by default.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// What they are believed besides, of what only proxies say.
    headers: Vec<HeaderName>,
    warned: AtomicBool,
}

/// The peer of a connection, and the client that it speaks for.
#[derive(Clone, Debug)]
pub(super) struct ClientAddress {
    /// The peer that is connected to us.
    pub peer: IpAddr,
    /// For whom the peer speaks, if it is trusted; else the peer itself.
    pub client: IpAddr,
    pub peer_is_trusted: bool,
    /// Whether the client is one: not where what trusted proxies say ends with one of them.
    is_told: bool,
    /// The part of `X-Forwarded-For` that trusted proxies vouch for.
    pub chain: Option<String>,
    /// Whether the client spoke TLS, to us or to a trusted proxy.
    pub secure: bool,
}

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl ClientAddress {
    pub(super) fn unknown() -> Self {
        Self {
            peer: NOBODY,
            client: NOBODY,
            peer_is_trusted: false,
            is_told: false,
            chain: None,
            secure: false,
        }
    }

    /// Whether the address is the client's own: where a trusted proxy leaves it out, or has what is no
    /// address, there is the proxy's, whichever of several it is.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// The same where the peer, whom nobody trusts, was not named by the balancer that it is.
    pub(super) fn unless_nobodys(self, is_nobodys: bool) -> Self {
        Self { is_told: self.is_told && (self.peer_is_trusted || !is_nobodys), ..self }
    }

    /// The widest network that is one client's, where several must agree.
    pub(super) fn site(&self) -> Network {
        Network::from_address(self.client, Width::Site)
    }

    pub(super) fn known(&self) -> Option<IpAddr> {
        (self.client != NOBODY).then_some(self.client)
    }
}

impl TrustedProxies {
    pub fn new(networks: Vec<IpNet>, headers: Vec<HeaderName>) -> Self {
        Self { networks, headers, warned: AtomicBool::new(false) }
    }

    /// The names of what passes to services as whoever is connected says it.
    pub(super) fn believed(&self, client: &ClientAddress) -> &[HeaderName] {
        if client.peer_is_trusted { &self.headers } else { &[] }
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Nothing that an untrusted peer says is believed.
    pub(super) fn client(&self, peer: IpAddr, secure: bool, headers: HeaderSection<'_>) -> ClientAddress {
        let peer = peer.to_canonical();
        if self.networks.is_empty() || !self.trusts(peer) {
            self.warn_once(peer, headers);
            let (client, is_told) = (peer, peer != NOBODY);
            return ClientAddress { peer, client, peer_is_trusted: false, is_told, chain: None, secure };
        }
        let mut hops = Vec::new();
        for value in headers.get_all(&X_FORWARDED_FOR) {
            // A value that is no text breaks the chain, like an address that is none.
            let text = text(value).unwrap_or("?");
            hops.extend(text.split(',').map(|hop| parse_hop(hop.trim())));
        }
        let mut vouched: Vec<IpAddr> = Vec::new();
        for hop in hops.into_iter().rev() {
            let Some(hop) = hop else { break };
            vouched.push(hop);
            if !self.trusts(hop) {
                break;
            }
        }
        let client = vouched.last().copied().unwrap_or(peer);
        let chain: Vec<_> = vouched.iter().rev().map(IpAddr::to_string).collect();
        let proto = headers.get(&FORWARDED_PROTO);
        ClientAddress {
            peer,
            client,
            peer_is_trusted: true,
            is_told: client != NOBODY && !self.trusts(client),
            chain: (!chain.is_empty()).then(|| chain.join(", ")),
            secure: proto.map_or(secure, |proto| proto.eq_ignore_ascii_case(b"https")),
        }
    }

    /// A proxy that nobody named is a common slip: everybody would then share one address.
    fn warn_once(&self, peer: IpAddr, headers: HeaderSection<'_>) {
        let private = match peer {
            IpAddr::V4(v4) => v4.is_private() || v4.is_loopback(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
        };
        if private && headers.has(&X_FORWARDED_FOR) && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer = ShownAddress::from_ip(peer).map(tracing::field::display),
                "a private peer sends X-Forwarded-For and is not trusted: if it is your proxy, add it to server.trusted_proxies (said once)"
            );
        }
    }
}

/// An address, with or without a port, as proxies write them.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| hop.parse().ok().map(|hop: std::net::SocketAddr| hop.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn read(trusted: &[&str], peer: &str, forwarded: &[&str]) -> ClientAddress {
        let networks = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        TrustedProxies::new(networks, Vec::new()).client(peer.parse().unwrap(), false, (&headers).into())
    }

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        read(trusted, peer, forwarded).client.to_string()
    }

    #[test]
    fn an_untrusted_peer_speaks_for_itself_only() {
        assert_eq!(client(&[], "10.0.0.1", &["192.0.2.1"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.2/32"], "10.0.0.1", &["192.0.2.1"]), "10.0.0.1");
    }

    #[test]
    fn the_chain_is_read_from_the_right_up_to_the_first_untrusted_hop() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client(&trusted, "10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(&trusted, "10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.9"]), "192.0.2.1");
        assert_eq!(client(&trusted, "10.0.0.1", &["6.6.6.6", "192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(&trusted, "10.0.0.1", &["10.0.0.7, 10.0.0.8"]), "10.0.0.7");
        assert_eq!(client(&trusted, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(&trusted, "::ffff:10.0.0.1", &["192.0.2.1:1234"]), "192.0.2.1");
    }

    #[test]
    fn a_hop_that_is_no_address_breaks_the_chain() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client(&trusted, "10.0.0.1", &["192.0.2.1, unknown"]), "10.0.0.1");
        assert_eq!(client(&trusted, "10.0.0.1", &["192.0.2.1, x, 10.0.0.9"]), "10.0.0.9");
    }

    #[test]
    fn a_client_is_told_where_the_chain_ends_with_nobodys_proxy() {
        let told = |peer: &str, forwarded: &[&str]| read(&["10.0.0.0/8"], peer, forwarded).is_told();
        assert!(told("192.0.2.1", &[]) && told("192.0.2.1", &["10.0.0.1"]));
        assert!(told("10.0.0.1", &["192.0.2.1"]) && told("10.0.0.1", &["x, 192.0.2.1, 10.0.0.9"]));
        for forwarded in ["10.0.0.5", "garbage, 10.0.0.5", "unknown, ::ffff:10.0.0.5", "192.0.2.1, x", ""] {
            assert!(!told("10.0.0.1", &[forwarded]), "{forwarded}");
        }
        assert!(!told("10.0.0.1", &[]));
    }
}
