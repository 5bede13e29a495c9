//! An answer of HTTP/1.1 on its way out: what Pingora writes behind all callbacks, and what some of it is not
//! to be.

use bytes::BytesMut;

use gateway_framing::{Chunked, Malformed, head_end};

/// As HTTP/1.0 knows it (RFC 9112 §6.1). Pingora codes what has no length, whoever its client is.
pub(super) const WITHOUT_CHUNKS: u8 = 1;
/// `Connection` names what is to be upgraded to (RFC 9110 §7.8). Pingora says there one word of its own.
pub(super) const NAMING_UPGRADE: u8 = 2;

/// How far an answer has come that does not go out as it was written.
#[derive(Debug, Default)]
pub(super) enum Outgoing {
    #[default]
    Head,
    Content,
    Chunks(Chunked),
}

impl Outgoing {
    /// Takes what Pingora writes, whose heads come in one piece, and adds to `out` what goes out of it.
    /// Interim answers go out as they are.
    /// `how` has the bits of what is to be changed.
    ///
    /// # Errors
    ///
    /// Where they are no chunks.
    pub(super) fn write(&mut self, how: u8, bytes: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
        let mut content = bytes;
        while matches!(self, Self::Head) && !content.is_empty() {
            let (head, rest) = content.split_at(head_end(content, 0).unwrap_or(content.len()));
            content = rest;
            if is_interim(head) {
                out.extend_from_slice(head);
                continue;
            }
            *self = Self::Content;
            for line in head.split_inclusive(|byte| *byte == b'\n') {
                if how & WITHOUT_CHUNKS != 0 && is_field(line, b"transfer-encoding:") {
                    *self = Self::Chunks(Chunked::new());
                } else if how & NAMING_UPGRADE != 0 && is_field(line, b"connection:") {
                    out.extend_from_slice(line.trim_ascii_end());
                    out.extend_from_slice(b", Upgrade\r\n");
                } else {
                    out.extend_from_slice(line);
                }
            }
        }
        match self {
            Self::Chunks(chunks) => chunks.read(content, |piece| out.extend_from_slice(piece)).map(drop),
            _ => {
                out.extend_from_slice(content);
                Ok(())
            }
        }
    }
}

/// Whether another head follows this one. Behind 101 comes another protocol.
fn is_interim(head: &[u8]) -> bool {
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..5));
    status.is_some_and(|status| status.starts_with(b" 1") && status != b" 101")
}

/// Whether a line begins like this, which is in lower case.
fn is_field(line: &[u8], beginning: &[u8]) -> bool {
    line.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(how: u8, pieces: &[&str]) -> String {
        let (mut answer, mut out) = (Outgoing::default(), BytesMut::new());
        pieces.iter().for_each(|piece| answer.write(how, piece.as_bytes(), &mut out).unwrap());
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn chunks_go_out_as_what_is_in_them() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
        for pieces in [&[head, "5\r\nhello\r\n0\r\n\r\n"][..], &[head, "5\r\nhe", "llo", "\r\n0\r\n", "\r\n"]]
        {
            let plain = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
            assert_eq!(written(WITHOUT_CHUNKS, pieces), plain, "{pieces:?}");
            assert_eq!(written(NAMING_UPGRADE, pieces), pieces.concat());
        }
    }

    #[test]
    fn an_answer_of_a_known_length_stays_as_it_is() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(written(WITHOUT_CHUNKS, &[head, "5\r\nhe"]), format!("{head}5\r\nhe"));
    }

    #[test]
    fn an_upgrade_is_named_beside_what_is_said_of_the_connection() {
        let head = "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n";
        let named = head.replace("close", "close, Upgrade");
        assert_eq!(
            written(NAMING_UPGRADE, &[head, "Connection: x\r\n"]),
            named.clone() + "Connection: x\r\n"
        );
        let hints = "HTTP/1.1 103 Early Hints\r\nConnection: x\r\n\r\n";
        assert_eq!(written(NAMING_UPGRADE, &[hints, head]), format!("{hints}{named}"));
        assert_eq!(
            written(NAMING_UPGRADE, &[&format!("{hints}{hints}{head}x")]),
            format!("{hints}{hints}{named}x")
        );
        let other = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(
            written(WITHOUT_CHUNKS, &[other, "Transfer-Encoding: x\r\n"]),
            format!("{other}Transfer-Encoding: x\r\n")
        );
    }
}
