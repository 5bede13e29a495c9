//! A request as its head and what was read of it: the lines of its fields are parts of the head, and no copy.

use std::ops::Range;

use bytes::BytesMut;
use http::Method;

use gateway_framing::{FieldLine, HeaderSection};

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    head: BytesMut,
    target: Range<usize>,
    lines: Vec<FieldLine>,
}

impl Request {
    /// `head` was read by [`read_request`](gateway_framing::read_request), which said where in it the target is,
    /// and which lines it has. The head again where it is no such request.
    pub fn from_parts(head: BytesMut, target: Range<usize>, lines: Vec<FieldLine>) -> Result<Self, BytesMut> {
        let method = target.start.checked_sub(1).and_then(|end| head.get(..end));
        match method.map(Method::from_bytes) {
            Some(Ok(method)) => Ok(Self { method, head, target, lines }),
            _ => Err(head),
        }
    }

    /// As it was sent.
    pub fn target(&self) -> &[u8] {
        self.head.get(self.target.clone()).unwrap_or_default()
    }

    pub fn headers(&self) -> HeaderSection<'_> {
        HeaderSection::Lines(&self.head, &self.lines)
    }

    pub fn into_head(self) -> BytesMut {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use http::header::{HOST, HeaderName};
    use proptest::prelude::*;

    use super::*;
    use gateway_framing::read_request;

    fn read(bytes: &[u8]) -> Option<Request> {
        let request = read_request(bytes).ok()?;
        let target = request.target_range();
        let head = BytesMut::from(&bytes[..request.bytes]);
        Some(Request::from_parts(head, target, request.lines).expect("what is read strictly is a request"))
    }

    #[test]
    fn a_head_has_its_fields_as_parts() {
        let head =
            b"PATCH /a%20b?c=d HTTP/1.1\r\nHost: a.example\r\nx-A:\tb \xe9 c\t\r\nX-a:\r\nCookie: d\r\n\r\n";
        let request = read(head).unwrap();
        assert_eq!((request.method.as_str(), request.target()), ("PATCH", &b"/a%20b?c=d"[..]));
        let name = HeaderName::from_static("x-a");
        let values: Vec<_> = request.headers().get_all(&name).collect();
        assert_eq!(values, [&b"b \xe9 c"[..], b""]);
        assert_eq!((request.headers().get(&HOST), request.headers().count()), (Some(&b"a.example"[..]), 4));
        assert_eq!(request.into_head(), &head[..]);
    }

    #[test]
    fn what_lies_behind_its_end_belongs_to_no_head() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let request = read(head).unwrap();
        assert_eq!((request.headers().count(), request.into_head()), (1, BytesMut::from(&head[..27])));
        assert!(read(&head[..26]).is_none());
    }

    /// The method, the target, and the fields by name.
    type Read = (String, String, Vec<(String, Vec<u8>)>);

    /// The same by the reader of others.
    fn by_others(head: &[u8]) -> Option<Read> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(end) = request.parse(head).ok()? else { return None };
        let field = |field: &httparse::Header<'_>| (field.name.to_ascii_lowercase(), field.value.to_vec());
        let mut fields: Vec<_> = request.headers.iter().map(field).collect();
        // A map keeps the order of the values of a name, and not that of names.
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        (end == head.len()).then(|| (request.method.unwrap().into(), request.path.unwrap().into(), fields))
    }

    proptest! {
        #[test]
        fn what_is_read_here_others_read_alike(
            line in "[A-Z]{1,4} /[a-z%?=;:!|.]{0,6} HTTP/1\\.1",
            fields in proptest::collection::vec(("[A-Za-z0-9!#$%&'*+.^_`|~ -]{1,6}", "[ \\ta-z:,;=\"\\x00-\\x20é]{0,8}"), 0..6),
        ) {
            let fields: String = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
            let head = format!("{line}\r\n{fields}\r\n");
            if let Some(request) = read(head.as_bytes()) {
                let map = request.headers().to_map().expect("what is read strictly is a map");
                let mut own: Vec<_> = map.iter()
                    .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                    .collect();
                own.sort_by(|one, other| one.0.cmp(&other.0));
                let target = String::from_utf8(request.target().to_vec()).unwrap();
                let read = Some((request.method.to_string(), target, own));
                // A value may end the head: what lies behind it belongs to none.
                prop_assert_eq!(read, by_others(&request.into_head()));
            }
        }
    }
}
