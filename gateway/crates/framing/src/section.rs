//! A header section (RFC 9110 §6.3) as it was sent, whatever holds it: a map, or the head itself, of which the
//! lines are known. A value is bytes: one that was read strictly needs no second look before somebody wants it
//! as something else.

use std::ops::Range;

use http::header::{HeaderMap, HeaderName, HeaderValue, ValueIter};

/// A field of a head (RFC 9112 §5): its name, and where in the head its value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLine {
    pub(super) name: HeaderName,
    pub(super) value: Range<usize>,
}

/// The fields of a request.
#[derive(Clone, Copy, Debug)]
pub enum HeaderSection<'a> {
    Map(&'a HeaderMap),
    /// A head, and its lines. It has few, and to look through them costs less than to find one by its hash.
    Lines(&'a [u8], &'a [FieldLine]),
}

impl<'a> From<&'a HeaderMap> for HeaderSection<'a> {
    fn from(map: &'a HeaderMap) -> Self {
        Self::Map(map)
    }
}

impl<'a> HeaderSection<'a> {
    /// How many fields there are.
    pub fn count(self) -> usize {
        match self {
            Self::Map(map) => map.len(),
            Self::Lines(_, lines) => lines.len(),
        }
    }

    /// The first value of a name.
    pub fn get(self, name: &HeaderName) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => map.get(name).map(HeaderValue::as_bytes),
            Self::Lines(head, lines) => {
                lines.iter().find(|line| line.name == *name).map(|line| line.value_in(head))
            }
        }
    }

    /// The same, where it is printable ASCII.
    pub fn text(self, name: &HeaderName) -> Option<&'a str> {
        self.get(name).and_then(text)
    }

    /// All values of a name, in their order.
    pub fn get_all<'n>(self, name: &'n HeaderName) -> Values<'a, 'n> {
        match self {
            Self::Map(map) => Values::Map(map.get_all(name).into_iter()),
            Self::Lines(head, lines) => Values::Lines(head, lines.iter(), name),
        }
    }

    /// The value of a name that stands there once.
    pub fn only(self, name: &HeaderName) -> Option<&'a [u8]> {
        let mut values = self.get_all(name);
        values.next().filter(|_| values.next().is_none())
    }

    pub fn has(self, name: &HeaderName) -> bool {
        match self {
            Self::Map(map) => map.contains_key(name),
            Self::Lines(_, lines) => lines.iter().any(|line| line.name == *name),
        }
    }

    /// All fields; those of a head in their order.
    pub fn iter(self) -> AllFields<'a> {
        match self {
            Self::Map(map) => AllFields::Map(map.iter()),
            Self::Lines(head, lines) => AllFields::Lines(head, lines.iter()),
        }
    }

    /// The same as a map of its own; `None` where it has what a map cannot have, so that nobody goes on with a
    /// part of it.
    pub fn to_map(self) -> Option<HeaderMap> {
        if let Self::Map(map) = self {
            return Some(map.clone());
        }
        let mut map = HeaderMap::try_with_capacity(self.count()).ok()?;
        for (name, value) in self.iter() {
            map.try_append(name.clone(), HeaderValue::from_bytes(value).ok()?).ok()?;
        }
        Some(map)
    }
}

impl FieldLine {
    fn value_in<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        // It is a part of this head.
        head.get(self.value.clone()).unwrap_or_default()
    }
}

/// Name and value of each field.
pub enum AllFields<'a> {
    Map(http::header::Iter<'a, HeaderValue>),
    Lines(&'a [u8], std::slice::Iter<'a, FieldLine>),
}

impl<'a> Iterator for AllFields<'a> {
    type Item = (&'a HeaderName, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Map(fields) => fields.next().map(|(name, value)| (name, value.as_bytes())),
            Self::Lines(head, lines) => lines.next().map(|line| (&line.name, line.value_in(head))),
        }
    }
}

/// The values of one name.
pub enum Values<'a, 'n> {
    Map(ValueIter<'a, HeaderValue>),
    Lines(&'a [u8], std::slice::Iter<'a, FieldLine>, &'n HeaderName),
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Map(values) => values.next().map(HeaderValue::as_bytes),
            Self::Lines(head, lines, name) => {
                lines.find(|line| line.name == **name).map(|line| line.value_in(head))
            }
        }
    }
}

/// As `HeaderValue::to_str`, and not byte by byte: of what is no text, a value has only what is not ASCII.
pub fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST, VIA};

    use super::*;
    use crate::read_request;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\naccept:\r\nCookie:\tb \xe9 c \r\nACCEPT: d\r\n\r\n";

    /// What is asked of it, of either kind.
    fn asked(section: HeaderSection<'_>) -> String {
        let values = |name| -> Vec<_> {
            section.get_all(&name).map(<[u8]>::escape_ascii).map(|value| value.to_string()).collect()
        };
        let all = [ACCEPT, COOKIE, VIA].map(|name| values(name).join("|"));
        let only = [HOST, ACCEPT, VIA].map(|name| section.only(&name).is_some());
        let has = [HOST, VIA].map(|name| section.has(&name));
        let text = [HOST, COOKIE, VIA].map(|name| section.text(&name));
        format!("{} {all:?} {only:?} {has:?} {text:?} {:?}", section.count(), section.get(&ACCEPT))
    }

    #[test]
    fn a_head_and_a_map_of_it_are_the_same_section() {
        let lines = read_request(HEAD).unwrap().lines;
        let listed = HeaderSection::Lines(HEAD, &lines);
        let map = listed.to_map().unwrap();
        assert_eq!(asked(listed), asked(HeaderSection::Map(&map)));
        let told = r#"4 ["|d", "b \\xe9 c", ""] [true, false, false] [true, false] [Some("a"), None, None] Some([])"#;
        assert_eq!(asked(listed), told);
    }

    #[test]
    fn what_a_map_cannot_have_leaves_no_part_of_it() {
        let line = |value| FieldLine { name: HOST, value };
        assert!(HeaderSection::Lines(b"a\0", &[line(0..1), line(0..2)]).to_map().is_none());
    }
}
