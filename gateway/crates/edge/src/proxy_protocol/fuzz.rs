//! Any bytes as a PROXY header: what is read is what the protocol says, however the bytes came.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::{LINE_BYTES_MAX, Spoken, parse};
use gateway_fuzz::{Corpus, Held};

/// Version 1 by its own account (§2.1); a line that is none, and one of nobody, is nothing.
fn line(bytes: &[u8]) -> Option<Spoken> {
    let end = bytes.windows(2).position(|two| two == b"\r\n").filter(|end| end + 2 <= LINE_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let ["PROXY", family, source, destination, port, other_port] = text.split(' ').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let address = |text: &str| match family {
        "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => None,
    };
    let number = |text: &str| {
        let plain = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| plain)
    };
    let client = SocketAddr::new(address(source)?, number(port)?);
    address(destination).zip(number(other_port)).map(|_| Spoken::For(client, end + 2))
}

/// Version 2 (§2.2) of addresses that a connection over TCP can have.
fn binary(bytes: &[u8]) -> Option<Spoken> {
    let rest = bytes.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")?;
    let [version, family, high, low, payload @ ..] = rest else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let payload = payload.get(..length)?;
    let port = |at: usize| Some(u16::from_be_bytes([*payload.get(at)?, *payload.get(at + 1)?]));
    let (source, ports): (IpAddr, usize) = match family {
        0x10..=0x12 => (<[u8; 4]>::try_from(payload.get(..4)?).ok()?.into(), 8),
        0x20..=0x22 => (<[u8; 16]>::try_from(payload.get(..16)?).ok()?.into(), 32),
        _ => return None,
    };
    // Both ports are there.
    port(ports + 2)?;
    (*version == 0x21).then_some(Spoken::For(SocketAddr::new(source, port(ports)?), 16 + length))
}

fn law(bytes: &[u8]) -> Held {
    let spoken = parse(bytes);
    let named = line(bytes).or_else(|| binary(bytes));
    match &spoken {
        Spoken::For(..) => prop_assert_eq!(Some(&spoken), named.as_ref()),
        Spoken::Itself(length) => prop_assert_eq!(bytes.get(12), Some(&0x20), "{} bytes", length),
        Spoken::ForNobody(_) => prop_assert!(bytes.starts_with(b"PROXY UNKNOWN")),
        Spoken::More | Spoken::Nonsense => prop_assert!(named.is_none(), "{:?} is {:?}", named, spoken),
    }
    // Once there is an answer, what comes behind it changes nothing.
    let mut answer = Spoken::More;
    for end in 0..=bytes.len().min(600) {
        let next = parse(&bytes[..end]);
        match answer {
            Spoken::More => answer = next,
            _ => prop_assert_eq!(&next, &answer, "behind {} bytes", end),
        }
    }
    if bytes.len() <= 600 {
        prop_assert_eq!(&spoken, &answer);
    }
    if let Spoken::For(_, length) | Spoken::Itself(length) | Spoken::ForNobody(length) = spoken {
        prop_assert!(length <= bytes.len());
        prop_assert_eq!(parse(&bytes[..length]), spoken);
        prop_assert_eq!(parse(&bytes[..length - 1]), Spoken::More);
        return Ok(true);
    }
    Ok(false)
}

#[test]
fn a_proxy_header_says_what_the_protocol_says_however_it_came() {
    Corpus::new("proxy_header").hold(law);
}
