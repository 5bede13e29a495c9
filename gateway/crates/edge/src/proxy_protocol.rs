//! The PROXY protocol (HAProxy, versions 1 and 2): a balancer says before the first byte of the
//! client's who that is. Only on listeners that ask for it, and only from networks that they name:
//! there it must come, since otherwise a client of the balancer could be taken for the balancer.

#[cfg(test)]
mod fuzz;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use bytes::BytesMut;
use ipnet::IpNet;
use pingora::protocols::l4::socket::SocketAddr as Address;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::{GetSocketDigest as _, SocketDigest};
use ppp::{HeaderResult, PartialResult as _, v1, v2};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

/// How long the header may take.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// Largest header: the addresses, and what a balancer may say beside them (version 2, TLVs).
const HEADER_BYTES_MAX: usize = 4 * 1_024;
/// The longest line of version 1, by the protocol's own account.
const LINE_BYTES_MAX: usize = 107;

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// The peer is none of the balancers that were named.
    Stranger,
    /// No header, or none that can be read, in time.
    Unreadable,
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
enum Spoken {
    /// Whom the balancer speaks for, and the length of the header.
    For(SocketAddr, usize),
    /// The balancer speaks for itself, as for its health checks.
    Itself(usize),
    /// For somebody whom it does not name.
    ForNobody(usize),
    More,
    Nonsense,
}

/// Reads the header, and makes the client's address the peer's; answers whether the peer's address is
/// now that of whoever speaks.
pub(super) async fn accept(stream: &mut Stream, from: &[IpNet]) -> Result<bool, Unproven> {
    let peer = stream.get_socket_digest().and_then(|digest| digest.peer_addr()?.as_inet().copied());
    let peer = peer.ok_or(Unproven::Stranger)?.ip().to_canonical();
    if !names(from, peer) {
        return Err(Unproven::Stranger);
    }
    let spoken = timeout(HEADER_TIME_MAX, read(stream)).await;
    let (client, is_named) = spoken.unwrap_or(Err(Unproven::Unreadable))?;
    if let Some(client) = client {
        let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
        // It is new, so nothing is set yet.
        digest.peer_addr.set(Some(Address::Inet(client))).ok();
        stream.set_socket_digest(digest);
    }
    Ok(is_named)
}

pub(super) fn names(networks: &[IpNet], peer: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&peer))
}

async fn read(stream: &mut Stream) -> Result<(Option<SocketAddr>, bool), Unproven> {
    let mut seen = BytesMut::with_capacity(256);
    loop {
        match stream.read_buf(&mut seen).await {
            Ok(read) if read > 0 => {}
            _ => return Err(Unproven::Unreadable),
        }
        let (client, is_named, length) = match parse(&seen) {
            Spoken::For(client, length) => (Some(client), true, length),
            Spoken::Itself(length) => (None, true, length),
            Spoken::ForNobody(length) => (None, false, length),
            Spoken::More if seen.len() < HEADER_BYTES_MAX => continue,
            Spoken::More | Spoken::Nonsense => return Err(Unproven::Unreadable),
        };
        stream.rewind(seen.get(length..).ok_or(Unproven::Unreadable)?);
        return Ok((client, is_named));
    }
}

/// How a header begins, in either version.
const BEGINNINGS: [&[u8]; 2] = [b"PROXY ", v2::PROTOCOL_PREFIX];

fn parse(bytes: &[u8]) -> Spoken {
    // The parser waits for more of what ends like a beginning, and does not begin like one.
    let begins = |known: &&[u8]| known.iter().zip(bytes).all(|(known, byte)| known == byte);
    if !BEGINNINGS.iter().any(begins) {
        return Spoken::Nonsense;
    }
    let is_line = bytes.starts_with(b"PROXY");
    let has_ended = bytes.windows(2).any(|end| end == b"\r\n");
    // The parser calls some beginnings of a good line errors.
    if is_line && !has_ended && bytes.len() < LINE_BYTES_MAX {
        return Spoken::More;
    }
    let result = HeaderResult::parse(bytes);
    if result.is_incomplete() {
        // A line that has ended will not become one by reading on.
        return if is_line && has_ended { Spoken::Nonsense } else { Spoken::More };
    }
    match result {
        HeaderResult::V1(Ok(header)) => {
            let length = header.header.len();
            match header.addresses {
                v1::Addresses::Tcp4(of) => Spoken::For((of.source_address, of.source_port).into(), length),
                v1::Addresses::Tcp6(of) => Spoken::For((of.source_address, of.source_port).into(), length),
                v1::Addresses::Unknown => Spoken::ForNobody(length),
            }
        }
        HeaderResult::V2(Ok(header)) => {
            let length = header.len();
            match (header.command, header.addresses) {
                (v2::Command::Local, _) => Spoken::Itself(length),
                (_, v2::Addresses::IPv4(of)) => {
                    Spoken::For((of.source_address, of.source_port).into(), length)
                }
                (_, v2::Addresses::IPv6(of)) => {
                    Spoken::For((of.source_address, of.source_port).into(), length)
                }
                // A proxied connection of no address could not be limited by one.
                (_, v2::Addresses::Unix(_) | v2::Addresses::Unspecified) => Spoken::Nonsense,
            }
        }
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Spoken::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        header.extend([0x20 | command, family, 0, u8::try_from(rest.len()).unwrap()]);
        header.extend(rest);
        header
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let line = b"PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\r\n";
        for end in 0..line.len() {
            assert_eq!(parse(&line[..end]), Spoken::More, "{end}");
        }
        assert_eq!(parse(&[b"PROXY TCP4 ".as_slice(), &[b'9'; 100]].concat()), Spoken::Nonsense);
    }

    #[test]
    fn both_versions_say_for_whom_the_balancer_speaks() {
        let client = "192.0.2.7:4711".parse().unwrap();
        let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
        assert_eq!(parse(line), Spoken::For(client, line.len()));
        let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
        let header = version2(1, 0x11, &addresses);
        assert_eq!(parse(&header), Spoken::For(client, header.len()));
        let six = b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n";
        assert_eq!(parse(six), Spoken::For("[2001:db8::7]:4711".parse().unwrap(), six.len()));
    }

    #[test]
    fn a_balancer_may_speak_for_itself() {
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), Spoken::ForNobody(15));
        assert_eq!(parse(&version2(0, 0, &[])), Spoken::Itself(16));
    }

    #[test]
    fn what_is_no_header_is_told_from_the_beginning_of_one() {
        assert_eq!(parse(b"PROXY TCP4 192.0.2.7 10.0"), Spoken::More);
        assert_eq!(parse(&version2(1, 0x11, &[0; 12])[..20]), Spoken::More);
        for wrong in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 99999\r\n",
            b"PROXY TCP4 999.0.2.7 10.0.0.1 4711 443\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
            b"PROXY TCP4\r\n",
            b"PROXYTCP4",
            b"P ROXY TCP",
        ] {
            assert_eq!(parse(wrong), Spoken::Nonsense, "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(parse(&version2(1, 0, &[])), Spoken::Nonsense, "proxied, of no address");
    }
}
