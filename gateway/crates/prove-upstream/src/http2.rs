//! HTTP/2 frame by frame (RFC 9113): a library would refuse to send what has to be tried. Header
//! blocks are literals without a table (RFC 7541 §6.2.2), and of an answer's only the status is read.

use super::endpoint::{Connection, Endpoint};
use super::http1::Outcome;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// Largest frame, unless the other side allows more (RFC 9113 §4.2).
const FRAME_BYTES_MAX: usize = 16_384;
/// What a stream may carry before anybody says more (RFC 9113 §6.9.2); more is not read.
const ANSWER_BYTES_MAX: usize = 65_535;

/// Names and values as they are to be sent, pseudo-headers included.
pub(super) type Fields = Vec<(String, String)>;

/// `None` where HTTP/2 is not offered.
pub(super) fn ask(endpoint: &Endpoint, fields: &Fields, trailers: Option<&Fields>) -> Option<Outcome> {
    let mut connection = match endpoint.connect(b"h2") {
        Ok(connection) => connection,
        // The same door answered before: it refuses the protocol.
        Err(_) if endpoint.is_tls => return None,
        Err(why) => return Some(Outcome::Silent(why)),
    };
    if !connection.chose(b"h2") {
        return None;
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    push(&mut bytes, SETTINGS, 0, 0, &[]);
    let last = if trailers.is_none() { END_STREAM } else { 0 };
    push(&mut bytes, HEADERS, END_HEADERS | last, 1, &block(fields));
    if let Some(trailers) = trailers {
        push(&mut bytes, HEADERS, END_HEADERS | END_STREAM, 1, &block(trailers));
    }
    connection.send(&bytes).ok();
    read(&mut connection)
}

fn push(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

fn block(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// RFC 7541 §5.1, with a prefix of seven bits and no Huffman code.
fn length(block: &mut Vec<u8>, mut length: usize) {
    let low = |length: usize| u8::try_from(length & 127).unwrap_or(127);
    if length < 127 {
        block.push(low(length));
        return;
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push(low(length) | 128);
        length >>= 7;
    }
    block.push(low(length));
}

fn read(connection: &mut Connection) -> Option<Outcome> {
    let (mut seen, mut chunk) = (Vec::new(), [0; 16_384]);
    let (mut spoke, mut status, mut body) = (false, None, Vec::new());
    let answered = |status: Option<u16>, body: Vec<u8>| match status {
        Some(status) => Outcome::Answered { status, body },
        None => Outcome::Closed,
    };
    loop {
        while let Some((kind, flags, stream, payload)) = frame(&seen) {
            let (payload, whole) = (payload.to_vec(), 9 + payload.len());
            // The first frame of a server is its settings (RFC 9113 §3.4).
            if !spoke && kind != SETTINGS {
                return None;
            }
            spoke = true;
            seen.drain(..whole);
            match (kind, stream) {
                (SETTINGS, 0) if flags & ACK == 0 => answer(connection, SETTINGS, &[]),
                (PING, 0) if flags & ACK == 0 => answer(connection, PING, &payload),
                (HEADERS, 1) => {
                    let found = status_of(content(flags, &payload));
                    // An interim answer comes before the real one, and has no digits of interest.
                    status = status.filter(|status| *status >= 200).or(found);
                }
                (DATA, 1) => body.extend_from_slice(content(flags & PADDED, &payload)),
                (RST_STREAM, 1) | (GOAWAY, 0) => return Some(answered(status, body)),
                _ => {}
            }
            let over = matches!(kind, HEADERS | DATA) && stream == 1 && flags & END_STREAM != 0;
            if over || body.len() >= ANSWER_BYTES_MAX {
                return Some(answered(status, body));
            }
        }
        match connection.receive(&mut chunk) {
            // What cannot be a frame of HTTP/2 is an answer in another protocol.
            Ok(_) if !spoke && seen.len() > FRAME_BYTES_MAX => return None,
            Ok(0) if !spoke => return None,
            Ok(0) => return Some(answered(status, body)),
            Ok(read) => seen.extend_from_slice(&chunk[..read]),
            Err(fault) if fault.kind() == std::io::ErrorKind::ConnectionReset => {
                return spoke.then(|| answered(status, body));
            }
            Err(_) if !spoke => return None,
            Err(fault) => return Some(Outcome::Silent(format!("no whole answer: {fault}"))),
        }
        if !spoke && seen.starts_with(b"HTTP/") {
            return None;
        }
    }
}

fn answer(connection: &mut Connection, kind: u8, payload: &[u8]) {
    let mut bytes = Vec::new();
    push(&mut bytes, kind, ACK, 0, payload);
    // The other side may be done with us already.
    connection.send(&bytes).ok();
}

/// Kind, flags, stream and payload of the first whole frame.
fn frame(seen: &[u8]) -> Option<(u8, u8, u32, &[u8])> {
    let [a, b, c, kind, flags, stream @ ..] = seen.get(..9)? else { return None };
    let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    let stream = u32::from_be_bytes(stream.try_into().ok()?) & 0x7fff_ffff;
    Some((*kind, *flags, stream, seen.get(9..9 + length)?))
}

/// A payload without its padding and priority (RFC 9113 §6.1, §6.2).
fn content(flags: u8, payload: &[u8]) -> &[u8] {
    let (mut payload, mut padding) = (payload, 0);
    if flags & PADDED != 0
        && let Some((length, rest)) = payload.split_first()
    {
        (payload, padding) = (rest, usize::from(*length));
    }
    if flags & PRIORITY != 0 {
        payload = payload.get(5..).unwrap_or_default();
    }
    payload.get(..payload.len().saturating_sub(padding)).unwrap_or_default()
}

/// `:status`, which comes first: from the static table (RFC 7541, appendix A), or three digits.
fn status_of(mut block: &[u8]) -> Option<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of the table's size stand before it.
    while block.first().is_some_and(|first| first & 0xe0 == 0x20) {
        let long = block.first().is_some_and(|first| first & 0x1f == 0x1f);
        block = block.get(1..)?;
        while long && block.first()? & 0x80 != 0 {
            block = block.get(1..)?;
        }
        block = if long { block.get(1..)? } else { block };
    }
    let (first, rest) = block.split_first()?;
    match first {
        0x88..=0x8e => INDEXED.get(usize::from(first - 0x88)).copied(),
        0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e => {
            let (length, digits) = rest.split_first()?;
            let digits = digits.get(..usize::from(length & 127))?;
            let text = if length & 128 == 0 { digits.to_vec() } else { huffman_digits(digits)? };
            std::str::from_utf8(&text).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// Three digits in Huffman's code (RFC 7541, appendix B): 0, 1 and 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> Option<Vec<u8>> {
    let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = u32::try_from(bytes.len()).ok().filter(|length| *length <= 3)? * 8;
    let mut digits = Vec::new();
    while digits.len() < 3 {
        let five = bits >> left.checked_sub(5)? & 31;
        let digit = if five <= 2 {
            left -= 5;
            five
        } else {
            left = left.checked_sub(6)?;
            (bits >> left & 63).checked_sub(0x19)? + 3
        };
        digits.push(b'0' + u8::try_from(digit).ok().filter(|digit| *digit <= 9)?);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_in_each_form_that_servers_send() {
        assert_eq!(status_of(&[0x88, 1, 2]), Some(200));
        assert_eq!(status_of(&[0x8c]), Some(400));
        assert_eq!(status_of(&[0x20, 0x8d]), Some(404));
        assert_eq!(status_of(&[0x3f, 0xe1, 0x1f, 0x88]), Some(200));
        assert_eq!(status_of(b"\x48\x03401"), Some(401));
        assert_eq!(status_of(b"\x08\x03403"), Some(403));
        // In Huffman's code: 302 (RFC 7541, C.6.1), 429, 503.
        assert_eq!(status_of(&[0x48, 0x82, 0x64, 0x02]), Some(302));
        assert_eq!(status_of(&[0x48, 0x83, 0x68, 0x4f, 0xff]), Some(429));
        assert_eq!(status_of(&[0x48, 0x83, 0x6c, 0x0c, 0xff]), Some(503));
        for broken in [&[][..], &[0x48], &[0x48, 0x83, 0xff], &[0x48, 0xff, 0xff], &[0x20], &[0x3f, 0xff]] {
            assert_eq!(status_of(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn lengths_and_frames_are_those_of_the_rfcs() {
        let mut block = Vec::new();
        length(&mut block, 1337 + 127 - 31);
        assert_eq!(block[0], 127);
        let field = block_of("a", "b");
        assert_eq!(field, [0, 1, b'a', 1, b'b']);
        let mut bytes = Vec::new();
        push(&mut bytes, HEADERS, END_HEADERS, 1, &field);
        assert_eq!(frame(&bytes), Some((HEADERS, END_HEADERS, 1, field.as_slice())));
        assert_eq!(frame(&bytes[..8]), None);
        assert_eq!(content(PADDED, &[2, 9, 0, 0]), [9]);
        assert_eq!(content(PADDED, &[200, 9]), [0; 0]);
        assert_eq!(content(PRIORITY, &[0; 3]), [0; 0]);
    }

    fn block_of(name: &str, value: &str) -> Vec<u8> {
        block(&vec![(name.to_owned(), value.to_owned())])
    }
}
