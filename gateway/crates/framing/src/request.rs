//! The head of a request, line by line and strictly (RFC 9112 §2.2, §3, §5): what passes here, any parser
//! takes, and takes alike. Which targets and hosts there can be is not said here.

use std::ops::Range;

use http::HeaderName;

use super::field_line::field_line;
use super::head::Fields;
use super::{FieldLine, Length, Malformed};

/// Fields that a head may have.
pub const FIELDS_MAX: usize = 256;

/// Room for the lines of most heads.
const FIELDS_USUAL: usize = 16;

/// What a head says of whom and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    pub method: &'a [u8],
    /// At least one character: graphic ones of ASCII, and UTF-8.
    pub target: &'a [u8],
    /// Whether it is one of HTTP/1.0.
    pub is_old: bool,
    /// The last `Host`; empty where there is none.
    pub host: &'a [u8],
    pub hosts: usize,
    pub lines: Vec<FieldLine>,
    /// With its empty line.
    pub bytes: usize,
    /// Where its content ends. Nothing behind the head is read where that cannot be known.
    pub length: Result<Length, Malformed>,
    /// Whether it would go on in another protocol (RFC 9110 §7.8).
    pub asks_for_upgrade: bool,
    /// Whether it has trailers, or would take those of its answer.
    pub speaks_of_trailers: bool,
    pub connection: Connection,
    /// Whether it has a field that is about its connection, and goes no further (RFC 9110 §7.6.1).
    pub speaks_of_connection: bool,
}

/// What a request says of its connection (RFC 9110 §7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    #[default]
    Unsaid,
    KeepAlive,
    Close,
    /// More than one of these, or names of fields.
    Other,
}

/// Why a head is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    LineEnd,
    RequestLine,
    Target,
    Field,
    TooManyFields,
}

impl Flaw {
    /// For whoever sent it.
    pub fn message(self) -> &'static str {
        match self {
            Self::LineEnd => "Line ends must be CRLF",
            Self::RequestLine => {
                "The request line must be a method, a target and HTTP/1.1, with one space between them"
            }
            Self::Target => "The request target holds a control character, or is not UTF-8",
            Self::Field => {
                "Each header must be a name, a colon right behind it, and a value without control characters, on one line"
            }
            Self::TooManyFields => "More than 256 headers",
        }
    }
}

/// Reads a head with its empty line, once. What may lie behind it is not looked at.
///
/// # Errors
///
/// Where it is none, or not whole.
pub fn read_request(bytes: &[u8]) -> Result<RequestHead<'_>, Flaw> {
    let mut at = 0;
    let mut request = request_line(next_line(bytes, &mut at)?)?;
    let mut framing = Fields::default();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            request.bytes = at + 2;
            request.length = framing.of_request(request.is_old);
            return Ok(request);
        }
        let (name, value, behind) = field_line(rest)?;
        // It takes tokens (RFC 9110 §5.1) and nothing else, and this file looks at each of their bytes no more.
        let known = HeaderName::from_bytes(name).map_err(|_| Flaw::Field)?;
        if request.lines.len() == FIELDS_MAX {
            return Err(Flaw::TooManyFields);
        }
        let text = value.trim_ascii_start();
        let start = at + name.len() + 1 + value.len() - text.len();
        at += behind;
        let text = text.trim_ascii_end();
        request.note(name, text, &mut framing);
        request.lines.push(FieldLine { name: known, value: start..start + text.len() });
    }
}

impl<'a> RequestHead<'a> {
    /// Where in the head its target is.
    pub fn target_range(&self) -> Range<usize> {
        let start = self.method.len() + 1;
        start..start + self.target.len()
    }

    /// The few fields that say something here, told apart by their length first.
    fn note(&mut self, name: &[u8], value: &'a [u8], framing: &mut Fields) {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 => self.speaks_of_trailers |= is(b"te"),
            4 if is(b"host") => {
                self.host = value;
                self.hosts += 1;
            }
            7 => {
                self.asks_for_upgrade |= is(b"upgrade");
                self.speaks_of_trailers |= is(b"trailer");
            }
            10 if is(b"connection") => {
                self.connection = self.connection.and(value);
                self.speaks_of_connection = true;
            }
            10 => self.speaks_of_connection |= is(b"keep-alive"),
            14 if is(b"content-length") => framing.measures(value),
            14 => self.speaks_of_connection |= is(b"http2-settings"),
            16 => self.speaks_of_connection |= is(b"proxy-connection"),
            17 if is(b"transfer-encoding") => framing.codes(value),
            18 => self.speaks_of_connection |= is(b"proxy-authenticate"),
            19 => self.speaks_of_connection |= is(b"proxy-authorization"),
            _ => {}
        }
    }
}

