//! The head of an answer as nearly all are written, read once and strictly: what passes here, all readers take,
//! and take alike. Another one may be an answer all the same: that is for readers that take more.

use super::head::{Answer, Fields, is, number};
use super::request::{FIELDS_MAX, is_token};

/// The head of the last answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// With its empty line.
    pub bytes: usize,
    pub phrase: &'a [u8],
    pub answer: Answer,
    /// Whether it says that the connection ends with it (RFC 9112 §9.6).
    pub closes: bool,
}

/// The head with which these bytes begin, where all of it is there and nothing about it is unusual. `field` is
/// told its fields, as far as it was read. `to_head` says that the request was a HEAD, whose answer has no content.
pub fn read_response<'a>(
    bytes: &'a [u8],
    to_head: bool,
    mut field: impl FnMut(&'a [u8], &'a [u8]),
) -> Option<ResponseHead<'a>> {
    let (status, rest) = bytes.strip_prefix(b"HTTP/1.1 ")?.split_at_checked(3)?;
    // Of interim ones there may be many, and of 101 on it is no HTTP.
    let status = u16::try_from(number(status)?).ok().filter(|status| *status >= 200)?;
    let mut rest = rest.strip_prefix(b" ")?;
    let phrase = next_line(&mut rest).filter(|phrase| phrase.is_ascii())?;
    let (mut fields, mut closes) = (Fields::default(), false);
    for _ in 0..=FIELDS_MAX {
        if let Some(behind) = rest.strip_prefix(b"\r\n") {
            let answer = fields.of_response(status, to_head);
            // What it says of a length is looked at though it may mean nothing.
            let is_usual = answer.is_clear && fields.is_measured_once();
            let bytes = bytes.len() - behind.len();
            return is_usual.then_some(ResponseHead { bytes, phrase, answer, closes });
        }
        let end = rest.iter().position(|byte| !is_token(*byte)).filter(|end| *end > 0)?;
        let (name, behind) = rest.split_at_checked(end)?;
        rest = behind.strip_prefix(b":")?;
        let value = next_line(&mut rest)?.trim_ascii();
        if is(name, b"connection") {
            let mut members = value.split(|byte| *byte == b',');
            closes |= members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"close"));
        } else {
            fields.note(name, value);
        }
        field(name, value);
    }
    None
}

/// Up to the next CRLF, where there is no other control character before it (RFC 9110 §5.5).
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| is_control(*byte))?;
    let (line, behind) = rest.split_at_checked(end)?;
    *rest = behind.strip_prefix(b"\r\n")?;
    Some(line)
}

/// Each byte of each value is asked.
#[expect(clippy::indexing_slicing, reason = "there are as many as there are bytes")]
fn is_control(byte: u8) -> bool {
    CONTROLS[usize::from(byte)]
}

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which refuses what is out of bounds")]
const CONTROLS: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        all[byte as usize] = byte.is_ascii_control() && byte != b'\t';
        byte += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Length, of_response};

    fn read(head: &str, to_head: bool) -> Option<ResponseHead<'_>> {
        read_response(head.as_bytes(), to_head, |_, _| ())
    }

    #[test]
    fn the_head_of_an_answer_is_read_with_its_fields_and_what_follows_is_not_of_it() {
        let head = "HTTP/1.1 404 Not Found\r\nA:\tb c\t\r\ncontent-length: 5\r\nConnection: x, Close\r\n\r\n";
        let mut seen = Vec::new();
        let bytes = format!("{head}hello");
        let read = read_response(bytes.as_bytes(), false, |name, value| {
            seen.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        });
        let ResponseHead { bytes, phrase, answer, closes } = read.unwrap();
        assert_eq!((bytes, phrase, closes), (head.len(), &b"Not Found"[..], true));
        assert_eq!((answer.status, answer.length), (404, Length::Bytes(5)));
        assert_eq!(seen, ["A=b c", "content-length=5", "Connection=x, Close"]);
    }

    #[test]
    fn what_is_unusual_is_left_to_others() {
        let of = |line: &str, fields: &str| read(&format!("{line}\r\n{fields}\r\n"), false).is_some();
        let ok = "HTTP/1.1 200 OK";
        assert!(of(ok, "") && of("HTTP/1.1 299 ", "A:\r\n") && of(ok, "Transfer-Encoding: chunked\r\n"));
        for line in [
            "HTTP/1.0 200 OK",
            "HTTP/1.1 200",
            "HTTP/1.1 101 Other",
            "HTTP/1.1 103 Early Hints",
            "HTTP/1.1 200 é",
        ] {
            assert!(!of(line, ""), "{line:?}");
        }
        for fields in [
            "A : b\r\n",
            "A: b\r\n c\r\n",
            "A: b\n",
            "A: \u{1}\r\n",
            ": b\r\n",
            "A\r\n",
            "Content-Length: x\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ] {
            assert!(!of(ok, fields), "{fields:?}");
        }
        let many = "A: b\r\n".repeat(FIELDS_MAX);
        assert!(of(ok, &many) && !of(ok, &format!("{many}A: b\r\n")));
    }

    proptest! {
        #[test]
        fn what_is_read_here_ends_where_the_wider_reader_sees_it(
            line in "HTTP/1\\.[01] [1-5]0[0-9] ?[a-zA-Z]{0,3}",
            fields in proptest::collection::vec(
                ("(Content-Length|Transfer-Encoding|Keep-Alive|[A-Z ]{1,2})", "( |:|,|\t|5|6|chunked|gzip|max=1|\r|\n){0,3}"), 0..4),
            to_head: bool,
        ) {
            let fields: String = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
            let head = format!("{line}\r\n{fields}\r\n");
            if let Some(found) = read(&head, to_head) {
                let own = &head.as_bytes()[..found.bytes];
                prop_assert_eq!(super::super::head_end(head.as_bytes(), 0), Some(found.bytes));
                prop_assert_eq!(of_response(own, to_head), Some(found.answer));
                prop_assert!(found.answer.judged().is_ok());
            }
        }
    }
}
