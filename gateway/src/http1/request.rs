//! A request as a map of fields. Each value is a part of the head as it was sent, and no copy.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// As it was sent.
    pub target: Bytes,
    pub headers: HeaderMap,
}

impl Request {
    /// `head` was taken by [`read_request`](crate::framing::read_request), and has so many fields. `None`
    /// where it has one that a map cannot have, so that nobody goes on with a part of it.
    pub fn of(head: &Bytes, fields: usize) -> Option<Self> {
        let end = memchr::memchr(b'\n', head)?;
        let line = head.get(..end)?.strip_suffix(b"\r")?;
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = HeaderMap::try_with_capacity(fields).ok()?;
        let mut rest = head.get(end + 1..)?;
        for _ in 0..fields {
            let (field, behind) = rest.split_at_checked(memchr::memchr(b'\n', rest)? + 1)?;
            // A name is short: to call for help would take longer.
            let colon = field.iter().position(|byte| *byte == b':')?;
            let (name, value) = field.split_at_checked(colon)?;
            let name = HeaderName::from_bytes(name).ok()?;
            let value = head.slice_ref(value.strip_prefix(b":")?.trim_ascii());
            headers.try_append(name, HeaderValue::from_maybe_shared(value).ok()?).ok()?;
            rest = behind;
        }
        // The empty line, and nothing else.
        if rest != b"\r\n" {
            return None;
        }
        Some(Self { method: Method::from_bytes(method).ok()?, target: head.slice_ref(target), headers })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::framing::read_request;

    fn read(head: &[u8]) -> Option<Request> {
        let fields = read_request(head).ok()?.fields;
        Some(Request::of(&Bytes::copy_from_slice(head), fields).expect("what is read strictly is a request"))
    }

    #[test]
    fn a_head_becomes_a_map_of_its_fields() {
        let head =
            b"PATCH /a%20b?c=d HTTP/1.1\r\nHost: a.example\r\nx-A:\tb \xe9 c\t\r\nX-a:\r\nCookie: d\r\n\r\n";
        let request = read(head).unwrap();
        assert_eq!((request.method.as_str(), &request.target[..]), ("PATCH", &b"/a%20b?c=d"[..]));
        let values: Vec<_> = request.headers.get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [&b"b \xe9 c"[..], b""]);
        assert_eq!((request.headers["host"].as_bytes(), request.headers.len()), (&b"a.example"[..], 4));
    }

    #[test]
    fn what_lies_behind_its_end_belongs_to_no_head() {
        let head = Bytes::from_static(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert!(Request::of(&head, 1).is_none());
        assert!(Request::of(&head.slice(..27), 0).is_none());
        assert!(Request::of(&head.slice(..27), 1).is_some());
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
                let mut own: Vec<_> = request.headers.iter()
                    .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                    .collect();
                own.sort_by(|one, other| one.0.cmp(&other.0));
                let target = String::from_utf8(request.target.to_vec()).unwrap();
                prop_assert_eq!(Some((request.method.to_string(), target, own)), by_others(head.as_bytes()));
            }
        }
    }
}
