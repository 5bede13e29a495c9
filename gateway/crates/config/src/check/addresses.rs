//! Addresses and networks, and addresses that are in each other's way: of two listeners, or of a
//! listener and a server to which requests would be forwarded for ever.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use ipnet::IpNet;

use super::Checker;
use gateway_edge::ListenerSettings;
use gateway_pipeline::{Target, Upstream};

impl Checker<'_> {
    pub(super) fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        // What `localhost` is elsewhere depends on files of the machine.
        let address = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address = address.as_deref().unwrap_or(text).parse().ok();
        if address.is_none() {
            let port = text.strip_prefix(':').unwrap_or(text);
            let meant = match port.parse::<u16>() {
                Ok(_) => format!(
                    "write \"127.0.0.1:{port}\" for this machine, or \"0.0.0.0:{port}\" for all that can reach it"
                ),
                Err(_) => "write for example \"127.0.0.1:8080\" or \"[::1]:8080\"".to_owned(),
            };
            self.fault(format!("{key} = \"{text}\" is no address and port; {meant}"));
        }
        address
    }

    pub(super) fn networks(&mut self, key: &str, texts: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in texts {
            let network =
                text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
            match network {
                Ok(network) if network.prefix_len() == 0 => self.fault(format!(
                    "{key}: \"{text}\" trusts everybody, so that any client could choose its address and its route; name your proxies"
                )),
                Ok(network) => networks.push(network),
                Err(_) => self.fault(format!("{key}: \"{text}\" is no network; write for example \"10.0.0.0/8\"")),
            }
        }
        networks
    }

    /// Two listeners on one port; an address that stands for all takes every other one, too.
    pub(super) fn listeners_apart(&mut self, listeners: &[ListenerSettings], operations: Option<SocketAddr>) {
        let of_clients = listeners.iter().map(|listener| (key_of(listener), listener.address));
        let all: Vec<_> =
            of_clients.chain(operations.map(|at| ("operations.listen".to_owned(), at))).collect();
        for (index, (key, address)) in all.iter().enumerate() {
            let earlier =
                all.iter().take(index).find(|(_, other)| takes(*other, *address) || takes(*address, *other));
            if let Some((other, taken)) = earlier {
                self.fault(format!(
                    "{key} = \"{address}\" is taken by {other} = \"{taken}\"; choose another port"
                ));
            }
        }
    }

    /// What the operations listener answers may be forwarded: it forwards nothing itself.
    pub(super) fn no_circle(&mut self, listeners: &[ListenerSettings], upstreams: &[Arc<Upstream>]) {
        for upstream in upstreams {
            for server in &upstream.servers {
                let Some(address) = reached(&server.target) else { continue };
                let own = listeners.iter().find(|listener| {
                    takes(listener.address, address)
                        && (listener.address.ip() == address.ip() || is_of_this_machine(address.ip()))
                });
                if let Some(listener) = own {
                    self.fault(format!(
                        "upstream `{}`: address = \"{}\" is this gateway itself ({} = \"{}\"), and requests would go round in a circle; write the address of the service",
                        upstream.name,
                        server.target,
                        key_of(listener),
                        listener.address
                    ));
                }
            }
        }
    }
}

/// The setting that has its address.
fn key_of(listener: &ListenerSettings) -> String {
    let name = &listener.name;
    if name.starts_with("listeners[") { format!("{name}.address") } else { name.clone() }
}

/// Whether a listener at `one` gets what is sent to `other`. Port 0 is another one for each.
fn takes(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, theirs) = (one.ip().to_canonical(), other.ip().to_canonical());
    let all = match ip {
        IpAddr::V4(ip) => ip.is_unspecified() && theirs.is_ipv4(),
        IpAddr::V6(ip) => ip.is_unspecified() && (theirs.is_ipv6() || takes_both()),
    };
    one.port() != 0 && one.port() == other.port() && (all || ip == theirs)
}

/// Whether `[::]` stands for the addresses of IPv4, too, as it does unless the machine says otherwise.
fn takes_both() -> bool {
    std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only").map_or(true, |only| only.trim() != "1")
}

/// Where connections to it end; names but `localhost` are looked up by nobody here.
fn reached(target: &Target) -> Option<SocketAddr> {
    let address = match target {
        Target::Tcp(address) => *address,
        Target::Name { host, port } if host == "localhost" => SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
        Target::Name { .. } | Target::Unix(_) => return None,
    };
    // A connection to the unspecified address goes to this machine.
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Some(SocketAddr::new(ip, address.port()))
}

/// Only an address of this machine can be bound; nobody is reached by this.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stands_for_all_takes_every_other_one_with_its_port() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (one, other, taken) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", false),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::]:80", "[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("0.0.0.0:0", "0.0.0.0:0", false),
        ] {
            assert_eq!(takes(at(one), at(other)), taken, "{one} {other}");
        }
        assert_eq!(takes(at("[::]:80"), at("10.0.0.1:80")), takes_both());
    }
}
