//! Any bytes as `X-Forwarded-For`: whoever is connected chooses no other address than a proxy saw.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{ClientAddress, NOBODY, TrustedProxies};
use gateway_fuzz::{Corpus, Held};
use gateway_pipeline::X_FORWARDED_FOR;

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "fd00::/8", "192.0.2.10/32"];
const PEERS: [&str; 4] = ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1", "198.51.100.1"];

fn read(peer: IpAddr, fields: &[HeaderValue]) -> ClientAddress {
    let networks = TRUSTED.map(|network| network.parse().unwrap());
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(&X_FORWARDED_FOR, field.clone());
    }
    TrustedProxies::new(networks.into(), Vec::new()).client(peer, false, (&headers).into())
}

fn trusts(address: IpAddr) -> bool {
    TRUSTED.iter().any(|network| network.parse::<ipnet::IpNet>().unwrap().contains(&address))
}

/// The addresses from the right up to what is none, all of them as if one line had been sent (RFC 9110 §5.3).
fn addresses(fields: &[HeaderValue]) -> Vec<IpAddr> {
    let lines: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field.as_bytes())).collect();
    let hops = lines.join(",");
    let address = |hop: &str| {
        let hop = hop.trim_matches([' ', '\t']);
        let (host, port) = hop.rsplit_once(':').unwrap_or((hop, "0"));
        let has_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        let within = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let with_port = match within {
            Some(six) => six.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::from),
            None => host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::from),
        };
        let address = hop.parse().ok().or(with_port.filter(|_| has_port && hop.contains(':')));
        address.map(|address: IpAddr| address.to_canonical())
    };
    hops.rsplit(',').map_while(address).collect()
}

fn law(bytes: &[u8]) -> Held {
    let fields: Result<Vec<_>, _> = bytes.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes).collect();
    let Ok(fields) = fields else { return Ok(false) };
    // Text beyond ASCII breaks the chain as a whole line, and not by the hop alone.
    if fields.iter().any(|field| field.to_str().is_err()) {
        return Ok(false);
    }
    let mut is_named = false;
    for peer in PEERS.map(|peer| peer.parse::<IpAddr>().unwrap()) {
        let (read_once, own) = (read(peer, &fields), peer.to_canonical());
        prop_assert_eq!((read_once.peer, read_once.peer_is_trusted), (own, trusts(own)));
        if !trusts(own) {
            prop_assert_eq!((read_once.client, read_once.chain), (own, None));
            continue;
        }
        let said = addresses(&fields);
        let proxies = said.iter().take_while(|address| trusts(**address)).count();
        let vouched = said.get(..=proxies).unwrap_or(&said);
        let client = vouched.last().copied().unwrap_or(own);
        prop_assert_eq!(read_once.client, client);
        prop_assert_eq!(read_once.is_told(), !trusts(client) && client != NOBODY);
        let chain: Vec<_> = vouched.iter().rev().map(IpAddr::to_string).collect();
        prop_assert_eq!(read_once.chain.as_deref().unwrap_or_default(), chain.join(", "));

        // What goes on says the same to the next one, and what a client writes before it says nothing.
        let on: Vec<_> = read_once.chain.iter().map(|chain| HeaderValue::try_from(chain).unwrap()).collect();
        prop_assert_eq!(read(peer, &on).client, client);
        if read_once.is_told() {
            let mut more = vec![HeaderValue::from_static("203.0.113.6, 10.0.0.6")];
            more.extend(fields.iter().cloned());
            prop_assert_eq!(read(peer, &more).client, client, "a client chose its address");
            is_named = true;
        }
    }
    Ok(is_named)
}

#[test]
fn a_client_is_whom_the_last_trusted_proxy_saw_whatever_is_sent() {
    Corpus::new("forwarded").hold(law);
}