impl Connection {
    /// Said once more.
    fn and(self, value: &[u8]) -> Self {
        match self {
            Self::Unsaid if value.eq_ignore_ascii_case(b"keep-alive") => Self::KeepAlive,
            Self::Unsaid if value.eq_ignore_ascii_case(b"close") => Self::Close,
            _ => Self::Other,
        }
    }
}

/// The line that begins `at` this place, which is behind it then.
fn next_line<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Flaw> {
    let rest = bytes.get(*at..).ok_or(Flaw::LineEnd)?;
    let end = memchr::memchr(b'\n', rest).ok_or(Flaw::LineEnd)?;
    *at += end + 1;
    rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Flaw::LineEnd)
}

fn request_line(line: &[u8]) -> Result<RequestHead<'_>, Flaw> {
    let end = line.iter().position(|byte| !is_token(*byte)).filter(|end| *end > 0);
    let (method, rest) = end.and_then(|end| line.split_at_checked(end)).ok_or(Flaw::RequestLine)?;
    let (rest, is_old) = match (rest.strip_suffix(b" HTTP/1.1"), rest.strip_suffix(b" HTTP/1.0")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return Err(Flaw::RequestLine),
    };
    let target = rest.strip_prefix(b" ").filter(|target| !target.is_empty()).ok_or(Flaw::RequestLine)?;
    // Each byte is looked at once, whatever the ones before it were.
    let (mut has_space, mut has_control, mut is_ascii) = (false, false, true);
    for byte in target {
        has_space |= *byte == b' ';
        has_control |= (*byte < b' ') | (*byte == 0x7f);
        is_ascii &= byte.is_ascii();
    }
    if has_space {
        return Err(Flaw::RequestLine);
    }
    if has_control || !is_ascii && std::str::from_utf8(target).is_err() {
        return Err(Flaw::Target);
    }
    Ok(RequestHead {
        method,
        target,
        is_old,
        host: b"",
        hosts: 0,
        lines: Vec::with_capacity(FIELDS_USUAL),
        bytes: 0,
        length: Ok(Length::None),
        asks_for_upgrade: false,
        speaks_of_trailers: false,
        connection: Connection::Unsaid,
        speaks_of_connection: false,
    })
}

