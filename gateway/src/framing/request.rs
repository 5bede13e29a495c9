//! The head of a request, line by line and strictly (RFC 9112 §2.2, §3, §5): what passes here, any parser
//! takes, and takes alike. Which targets and hosts there can be is not said here.

/// Fields that a head may have.
pub const FIELDS_MAX: usize = 256;

/// What a head says of whom and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    pub method: &'a [u8],
    /// At least one character: graphic ones of ASCII, and UTF-8.
    pub target: &'a [u8],
    /// The last `Host`; empty where there is none.
    pub host: &'a [u8],
    pub hosts: usize,
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

/// Reads a whole head, with its empty line.
///
/// # Errors
///
/// Where it is none.
pub fn read_request(head: &[u8]) -> Result<RequestHead<'_>, Flaw> {
    let mut rest = head;
    let mut request = request_line(next_line(&mut rest)?)?;
    for _ in 0..=FIELDS_MAX {
        let field = next_line(&mut rest)?;
        if field.is_empty() {
            return Ok(request);
        }
        let end = field.iter().position(|byte| !is_token(*byte)).filter(|end| *end > 0);
        let (name, rest) = end.and_then(|end| field.split_at_checked(end)).ok_or(Flaw::Field)?;
        let value = rest.strip_prefix(b":").ok_or(Flaw::Field)?;
        if has_control(value) {
            return Err(Flaw::Field);
        }
        if name.eq_ignore_ascii_case(b"host") {
            request.host = value.trim_ascii();
            request.hosts += 1;
        }
    }
    Err(Flaw::TooManyFields)
}

fn next_line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Flaw> {
    let end = memchr::memchr(b'\n', rest).ok_or(Flaw::LineEnd)?;
    let (line, behind) = rest.split_at_checked(end + 1).ok_or(Flaw::LineEnd)?;
    *rest = behind;
    line.strip_suffix(b"\r\n").ok_or(Flaw::LineEnd)
}

fn request_line(line: &[u8]) -> Result<RequestHead<'_>, Flaw> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Flaw::RequestLine);
    };
    let is_method = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
    if !is_method || target.is_empty() || !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return Err(Flaw::RequestLine);
    }
    let is_graphic = target.iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..));
    if !is_graphic || std::str::from_utf8(target).is_err() {
        return Err(Flaw::Target);
    }
    Ok(RequestHead { method, target, host: b"", hosts: 0 })
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.5. All of it is looked at, which is quicker than to stop.
fn has_control(value: &[u8]) -> bool {
    value.iter().fold(false, |found, byte| found | ((*byte < 0x20) & (*byte != b'\t')) | (*byte == 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
