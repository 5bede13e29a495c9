//! What the head of a message says of its end. Heads come as bytes: those of a request were not
//! judged yet, and those of an answer are judged by whoever reads it.

use super::{KeepAlive, Length, Malformed};

/// Behind the empty line that ends a head, where it is there. `from` is a place before which it was
/// looked for in vain. Lines that end with a bare LF count: whoever judges the head refuses them.
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    // The end may lie across two reads.
    let from = from.saturating_sub(3);
    memchr::memchr_iter(b'\n', bytes.get(from..)?).find_map(|place| {
        let next = from + place + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => Some(next + 1),
            [b'\r', b'\n', ..] => Some(next + 2),
            _ => None,
        }
    })
}

/// Where the content of this request ends (RFC 9112 §6.3). `head` is a whole head.
///
/// # Errors
///
/// Where it cannot be known. Such a request is refused, and nothing behind its head is read.
pub fn of_request(head: &[u8]) -> Result<Length, Malformed> {
    let mut lines = lines(head);
    let old = lines.next().is_some_and(|line| line.ends_with(b"HTTP/1.0"));
    Fields::read(lines).of_request(old)
}

/// Whether a request would go on in another protocol (RFC 9110 §7.8).
pub fn asks_for_upgrade(head: &[u8]) -> bool {
    lines(head).any(|line| value_of(line, b"upgrade").is_some())
}

/// What the head of an answer says of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub length: Length,
    /// Whether everybody reads the length like this. After another answer nothing can follow.
    pub is_clear: bool,
    pub keep_alive: KeepAlive,
    /// Whether it is none: whoever took it would wait for what does not come, or take for content what
    /// is about it.
    is_malformed: bool,
}

impl Answer {
    /// # Errors
    ///
    /// Where nobody can be told its end.
    pub fn judged(self) -> Result<Self, Malformed> {
        if self.is_malformed { Err(Malformed::Length) } else { Ok(self) }
    }
}

