//! Heads and chunks as they go out.

use bytes::{BufMut as _, BytesMut};
use http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE,
    HOST, SERVER, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

/// Ends content in chunks, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The line of a size, and the end of a chunk.
const CHUNK_FRAME_BYTES: usize = usize::BITS as usize / 4 + 4;

/// A request in origin form.
pub fn write_request(method: &Method, target: &str, headers: &HeaderMap, out: &mut BytesMut) {
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    write_fields(headers, out);
}

/// `phrase` stands in place of the usual one. It must have no control characters.
pub fn write_answer(status: StatusCode, phrase: Option<&[u8]>, headers: &HeaderMap, out: &mut BytesMut) {
    let usual = status.canonical_reason().unwrap_or("").as_bytes();
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(phrase.unwrap_or(usual));
    out.put_slice(b"\r\n");
    write_fields(headers, out);
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

fn write_fields(headers: &HeaderMap, out: &mut BytesMut) {
    for (name, value) in headers {
        let name = titled(name).unwrap_or(name.as_str()).as_bytes();
        out.reserve(name.len() + value.len() + 4);
        out.put_slice(name);
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
}

/// How Pingora writes names: of no meaning (RFC 9110 §5.1), but who looks at bytes sees no difference
/// between the two ways.
fn titled(name: &HeaderName) -> Option<&'static str> {
    Some(match *name {
        ACCEPT_RANGES => "Accept-Ranges",
        AGE => "Age",
        CACHE_CONTROL => "Cache-Control",
        CONNECTION => "Connection",
        CONTENT_TYPE => "Content-Type",
        CONTENT_ENCODING => "Content-Encoding",
        CONTENT_LENGTH => "Content-Length",
        DATE => "Date",
        TRANSFER_ENCODING => "Transfer-Encoding",
        HOST => "Host",
        SERVER => "Server",
        SET_COOKIE => "Set-Cookie",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::framing::Chunked;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_head_goes_out_as_its_line_and_its_fields() {
        let mut out = BytesMut::new();
        write_request(&Method::PUT, "/a?b", &headers(&[("host", "a"), ("x-b", "c")]), &mut out);
        assert_eq!(out, "PUT /a?b HTTP/1.1\r\nHost: a\r\nx-b: c\r\n\r\n");
        out.clear();
        write_answer(StatusCode::NOT_FOUND, None, &headers(&[("content-length", "0")]), &mut out);
        assert_eq!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        out.clear();
        write_answer(StatusCode::from_u16(299).unwrap(), Some(b"Fine"), &HeaderMap::new(), &mut out);
        assert_eq!(out, "HTTP/1.1 299 Fine\r\n\r\n");
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
