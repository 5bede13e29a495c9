//! One canonical path: the bytes on which policy is decided are the bytes that are forwarded.
//!
//! Normalised as RFC 3986 §6.2.2 allows (escapes of unreserved characters are undone, hexadecimal
//! digits are upper case), and escaped where browsers leave something raw. What two readers could still
//! understand differently is refused.

#[cfg(test)]
mod fuzz;

use std::borrow::Cow;
use std::sync::Arc;

use super::refusal::Refusal;

/// Path and query in the one form that is matched and forwarded. Made once for a request, and shared by
/// all that know it: its decision, its way and its line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalTarget {
    text: Arc<str>,
    path_bytes: usize,
    is_as_sent: bool,
}

impl CanonicalTarget {
    /// `path` was read already; `query` is as it was sent.
    fn new(path: &str, query: Option<&str>) -> Option<Self> {
        let text = match query {
            None => path.into(),
            Some(query) => format!("{path}?{}", canonical_query(query)?).into(),
        };
        Some(Self { text, path_bytes: path.len(), is_as_sent: false })
    }

    /// A path that is not canonical, and was let pass below a route's own.
    pub(super) fn as_sent(path: &str, query: Option<&str>) -> Option<Self> {
        Some(Self { is_as_sent: true, ..Self::new(path, query)? })
    }

    /// Whether the path may hold encoded slashes, doubled ones and parameters.
    pub fn is_as_sent(&self) -> bool {
        self.is_as_sent
    }

    /// The path, without the query.
    #[expect(
        clippy::string_slice,
        reason = "it was measured when the text was made, and the text is as it was"
    )]
    pub fn path(&self) -> &str {
        &self.text[..self.path_bytes]
    }

    /// Path and query: the request target in origin form (RFC 9112 §3.2.1).
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Normalises a request target in origin form, or refuses it.
pub fn canonical(target: &str) -> Result<CanonicalTarget, Refusal> {
    let (plain, is_dotted) = plainly(target.as_bytes());
    // Nearly all paths are done here.
    if !is_dotted && target.starts_with('/') {
        let (path, rest) = target.split_at_checked(plain).unwrap_or((target, ""));
        if rest.is_empty() || rest.starts_with('?') {
            return CanonicalTarget::new(path, rest.strip_prefix('?')).ok_or(Refusal::AmbiguousPath);
        }
    }
    let (path, query) = parts(target);
    let path = canonical_path(path);
    path.and_then(|path| CanonicalTarget::new(&path, query)).ok_or(Refusal::AmbiguousPath)
}

/// How far it goes on in characters that stay as they are, and whether up to there two slashes follow each
/// other, or a dot begins a segment.
fn plainly(target: &[u8]) -> (usize, bool) {
    let (mut before, mut is_dotted) = (0, false);
    for (at, byte) in target.iter().enumerate() {
        if !is_unreserved(*byte) && *byte != b'/' {
            return (at, is_dotted);
        }
        is_dotted |= before == b'/' && matches!(byte, b'/' | b'.');
        before = *byte;
    }
    (target.len(), is_dotted)
}

/// The path, and the query where there is one.
pub(super) fn parts(target: &str) -> (&str, Option<&str>) {
    let mark = memchr::memchr(b'?', target.as_bytes());
    let parts = mark.and_then(|mark| Some((target.get(..mark)?, Some(target.get(mark + 1..)?))));
    parts.unwrap_or((target, None))
}

fn canonical_path(path: &str) -> Option<Cow<'_, str>> {
    let is_plain = plainly(path.as_bytes()).0 == path.len();
    let path = if is_plain { Cow::Borrowed(path) } else { Cow::Owned(undo_escapes(path)?) };
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let doubled = segment.is_empty() && !last;
        if doubled || matches!(segment, "." | "..") {
            return None;
        }
    }
    Some(path)
}

/// `None` for what is ambiguous, illegal, or not UTF-8 once decoded.
fn undo_escapes(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let escaped = hex(bytes.next()?)? << 4 | hex(bytes.next()?)?;
                decoded.push(escaped);
                match escaped {
                    // `;` starts parameters for some servers, which cut them off also where it comes
                    // out of an escape, and is a plain character for others (RFC 3986 §3.3).
                    b'/' | b'\\' | b';' | b'\x7f' | 0..=0x1f => return None,
                    _ if is_unreserved(escaped) => out.push(char::from(escaped)),
                    _ => push_escaped(&mut out, escaped),
                }
            }
            _ if is_path_byte(byte) => {
                out.push(char::from(byte));
                decoded.push(byte);
            }
            _ if is_left_raw(byte) => {
                push_escaped(&mut out, byte);
                decoded.push(byte);
            }
            // `;`, `\`, `#`, blanks and controls.
            _ => return None,
        }
    }
    // Overlong and broken UTF-8 is read as other characters by lenient decoders.
    std::str::from_utf8(&decoded).ok()?;
    Some(out)
}