/// `to_head` says that the request was a HEAD, whose answer has no content.
pub fn of_response(head: &[u8], to_head: bool) -> Option<Answer> {
    let mut lines = lines(head);
    let line = lines.next()?;
    let status = number(line.strip_prefix(b"HTTP/1.")?.get(2..5)?)?;
    let status = u16::try_from(status).ok()?;
    Some(Fields::read(lines).of_response(status, to_head))
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let all = rest?;
        let (line, behind) = match memchr::memchr(b'\n', all).and_then(|end| all.split_at_checked(end)) {
            Some((line, behind)) => (line, behind.get(1..)),
            None => (all, None),
        };
        rest = behind;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// The fields by which a message says where it ends, and what becomes of its connection.
#[derive(Default)]
pub(super) struct Fields {
    /// A line that some take for a field and others do not: with white space before its colon (RFC 9112
    /// §5.1), or folded (§5.2).
    has_odd_line: bool,
    /// One of these with white space before its colon is a coding.
    has_odd_coding: bool,
    lengths: usize,
    /// Of all of them, where they are one and the same number.
    length: Option<u64>,
    codings: usize,
    is_chunked_alone: bool,
    has_chunks: bool,
    ends_chunked: bool,
    keep_alive: KeepAlive,
}

impl Fields {
    fn read<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut fields = Self::default();
        for line in lines {
            // Short, as names are: to call for help would take longer.
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, rest) = line.split_at_checked(colon.unwrap_or(line.len())).unwrap_or((line, b""));
            if line.first().is_some_and(is_blank) || name.last().is_some_and(is_blank) {
                fields.has_odd_line = true;
                // A folded one belongs to the field before it.
                fields.has_odd_coding |= name.trim_ascii_end().eq_ignore_ascii_case(b"transfer-encoding");
            } else if let Some(value) = rest.strip_prefix(b":") {
                fields.note(name, value);
            }
        }
        fields
    }

    /// The few fields that say something here, told apart by their length first.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if is(name, b"keep-alive") => self.keep_alive.read(value.trim_ascii()),
            14 if is(name, b"content-length") => self.measures(value.trim_ascii()),
            17 if is(name, b"transfer-encoding") => self.codes(value.trim_ascii()),
            _ => {}
        }
    }

    /// A `Content-Length`.
    pub(super) fn measures(&mut self, value: &[u8]) {
        let length = number(value);
        let same = self.lengths == 0 || self.length == length;
        self.lengths += 1;
        self.length = length.filter(|_| same);
    }

    /// A `Transfer-Encoding`.
    pub(super) fn codes(&mut self, value: &[u8]) {
        self.codings += 1;
        self.is_chunked_alone = value.eq_ignore_ascii_case(b"chunked");
        for member in value.split(|byte| *byte == b',') {
            self.ends_chunked = member.trim_ascii().eq_ignore_ascii_case(b"chunked");
            self.has_chunks |= self.ends_chunked;
        }
    }

    /// Whether a length that is said is one, and stands beside no coding.
    pub(super) fn is_measured_once(&self) -> bool {
        self.lengths == 0 || self.codings == 0 && self.length.is_some()
    }

    /// Where an answer of this status ends.
    pub(super) fn of_response(&self, status: u16, to_head: bool) -> Answer {
        let keep_alive = self.keep_alive;
        if to_head || matches!(status, 100..=199 | 204 | 304) {
            let (length, is_clear) = (Length::None, true);
            return Answer { status, length, is_clear, keep_alive, is_malformed: false };
        }
        let (length, is_clear) = match (self.lengths, self.codings) {
            (0, 0) => (Length::UntilClose, true),
            (0, 1) if self.is_chunked_alone => (Length::Chunked, true),
            // RFC 9110 §8.6: the same number twice may be taken for one.
            (_, 0) => (self.length.map_or(Length::UntilClose, Length::Bytes), self.length.is_some()),
            _ => (if self.ends_chunked { Length::Chunked } else { Length::UntilClose }, false),
        };
        // Without a coding, or with chunks inside of another one, beside a length: RFC 9112 §6.1.
        let is_malformed = self.has_odd_coding
            || (self.has_chunks && !self.ends_chunked)
            || (self.codings > 0 && !self.has_chunks && self.lengths > 0);
        let is_clear = is_clear && !self.has_odd_line;
        Answer { status, length, is_clear, keep_alive, is_malformed }
    }

    /// `is_old` says that the request is one of HTTP/1.0.
    pub(super) fn of_request(&self, is_old: bool) -> Result<Length, Malformed> {
        match (self.lengths, self.codings) {
            _ if self.has_odd_line => Err(Malformed::Length),
            (0, 0) => Ok(Length::None),
            (1, 0) => self.length.map(Length::Bytes).ok_or(Malformed::Length),
            (0, 1) if self.is_chunked_alone && !is_old => Ok(Length::Chunked),
            _ => Err(Malformed::Length),
        }
    }
}

