//! Heads and chunks as they go out.

use bytes::{BufMut as _, BytesMut};
use http::{Method, StatusCode};

/// Ends content in chunks, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Room for most heads, with a short content.
const HEAD_BYTES_USUAL: usize = 1_024;
/// The line of a size, and the end of a chunk.
const CHUNK_FRAME_BYTES: usize = usize::BITS as usize / 4 + 4;

/// The first line of a request in origin form, with room for what follows.
pub fn request_line(method: &Method, target: &str) -> BytesMut {
    let mut out = BytesMut::with_capacity(HEAD_BYTES_USUAL);
    out.put_slice(method.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    out
}

/// The first line of an answer, with room for what follows. `phrase` stands in place of the usual one. It must
/// have no control characters.
pub fn status_line(status: StatusCode, phrase: Option<&[u8]>) -> BytesMut {
    let mut out = BytesMut::with_capacity(HEAD_BYTES_USUAL);
    if status == StatusCode::OK && phrase.is_none() {
        out.put_slice(b"HTTP/1.1 200 OK\r\n");
        return out;
    }
    let usual = status.canonical_reason().unwrap_or("").as_bytes();
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(phrase.unwrap_or(usual));
    out.put_slice(b"\r\n");
    out
}

/// A field with its line end. Neither the name nor the value may have one.
pub fn write_field(name: &str, value: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(titled(name).as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// A chunk of these pieces, if there is anything in them: one of nothing would be the end.
pub fn write_chunk(content: &[u8], out: &mut BytesMut) {
    if content.is_empty() {
        return;
    }
    out.reserve(content.len() + CHUNK_FRAME_BYTES);
    // All the digits that there can be, from the first one that says something.
    let digits = (usize::BITS - content.len().leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        let digit = (content.len() >> (place * 4)) & 0xf;
        out.put_u8(char::from_digit(digit as u32, 16).map_or(b'0', |digit| digit as u8));
    }
    out.put_slice(b"\r\n");
    out.put_slice(content);
    out.put_slice(b"\r\n");
}

/// How Pingora writes names: of no meaning (RFC 9110 §5.1), but who looks at names sees no difference between
/// the two ways.
fn titled(name: &str) -> &str {
    // By length first: most names have another one than any of these.
    match (name.len(), name) {
        (3, "age") => "Age",
        (4, "date") => "Date",
        (4, "host") => "Host",
        (6, "server") => "Server",
        (10, "connection") => "Connection",
        (10, "set-cookie") => "Set-Cookie",
        (12, "content-type") => "Content-Type",
        (13, "accept-ranges") => "Accept-Ranges",
        (13, "cache-control") => "Cache-Control",
        (14, "content-length") => "Content-Length",
        (16, "content-encoding") => "Content-Encoding",
        (17, "transfer-encoding") => "Transfer-Encoding",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_framing::Chunked;

    #[test]
    fn a_head_goes_out_as_its_line_and_its_fields() {
        let mut out = request_line(&Method::PUT, "/a?b");
        write_field("host", b"a", &mut out);
        write_field("x-b", b"c", &mut out);
        assert_eq!(out, "PUT /a?b HTTP/1.1\r\nHost: a\r\nx-b: c\r\n");
        let mut out = status_line(StatusCode::NOT_FOUND, None);
        write_field("content-length", b"0", &mut out);
        assert_eq!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n");
        assert_eq!(status_line(StatusCode::OK, None), "HTTP/1.1 200 OK\r\n");
        let odd = StatusCode::from_u16(299).unwrap();
        assert_eq!(status_line(odd, Some(b"Fine")), "HTTP/1.1 299 Fine\r\n");
    }

    #[test]
    fn names_are_written_as_pingora_writes_them() {
        for name in ["Age", "Set-Cookie", "Content-Encoding", "x-age", "accept", "sec-fetch", ""] {
            assert_eq!(titled(&name.to_ascii_lowercase()), name);
        }
    }

    #[test]
    fn chunks_are_read_as_what_was_written() {
        for length in [0, 1, 15, 16, 255, 4_096, 65_537] {
            let (content, mut out) = (vec![b'x'; length], BytesMut::new());
            write_chunk(&content, &mut out);
            write_chunk(&[], &mut out);
            out.put_slice(LAST_CHUNK);
            let (mut chunks, mut read) = (Chunked::new(), Vec::new());
            assert_eq!(chunks.read(&out, |piece| read.extend_from_slice(piece)), Ok(out.len()));
            assert!(chunks.is_ended() && read == content, "{length}");
        }
    }
}