/// A canonical path as it is matched: without the escapes of characters that a path may hold plain.
/// RFC 3986 §2.2 keeps the two apart, and hardly a service does.
pub(super) fn as_matched(path: &str) -> Cow<'_, str> {
    unescaped(path, is_path_byte)
}

/// The text without those escapes whose bytes are wanted.
pub(super) fn unescaped(text: &str, wanted: impl Fn(u8) -> bool) -> Cow<'_, str> {
    // Most paths are so short that a vector of bytes costs more to begin with than it saves.
    if text.as_bytes().contains(&b'%') {
        Cow::Owned(without_escapes(text, wanted))
    } else {
        Cow::Borrowed(text)
    }
}

fn without_escapes(text: &str, wanted: impl Fn(u8) -> bool) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let escaped = match part.as_bytes() {
            [high, low, rest @ ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, rest)),
            _ => None,
        };
        match escaped.filter(|(byte, _)| wanted(*byte)) {
            Some((byte, rest)) => {
                out.push(byte);
                out.extend_from_slice(rest);
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~')
}

/// `pchar` of RFC 3986 §3.3 and the slash, less `;` and `%`.
pub(super) fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte)
}

/// What browsers and tools leave raw in a path, where RFC 3986 has no place for it. Escaped it is what
/// they mean, to everybody.
pub(super) fn is_left_raw(byte: u8) -> bool {
    !byte.is_ascii() || b"[]|^{}\"<>`".contains(&byte)
}

#[expect(clippy::indexing_slicing, reason = "four bits choose one of sixteen")]
pub(super) fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// A query goes on as it came, but for what no parser of a target takes (RFC 3986 §3.4; the WHATWG's URL
/// standard, "query percent-encode set"). `None` where it is none.
fn canonical_query(query: &str) -> Option<Cow<'_, str>> {
    if query.bytes().all(is_query_byte) {
        return Some(Cow::Borrowed(query));
    }
    let mut out = String::with_capacity(query.len() + 32);
    for byte in query.bytes() {
        match byte {
            _ if is_query_byte(byte) => out.push(char::from(byte)),
            b'"' | b'<' | b'>' | 0x80.. => push_escaped(&mut out, byte),
            _ => return None,
        }
    }
    Some(Cow::Owned(out))
}

fn is_query_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(target: &str) -> Option<String> {
        canonical(target).ok().map(|target| target.as_str().to_owned())
    }

    #[test]
    fn plain_paths_stay_as_they_are() {
        for path in ["/", "/api/todos", "/api/todos/", "/.well-known/x", "/a...b/..c", "/a:b@c,d=e!$&'()*+~"]
        {
            assert_eq!(is(path).as_deref(), Some(path));
        }
        assert_eq!(is("/a?b=%2f../;x").as_deref(), Some("/a?b=%2f../;x"));
    }

    #[test]
    fn one_path_has_one_spelling() {
        assert_eq!(is("/%61pi/%74odos").as_deref(), Some("/api/todos"));
        assert_eq!(is("/caf%c3%a9").as_deref(), Some("/caf%C3%A9"));
        assert_eq!(is("/a%7Eb%20c").as_deref(), Some("/a~b%20c"));
    }

    #[test]
    fn what_browsers_leave_raw_is_escaped() {
        assert_eq!(is("/a[1]|b^c{d}").as_deref(), Some("/a%5B1%5D%7Cb%5Ec%7Bd%7D"));
        assert_eq!(is("/\"<x>`").as_deref(), Some("/%22%3Cx%3E%60"));
        assert_eq!(is("/café?q=é").as_deref(), Some("/caf%C3%A9?q=%C3%A9"));
        assert_eq!(is("/x?a=[1]|{}^`\"<>'").as_deref(), Some("/x?a=[1]|{}^`%22%3C%3E'"));
    }

    #[test]
    fn an_escape_of_what_may_stand_plain_is_matched_like_it() {
        for (path, matched) in [
            ("/a/b", "/a/b"),
            ("/%2A/%3Ax", "/*/:x"),
            ("/%40me%21%20", "/@me!%20"),
            ("/%C3%A9%2C", "/%C3%A9,"),
            ("/%252A", "/%252A"),
            ("/%2", "/%2"),
            ("/%+a", "/%+a"),
        ] {
            assert_eq!(as_matched(path), matched);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for wrong in [
            "",
            "*",
            "api",
            "http://a/b",
            "//",
            "//admin",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/..",
            "/a/../b",
            "/a/./b",
            "/../etc",
            "/%2e%2e/admin",
            "/a/%2E%2e/b",
            "/.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00b",
            "/a;b",
            "/a;b=c/d",
            "/a%3Bb",
            "/a%3bb=c/d",
            "/..;/admin",
            "/a%0d%0ab",
            "/a%7f",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a b",
            "/a\tb",
            "/a#b",
            "/a?b#c",
            "/a?b c",
            "/%c0%ae%c0%ae/admin",
            "/%ff",
            "/a\u{0}b",
        ] {
            assert_eq!(is(wrong), None, "{wrong:?}");
        }
    }
}