/// Whether this is the name, which is given in lower case. All of it is looked at, which is quicker than to stop.
pub(super) fn is<const BYTES: usize>(written: &[u8], name: &[u8; BYTES]) -> bool {
    <&[u8; BYTES]>::try_from(written).is_ok_and(|written| {
        let differences = written.iter().zip(name).map(|(byte, own)| byte.to_ascii_lowercase() ^ own);
        differences.fold(0, |all, one| all | one) == 0
    })
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The value, where the line is a field of this (lower-case) name.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (written, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    written.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Digits and nothing else.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let add = |number: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if value.is_empty() { None } else { value.iter().try_fold(0, add) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &str) -> Result<Length, Malformed> {
        of_request(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())
    }

    fn answer(line: &str, fields: &str, to_head: bool) -> Option<Answer> {
        of_response(format!("{line}\r\n{fields}\r\n").as_bytes(), to_head)
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        for (head, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Some(27)),
            ("a\r\n\r\n\r\n\r\n", Some(5)),
            ("a\n\nb", Some(3)),
            ("a\r\nb: c\r\n\r", None),
            ("", None),
        ] {
            assert_eq!(head_end(head.as_bytes(), 0), end, "{head:?}");
            for from in 0..=end.unwrap_or(head.len()).saturating_sub(1).min(head.len()) {
                assert_eq!(head_end(head.as_bytes(), from), end, "{head:?} from {from}");
            }
        }
    }

    #[test]
    fn a_name_is_the_same_in_any_case_and_no_other() {
        assert!(is(b"Keep-ALIVE", b"keep-alive"));
        for other in ["keep-aliv", "keep-alive ", "keep_alive", "\u{b}eep-alive", "keep\ralive"] {
            assert!(!is(other.as_bytes(), b"keep-alive"), "{other:?}");
        }
    }

    #[test]
    fn a_request_has_one_clear_length_or_none() {
        assert_eq!(request(""), Ok(Length::None));
        assert_eq!(request("content-length: 5\r\n"), Ok(Length::Bytes(5)));
        assert_eq!(request("Transfer-Encoding:\tCHUNKED \r\n"), Ok(Length::Chunked));
        assert_eq!(request("X-Content-Length: 5\r\nContent-Lengths: 5\r\n"), Ok(Length::None));
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(request(fields), Err(Malformed::Length), "{fields:?}");
        }
        let old = of_request(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(old, Err(Malformed::Length));
    }

    #[test]
    fn an_answer_ends_as_its_status_and_its_request_say() {
        let of = |line: &str, fields: &str, to_head| {
            let answer = answer(line, fields, to_head).unwrap();
            (answer.length, answer.is_clear)
        };
        let five = "Content-Length: 5\r\n";
        assert_eq!(of("HTTP/1.1 200 OK", five, false), (Length::Bytes(5), true));
        assert_eq!(of("HTTP/1.1 200 OK", five, true), (Length::None, true));
        assert_eq!(of("HTTP/1.1 204", five, false), (Length::None, true));
        assert_eq!(of("HTTP/1.1 304 Not Modified", five, false), (Length::None, true));
        assert_eq!(of("HTTP/1.1 100 Continue", "", false), (Length::None, true));
        assert_eq!(of("HTTP/1.0 200 OK", "", false), (Length::UntilClose, true));
        assert_eq!(of("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", false), (Length::Chunked, true));
        assert_eq!(of("HTTP/1.1 200 OK", &five.repeat(2), false), (Length::Bytes(5), true));
        let other = "Content-Length: 5\r\nContent-Length: 6\r\n";
        assert_eq!(of("HTTP/1.1 200 OK", other, false), (Length::UntilClose, false));
        let both = "Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n";
        assert_eq!(of("HTTP/1.1 200 OK", both, false), (Length::Chunked, false));
        // Others may not see the second field, or see another value of the first.
        for odd in ["Transfer-Encoding : chunked\r\n", "Transfer-Encoding\t: chunked\r\n", "X: a\r\n b\r\n"] {
            let fields = format!("{five}{odd}");
            assert!(!answer("HTTP/1.1 200 OK", &fields, false).unwrap().is_clear, "{odd:?}");
            assert_eq!(request(&fields), Err(Malformed::Length), "{odd:?}");
        }
        for (fields, is_one) in [
            ("Transfer-Encoding: chunked\r\n", true),
            ("Transfer-Encoding: chunked, Chunked\r\n", true),
            ("Transfer-Encoding: identity\r\n", true),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", true),
            ("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", false),
            ("Content-Length: 5\r\nTransfer-Encoding:\r\n", false),
            ("Transfer-Encoding: chunked, identity\r\n", false),
            ("Transfer-Encoding: chunked,\r\n", false),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", false),
            ("Transfer-Encoding : chunked\r\n", false),
            ("transfer-encoding\t: chunked\r\nContent-Length: 5\r\n", false),
        ] {
            let judged = answer("HTTP/1.1 200 OK", fields, false).unwrap().judged();
            assert_eq!(judged.is_ok(), is_one, "{fields:?}");
        }
        assert_eq!(answer("HTTP/2 200 OK", "", false), None);
        assert_eq!(answer("nonsense", "", false), None);
    }
}
