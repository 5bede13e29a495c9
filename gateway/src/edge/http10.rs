//! Clients of HTTP/1.0: what they are not told, since they do not know it, and whom they ask for where they
//! do not say it.

use bytes::BytesMut;
use http::Version;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::downstream;
use crate::framing::{Chunked, Malformed, head_end};
use crate::pipeline::{Target, Upstream};

/// What a field of an answer begins with that says how it is coded.
const CODED: &[u8] = b"transfer-encoding:";

/// A request begins. Its client gets no interim answers (RFC 9110 §15.2), and no chunks (RFC 9112 §6.1).
pub(super) fn begin(session: &mut Session) {
    if session.req_header().version == Version::HTTP_10 {
        session.set_ignore_info_resp(true);
        if let Some(downstream) = downstream::of(session) {
            downstream.write_without_chunks();
        }
    }
}

/// An answer that does not say how long it is ends with the connection, and says so.
pub(super) fn answers(session: &mut Session, response: &ResponseHeader, has_no_content: bool) {
    let is_measured = has_no_content || response.headers.contains_key(CONTENT_LENGTH);
    if !is_measured && session.req_header().version == Version::HTTP_10 {
        session.set_keepalive(None);
    }
}

/// A service is spoken to by HTTP/1.1 or 2, which want a host (RFC 9112 §3.2). Where the client names
/// none, it is the service's own address, as nginx has it.
pub(super) fn name_host(upstream: &Upstream, request: &mut RequestHeader) -> pingora::Result<()> {
    if request.headers.contains_key(HOST) || request.uri.authority().is_some() {
        return Ok(());
    }
    let host = match upstream.servers.first().map(|server| &server.target) {
        Some(target @ (Target::Tcp(_) | Target::Name { .. })) => HeaderValue::try_from(target.to_string()),
        Some(Target::Unix(_)) | None => Ok(HeaderValue::from_static("localhost")),
    };
    // An address and the name of a server are a value.
    host.map_or(Ok(()), |host| request.insert_header(HOST, host))
}

/// An answer as it goes out. Pingora codes what has no length, whichever version its client speaks, and in
/// one of its ways behind all callbacks.
#[derive(Debug, Default)]
pub(super) enum Unchunked {
    #[default]
    Head,
    Content,
    Chunks(Chunked),
}

impl Unchunked {
    /// Takes what Pingora writes, whose heads come in one piece, and adds to `out` what goes out of it.
    ///
    /// # Errors
    ///
    /// Where they are no chunks.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
        let mut content = bytes;
        if matches!(self, Self::Head) {
            let (head, rest) = bytes.split_at(head_end(bytes, 0).unwrap_or(bytes.len()));
            *self = Self::Content;
            for line in head.split_inclusive(|byte| *byte == b'\n') {
                if line.get(..CODED.len()).is_some_and(|start| start.eq_ignore_ascii_case(CODED)) {
                    *self = Self::Chunks(Chunked::new());
                } else {
                    out.extend_from_slice(line);
                }
            }
            content = rest;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&str]) -> String {
        let (mut answer, mut out) = (Unchunked::default(), BytesMut::new());
        pieces.iter().for_each(|piece| answer.write(piece.as_bytes(), &mut out).unwrap());
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn chunks_go_out_as_what_is_in_them() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
        for pieces in [&[head, "5\r\nhello\r\n0\r\n\r\n"][..], &[head, "5\r\nhe", "llo", "\r\n0\r\n", "\r\n"]]
        {
            assert_eq!(written(pieces), "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", "{pieces:?}");
        }
    }

    #[test]
    fn an_answer_of_a_known_length_stays_as_it_is() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(written(&[head, "5\r\nhe"]), format!("{head}5\r\nhe"));
    }
}
