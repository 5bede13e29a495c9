//! Heads and chunks as they go out.

use bytes::{BufMut as _, BytesMut};
use http::{HeaderName, HeaderValue, Method, StatusCode};

/// Ends content in chunks, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

const LINE_END: &[u8] = b"\r\n";
/// What stands around the name and the value of a field.
const FIELD_FRAME_BYTES: usize = 4;
/// The line of a size, and the end of a chunk.
const CHUNK_FRAME_BYTES: usize = usize::BITS as usize / 4 + 4;

/// A request in origin form.
pub fn write_request<'a>(method: &Method, target: &str, fields: impl AllFields<'a>, out: &mut BytesMut) {
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    write_fields(fields, out);
}

/// `phrase` stands in place of the usual one. It must have no control characters.
pub fn write_answer<'a>(
    status: StatusCode,
    phrase: Option<&[u8]>,
    fields: impl AllFields<'a>,
    out: &mut BytesMut,
) {
    let usual = status.canonical_reason().unwrap_or("").as_bytes();
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(phrase.unwrap_or(usual));
    out.put_slice(b"\r\n");
    write_fields(fields, out);
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

/// Fields, whatever holds them. They are looked at twice.
pub trait AllFields<'a>:
    IntoIterator<Item = (&'a HeaderName, &'a HeaderValue), IntoIter: Clone> + Clone
{
}

impl<'a, F> AllFields<'a> for F where
    F: IntoIterator<Item = (&'a HeaderName, &'a HeaderValue), IntoIter: Clone> + Clone
{
}

/// With their last line. Room for all of it is taken at once.
fn write_fields<'a>(fields: impl AllFields<'a>, out: &mut BytesMut) {
    let each =
        |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + FIELD_FRAME_BYTES;
    out.reserve(fields.clone().into_iter().map(each).sum::<usize>() + LINE_END.len());
    for (name, value) in fields {
        let name = titled(name.as_str()).as_bytes();
        out.put_slice(name);
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
}

/// How Pingora writes names: of no meaning (RFC 9110 §5.1), but who looks at bytes sees no difference
/// between the two ways.
fn titled(name: &str) -> &str {
    match name {
        "accept-ranges" => "Accept-Ranges",
        "age" => "Age",
        "cache-control" => "Cache-Control",
        "connection" => "Connection",
        "content-encoding" => "Content-Encoding",
        "content-length" => "Content-Length",
        "content-type" => "Content-Type",
        "date" => "Date",
        "host" => "Host",
        "server" => "Server",
        "set-cookie" => "Set-Cookie",
        "transfer-encoding" => "Transfer-Encoding",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use token_source::Outgoing as _;

    use super::*;
    use crate::framing::Chunked;
    use crate::http1::Fields;

    fn fields(fields: &[(&'static str, &'static str)]) -> Fields {
        let mut list = Fields::default();
        for (name, value) in fields {
            list.put(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        list
    }

    #[test]
    fn a_head_goes_out_as_its_line_and_its_fields() {
        let mut out = BytesMut::new();
        write_request(&Method::PUT, "/a?b", fields(&[("host", "a"), ("x-b", "c")]).iter(), &mut out);
        assert_eq!(out, "PUT /a?b HTTP/1.1\r\nHost: a\r\nx-b: c\r\n\r\n");
        out.clear();
        write_answer(StatusCode::NOT_FOUND, None, fields(&[("content-length", "0")]).iter(), &mut out);
        assert_eq!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        out.clear();
        write_answer(StatusCode::from_u16(299).unwrap(), Some(b"Fine"), fields(&[]).iter(), &mut out);
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
