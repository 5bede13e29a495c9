//! The fields of a head on its way: those that were sent, of which no copy is made, without what is taken off;
//! and those that are put in place, each of which is written at once.

use bytes::{BufMut as _, BytesMut};
use http::{HeaderName, HeaderValue};
use token_source::Outgoing;

use gateway_http1::write_field;
use gateway_pipeline::{Headers, Value};

/// Room for the fields of most heads.
const SENT_USUAL: usize = 16;

/// A head has few names, and they are looked through: to find one by its hash costs more.
pub(super) struct Overlay<'a> {
    /// Of what was sent, what goes on and is not written yet.
    sent: Vec<(&'a str, &'a [u8])>,
    sent_names: Names,
    /// The first line, and the fields that were put in place.
    text: BytesMut,
    line_bytes: usize,
    text_names: Names,
}

impl<'a> Overlay<'a> {
    /// `line` is the first one of the head; `fields` are of values that can be written.
    pub(super) fn over(line: BytesMut, fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut overlay = Self {
            sent: Vec::with_capacity(SENT_USUAL),
            sent_names: Names::default(),
            line_bytes: line.len(),
            text: line,
            text_names: Names::default(),
        };
        for (name, value) in fields {
            // The client's comes first, as RFC 9110 §7.2 wants it.
            if name.eq_ignore_ascii_case("host") {
                overlay.text_names.note(name);
                write_field(name, value, &mut overlay.text);
            } else {
                overlay.sent_names.note(name);
                overlay.sent.push((name, value));
            }
        }
        overlay
    }

    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.values(name).next().is_some()
    }

    /// The head as it is written, to its end.
    pub(super) fn into_text(mut self) -> BytesMut {
        for (name, value) in self.sent {
            write_field(name, value, &mut self.text);
        }
        self.text.put_slice(b"\r\n");
        self.text
    }

    fn put_text(&mut self, name: &str, value: Value<'_>) {
        if let Some(value) = value.bytes() {
            self.text_names.note(name);
            write_field(name, value, &mut self.text);
        }
    }

    /// Cuts out of what is written what has such a name.
    fn cut(&mut self, is_out: impl Fn(&str) -> bool) {
        let mut at = self.line_bytes;
        while let Some((name, value)) = Lines(self.text.get(at..).unwrap_or_default()).next() {
            let bytes = line_bytes(name, value);
            if is_out(name) {
                self.text.copy_within(at + bytes.., at);
                self.text.truncate(self.text.len() - bytes);
            } else {
                at += bytes;
            }
        }
    }
}

impl Headers for Overlay<'_> {
    fn remove(&mut self, name: &HeaderName) {
        let name = name.as_str();
        let bit = Names::bit(name);
        if self.sent_names.have(bit) {
            self.sent.retain(|(other, _)| !is(other, name));
        }
        if self.text_names.have(bit) {
            self.cut(|other| is(other, name));
        }
    }

    fn set(&mut self, name: &HeaderName, value: Value<'_>) {
        self.remove(name);
        self.put_text(name.as_str(), value);
    }

    fn add(&mut self, name: &HeaderName, value: Value<'_>) {
        let name = name.as_str();
        // Values of a name keep their order: those that were sent are written before this one.
        if self.sent_names.have(Names::bit(name)) {
            let Self { sent, text, text_names, .. } = self;
            sent.retain(|(other, value)| {
                let is_same = is(other, name);
                if is_same {
                    text_names.note(name);
                    write_field(other, value, text);
                }
                !is_same
            });
        }
        self.put_text(name, value);
    }
}

impl<'a> Outgoing for Overlay<'a> {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h, 'a> {
        let bit = Names::bit(name.as_str());
        let put = if self.text_names.have(bit) { self.text.get(self.line_bytes..) } else { None };
        let sent = if self.sent_names.have(bit) { &*self.sent } else { &[] };
        let is_there = put.is_some() || !sent.is_empty();
        let (name, put) = (is_there.then(|| name.clone()), Lines(put.unwrap_or_default()));
        Values { name, put, sent: sent.iter() }
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.remove(name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        self.sent.retain(|(name, _)| !is_out(name));
        self.cut(is_out);
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.add(&name, Value::Is(&value));
    }
}

/// Whether both are one name (RFC 9110 §5.1). Mostly they are written alike.
fn is(other: &str, name: &str) -> bool {
    other.len() == name.len() && (other == name || other.eq_ignore_ascii_case(name))
}

/// The values of a name. What is written was there before what is not: see `add`.
struct Values<'h> {
    /// `None` where it is not there.
    name: Option<HeaderName>,
    put: Lines<'h>,
    sent: std::slice::Iter<'h, (&'h str, &'h [u8])>,
}

impl<'h> Iterator for Values<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.name.as_ref()?.as_str();
        let found = if self.put.0.is_empty() { None } else { self.put.find(|(other, _)| is(other, name)) };
        found.or_else(|| self.sent.find(|(other, _)| is(other, name)).copied()).map(|(_, value)| value)
    }
}

/// Which names there may be: what is looked for is mostly not there.
#[derive(Clone, Copy, Default)]
struct Names(u64);