/// RFC 9110 §5.6.2. Each byte of each name is asked.
#[expect(clippy::indexing_slicing, reason = "there are as many as there are bytes")]
pub(super) fn is_token(byte: u8) -> bool {
    TOKENS[usize::from(byte)]
}

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses what is out of bounds")]
const TOKENS: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        all[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        all[others[at] as usize] = true;
        at += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{asks_for_upgrade, of_request};

    fn read(head: &str) -> Result<String, Flaw> {
        let request = read_request(head.as_bytes())?;
        Ok(format!("{} {}", request.method.escape_ascii(), request.target.escape_ascii()))
    }

    #[test]
    fn a_head_is_a_request_line_and_fields() {
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok("GET /".to_owned()));
        assert_eq!(read("M-SEARCH * HTTP/1.0\r\n\r\n"), Ok("M-SEARCH *".to_owned()));
        assert!(read("GET /[é]<\"> HTTP/1.1\r\nA:\tb \u{e9}\r\nB:\r\n\r\n").is_ok());
    }

    #[test]
    fn what_two_parsers_could_take_for_another_head_is_none() {
        for (head, flaw) in [
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", Flaw::LineEnd),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", Flaw::LineEnd),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", Flaw::LineEnd),
            ("GET / HTTP/1.1\r\nHost: a\r\n", Flaw::LineEnd),
            ("GET /  HTTP/1.1\r\n\r\n", Flaw::RequestLine),
            ("GET / x HTTP/1.1\r\n\r\n", Flaw::RequestLine),
            (" GET / HTTP/1.1\r\n\r\n", Flaw::RequestLine),
            ("GET  HTTP/1.1\r\n\r\n", Flaw::RequestLine),
            ("GET /\r\n\r\n", Flaw::RequestLine),
            ("G(T / HTTP/1.1\r\n\r\n", Flaw::RequestLine),
            ("GET / HTTP/1.2\r\n\r\n", Flaw::RequestLine),
            ("GET / http/1.1\r\n\r\n", Flaw::RequestLine),
            ("GET /\t HTTP/1.1\r\n\r\n", Flaw::Target),
            ("GET /\u{7f} HTTP/1.1\r\n\r\n", Flaw::Target),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nA: \0\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nA(b): c\r\n\r\n", Flaw::Field),
            // Names that would lie across lines.
            ("GET / HTTP/1.1\r\nA\nContent-Length: 5\r\n\r\n", Flaw::Field),
            ("GET / HTTP/1.1\r\nA\r\nB: c\r\n\r\n", Flaw::Field),
        ] {
            assert_eq!(read(head), Err(flaw), "{head:?}");
        }
        assert_eq!(read_request(b"GET /\xff HTTP/1.1\r\n\r\n"), Err(Flaw::Target));
    }

    #[test]
    fn a_head_has_so_many_fields_at_most() {
        let of = |fields: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(fields));
        assert!(read(&of(FIELDS_MAX)).is_ok());
        assert_eq!(read(&of(FIELDS_MAX + 1)), Err(Flaw::TooManyFields));
        let malformed = of(FIELDS_MAX + 1).replace("A: b\r\n\r\n", "A : b\r\n\r\n");
        assert_eq!(read(&malformed), Err(Flaw::Field), "what is wrong with a field is said first");
    }

    #[test]
    fn hosts_are_counted() {
        let read = |fields: &str| {
            let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            let request = read_request(head.as_bytes()).unwrap();
            (String::from_utf8_lossy(request.host).into_owned(), request.hosts)
        };
        assert_eq!(read("Hosts: b\r\nHOST: \ta \r\n"), ("a".to_owned(), 1));
        assert_eq!(read("Host: a\r\nhost: b\r\n").1, 2);
        assert_eq!(read(""), (String::new(), 0));
    }

    #[test]
    fn what_is_asked_for_beside_an_answer_is_seen() {
        let read = |fields: &str| {
            let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            let request = read_request(head.as_bytes()).unwrap();
            let told = [request.asks_for_upgrade, request.speaks_of_trailers];
            (told, request.connection, request.lines.len())
        };
        assert_eq!(read("A: b\r\nUpgrades: x\r\n"), ([false; 2], Connection::Unsaid, 2));
        assert_eq!(read("UPGRADE: x\r\n").0, [true, false]);
        assert_eq!(read("TE: trailers\r\n").0, [false, true]);
        assert_eq!(read("Trailer: x\r\n").0, [false, true]);
        for (fields, speaks) in [
            ("A: b\r\nClose: 1\r\nContent-Length: 0\r\n", false),
            ("Connection: close\r\n", true),
            ("KEEP-ALIVE: x\r\n", true),
            ("Proxy-Connection: x\r\n", true),
            ("Proxy-Authenticate: x\r\n", true),
            ("proxy-authorization: x\r\n", true),
            ("HTTP2-Settings: x\r\n", true),
        ] {
            let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            assert_eq!(read_request(head.as_bytes()).unwrap().speaks_of_connection, speaks, "{fields:?}");
        }
        assert_eq!(read("Connection: Keep-Alive\r\n").1, Connection::KeepAlive);
        assert_eq!(read("connection:\tclose \r\n").1, Connection::Close);
        for odd in ["", "x", "close, x", "keep-alive\r\nConnection: close", "close\r\nConnection: close"] {
            assert_eq!(read(&format!("Connection: {odd}\r\n")).1, Connection::Other, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn one_reading_says_the_same_of_the_end_as_one_for_that_alone(
            fields in proptest::collection::vec(0usize..9, 0..5),
            version in 0u8..2,
        ) {
            const FIELDS: [&str; 9] = [
                "Content-Length: 5", "content-length:5", "Content-Length: +5", "Content-Length: 6",
                "Transfer-Encoding: chunked", "TRANSFER-ENCODING:\tChunked ", "Transfer-Encoding: gzip, chunked",
                "Upgrade: x", "X-Content-Length: 5",
            ];
            let fields: String = fields.into_iter().map(|field| format!("{}\r\n", FIELDS[field])).collect();
            let head = format!("POST / HTTP/1.{version}\r\n{fields}\r\n");
            let request = read_request(head.as_bytes()).unwrap();
            prop_assert_eq!(request.length, of_request(head.as_bytes()));
            prop_assert_eq!(request.asks_for_upgrade, asks_for_upgrade(head.as_bytes()));
        }
    }
}