impl Names {
    fn note(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    fn have(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    /// By what tells usual names apart, however they are written.
    fn bit(name: &str) -> u64 {
        let &[first, .., last] = name.as_bytes() else { return 1 };
        let (first, last) = (usize::from(first | 0x20), usize::from(last | 0x20));
        1 << ((name.len() * 9 + first * 2 + last * 3) % 64)
    }
}

/// Fields as they were written, one behind the other.
struct Lines<'t>(&'t [u8]);

impl<'t> Iterator for Lines<'t> {
    type Item = (&'t str, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = self.0.split_at_checked(self.0.iter().position(|byte| *byte == b'\n')? + 1)?;
        let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
        self.0 = rest;
        Some((std::str::from_utf8(name).ok()?, value.strip_prefix(b": ")?.strip_suffix(b"\r\n")?))
    }
}

fn line_bytes(name: &str, value: &[u8]) -> usize {
    name.len() + value.len() + b": \r\n".len()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    fn sent() -> HeaderMap {
        let fields = [
            ("accept", "1"),
            ("cookie", "2"),
            ("x-user-id", "3"),
            ("accept", "4"),
            ("close", "5: x"),
            ("host", "h"),
        ];
        let field = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        for (name, value) in fields.map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn over(map: &HeaderMap) -> Overlay<'_> {
        let fields = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Overlay::over(BytesMut::from("GET host: / HTTP/1.1\r\n"), fields)
    }

    /// Its fields by name, those of one name in their order.
    fn told(overlay: Overlay<'_>) -> String {
        let text = String::from_utf8(overlay.into_text().to_vec()).unwrap().to_ascii_lowercase();
        let fields = text.strip_prefix("get host: / http/1.1\r\n").unwrap().strip_suffix("\r\n\r\n").unwrap();
        let mut fields: Vec<_> = fields.split("\r\n").collect();
        fields.sort_by_key(|field| field.split(':').next());
        fields.join(", ").replace(": ", "=")
    }

    /// The same is done to a map, which is what rules are written for.
    #[track_caller]
    fn does_as_a_map(act: impl Fn(&mut dyn Headers), left: &str) {
        let (client, mut map) = (sent(), sent());
        let mut overlay = over(&client);
        act(&mut overlay);
        act(&mut crate::message::Plain(&mut map));
        assert_eq!((&*told(overlay), &*told(over(&map))), (left, left));
    }

    #[test]
    fn it_is_what_a_map_would_be() {
        let x = HeaderName::from_static("x");
        let value = Value::Static;
        does_as_a_map(|head| head.remove(&ACCEPT), "close=5=x, cookie=2, host=h, x-user-id=3");
        let set = |head: &mut dyn Headers| head.set(&ACCEPT, value("6"));
        does_as_a_map(set, "accept=6, close=5=x, cookie=2, host=h, x-user-id=3");
        let add = |head: &mut dyn Headers| head.add(&ACCEPT, value("6"));
        does_as_a_map(add, "accept=1, accept=4, accept=6, close=5=x, cookie=2, host=h, x-user-id=3");
        let several = |head: &mut dyn Headers| {
            head.add(&x, value("7"));
            head.add(&x, Value::Text(b"no\r\nvalue"));
            head.add(&x, value("8"));
            head.set(&COOKIE, value("9"));
            head.set(&x, Value::Is(&HeaderValue::from_static("10")));
            head.remove(&COOKIE);
            head.set(&HOST, value("i"));
        };
        does_as_a_map(several, "accept=1, accept=4, close=5=x, host=i, x=10, x-user-id=3");
        let none = |head: &mut dyn Headers| head.set(&HOST, Value::Text(b"\n"));
        does_as_a_map(none, "accept=1, accept=4, close=5=x, cookie=2, x-user-id=3");
    }

    #[test]
    fn what_is_read_of_it_is_what_goes_on() {
        let client = sent();
        let mut overlay = over(&client);
        overlay.put(ACCEPT, HeaderValue::from_static("6"));
        overlay.put(HeaderName::from_static("x-user-role"), HeaderValue::from_static("7"));
        overlay.take_out_all(|name| name.starts_with("x-user"));
        let values: Vec<_> = overlay.values(&ACCEPT).collect();
        assert_eq!(values, [b"1", b"4", b"6"]);
        overlay.take_out(&ACCEPT);
        assert!(!overlay.has(&ACCEPT) && overlay.has(&COOKIE) && overlay.has(&HOST));
        overlay.take_out_all(|name| name.eq_ignore_ascii_case("host"));
        assert_eq!(told(overlay), "close=5=x, cookie=2");
    }

    #[test]
    fn names_are_the_same_however_they_are_written() {
        let fields = [("ACCEPT", &b"1"[..]), ("X-Own", b"2"), ("Host", b"3"), ("x-own", b"4")];
        let mut overlay = Overlay::over(BytesMut::new(), fields);
        assert!(overlay.has(&HOST) && overlay.has(&ACCEPT));
        overlay.set(&ACCEPT, Value::Static("5"));
        overlay.remove(&HeaderName::from_static("x-own"));
        overlay.remove(&HOST);
        assert_eq!(overlay.into_text(), "accept: 5\r\n\r\n");
    }
}
