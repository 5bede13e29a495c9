//! The head of a service's answer. It is read as widely as Pingora reads it: the request was sent, and no
//! other reader can be asked any more.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};
use httparse::{ParserConfig, Status};
use token_source::Outgoing as _;

use super::Fields;
use gateway_framing::{Length, head_end, read_response};

/// Fields that a head may have.
const FIELDS_MAX: usize = 256;
/// Largest head, in bytes.
const HEAD_BYTES_MAX: usize = 1_024 * 1_024;
/// Fields that are added on the way to a client, for which there is room.
const ADDED: usize = 8;
/// Room for the fields of most answers, and for what is added. More than a kilobyte would cost more.
const FIELDS_USUAL: usize = 14;
/// What follows a head is copied with it, up to this.
const COPIED_MAX: usize = 4 * 1_024;

/// The head of an answer, an interim one or the last.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// Where it is not the usual one.
    pub phrase: Option<Bytes>,
    pub fields: Fields,
    /// Where its content ends.
    pub length: Length,
    /// Whether its service means to go on with the connection (RFC 9112 §9.3).
    pub keeps_connection: bool,
}

/// An answer whose head came whole and is written as nearly all are, so that it is read once for all.
pub struct Usual {
    pub answer: Answer,
    pub head_bytes: usize,
    /// What the head says of its end to whoever follows its connection.
    pub framing: gateway_framing::Answer,
    /// It, and what came behind it, unless that is long.
    came: Bytes,
}

/// What came is no answer: no head, one that is too large, or one that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the head of the answer is none: {0}")]
    Head(httparse::Error),
    #[error("the head of the answer is larger than a megabyte")]
    TooLarge,
    #[error("the status of the answer is none")]
    Status,
    #[error("a field of the answer is none")]
    Field,
    #[error("the Content-Length of the answer is none, or several")]
    Length,
}

/// The head with which these bytes begin, and how many of them it has; `None` while it is not whole.
/// `to_head` says that the request was a HEAD, whose answer has no content.
///
/// # Errors
///
/// Where they begin with none.
pub fn read_answer(bytes: &[u8], to_head: bool) -> Result<Option<(usize, Answer)>, NoAnswer> {
    // What follows is not copied, but where the head has an end that only we see.
    let head = head_end(bytes, 0).and_then(|end| bytes.get(..end));
    let mut answer = match head {
        Some(head) => read(Bytes::copy_from_slice(head), to_head)?,
        None => None,
    };
    if answer.is_none() {
        answer = read(Bytes::copy_from_slice(bytes), to_head)?;
    }
    // However it came.
    let head_bytes = answer.as_ref().map_or(bytes.len(), |(end, _)| *end);
    if head_bytes > HEAD_BYTES_MAX { Err(NoAnswer::TooLarge) } else { Ok(answer) }
}

/// The same for bytes that came together, where their head is a usual one. What it takes, [`read_answer`] takes
/// alike, and so does whoever follows the connection.
pub fn read_usual_answer(bytes: &[u8], to_head: bool) -> Option<Usual> {
    let came = if bytes.len() > COPIED_MAX { bytes.get(..head_end(bytes, 0)?)? } else { bytes };
    let came = Bytes::copy_from_slice(came);
    let (mut fields, mut are_fields) = (Fields::with_capacity(FIELDS_USUAL), true);
    let head = read_response(&came, to_head, |name, value| {
        let name = HeaderName::from_bytes(name).ok();
        match name.zip(HeaderValue::from_maybe_shared(came.slice_ref(value)).ok()) {
            Some((name, value)) => fields.put(name, value),
            None => are_fields = false,
        }
    });
    let head = head.filter(|_| are_fields)?;
    let status = StatusCode::from_u16(head.answer.status).ok()?;
    let is_said = status.canonical_reason().map(str::as_bytes) == Some(head.phrase);
    let phrase = (!is_said).then(|| came.slice_ref(head.phrase));
    let (length, keeps_connection) = (head.answer.length, !head.closes);
    let (head_bytes, framing) = (head.bytes, head.answer);
    let answer = Answer { status, phrase, fields, length, keeps_connection };
    Some(Usual { answer, head_bytes, framing, came })
}

impl Usual {
    /// What lies behind its head in these bytes, which begin with it.
    pub fn behind(&self, bytes: &[u8]) -> Bytes {
        match bytes.get(self.head_bytes..) {
            None | Some([]) => Bytes::new(),
            Some(_) if bytes.len() <= self.came.len() => self.came.slice(self.head_bytes..bytes.len()),
            Some(behind) => Bytes::copy_from_slice(behind),
        }
    }
}

fn read(bytes: Bytes, to_head: bool) -> Result<Option<(usize, Answer)>, NoAnswer> {
    let mut room = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let mut reader = ParserConfig::default();
    reader.allow_spaces_after_header_name_in_responses(true);
    reader.allow_obsolete_multiline_headers_in_responses(true);
    let read = reader.parse_response_with_uninit_headers(&mut response, &bytes, &mut room);
    let Status::Complete(end) = read.map_err(NoAnswer::Head)? else { return Ok(None) };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(NoAnswer::Status)?;
    let mut fields = Fields::with_capacity(response.headers.len() + ADDED);
    for field in &*response.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NoAnswer::Field)?;
        let value = value(bytes.slice_ref(field.value)).ok_or(NoAnswer::Field)?;
        fields.put(name, value);
    }
    let phrase = response.reason.filter(|phrase| Some(*phrase) != status.canonical_reason());
    let phrase = phrase.map(|phrase| bytes.slice_ref(phrase.as_bytes()));
    let keeps_connection = keeps_connection(&fields, response.version == Some(0));
    let length = length(status, &mut fields, to_head)?;
    Ok(Some((end, Answer { status, phrase, fields, length, keeps_connection })))
}

/// `is_old` says that it is one of HTTP/1.0, which goes on only where it says so, and never behind a coding
/// (RFC 9112 §6.1).
fn keeps_connection(fields: &Fields, is_old: bool) -> bool {
    let says = |word: &[u8]| {
        let values = fields.values(&CONNECTION);
        let mut said = values.flat_map(|value| value.split(|byte| *byte == b','));
        said.any(|said| said.trim_ascii().eq_ignore_ascii_case(word))
    };
    let may_go_on = !is_old || says(b"keep-alive") && fields.get(&TRANSFER_ENCODING).is_none();
    may_go_on && !says(b"close")
}

/// A value; one that is folded over several lines as one line (RFC 9112 §5.2).
fn value(bytes: Bytes) -> Option<HeaderValue> {
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes.clone()) {
        return Some(value);
    }
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    HeaderValue::from_maybe_shared(Bytes::from(lines.collect::<Vec<_>>().join(&b' '))).ok()
}

/// RFC 9112 §6.3, as Pingora has it: a coding overrules a length, and equal lengths are one.
fn length(status: StatusCode, fields: &mut Fields, to_head: bool) -> Result<Length, NoAnswer> {
    let coding = fields.values(&TRANSFER_ENCODING).last();
    let is_coded = coding.is_some();
    let is_chunked = coding.is_some_and(|coding| {
        let last = coding.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        last.trim_ascii().eq_ignore_ascii_case(b"chunked")
    });
    if is_coded {
        fields.take_out(&CONTENT_LENGTH);
    }
    let length = measured(fields)?;
    if to_head || status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        return Ok(Length::None);
    }
    Ok(match length {
        _ if is_chunked => Length::Chunked,
        Some(length) => Length::Bytes(length),
        None => Length::UntilClose,
    })
}

fn measured(fields: &Fields) -> Result<Option<u64>, NoAnswer> {
    let mut found = None;
    let values = fields.values(&CONTENT_LENGTH);
    for number in values.flat_map(|value| value.split(|byte| *byte == b',')) {
        let number = number.trim_ascii();
        let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(number).ok().filter(|_| digits);
        let number = number.and_then(|number| number.parse().ok()).ok_or(NoAnswer::Length)?;
        if found.is_some_and(|other| other != number) {
            return Err(NoAnswer::Length);
        }
        found = Some(number);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(head: &str, to_head: bool) -> Result<Answer, NoAnswer> {
        let (end, answer) = read_answer(head.as_bytes(), to_head)?.expect("a whole head");
        assert_eq!(end, head.len(), "{head:?}");
        Ok(answer)
    }

    fn length(line: &str, fields: &str) -> Result<Length, NoAnswer> {
        read(&format!("{line}\r\n{fields}\r\n"), false).map(|answer| answer.length)
    }

    #[test]
    fn a_head_is_whole_with_its_empty_line_and_what_follows_is_not_of_it() {
        let head = "HTTP/1.1 200 Fine\r\nA: b\r\nA:\tc \u{e9}\r\n\r\n";
        for end in 0..head.len() {
            assert!(read_answer(&head.as_bytes()[..end], false).unwrap().is_none(), "{end}");
        }
        let (end, answer) =
            read_answer(format!("{head}HTTP/1.1 200 OK\r\n\r\n").as_bytes(), false).unwrap().unwrap();
        assert_eq!(
            (end, answer.status.as_u16(), answer.phrase.as_deref()),
            (head.len(), 200, Some(&b"Fine"[..]))
        );
        let a = HeaderName::from_static("a");
        let values: Vec<_> = answer.fields.values(&a).collect();
        assert_eq!(values, [&b"b"[..], "c \u{e9}".as_bytes()]);
        assert!(read("HTTP/1.1 404 Not Found\r\n\r\n", false).unwrap().phrase.is_none());
    }

    #[test]
    fn what_services_write_and_pingora_takes_is_taken() {
        let odd = read("HTTP/1.0 200 OK\r\nA : b\r\nC: d\r\n\t e\r\n\r\n", false).unwrap();
        assert_eq!(
            ["a", "c"].map(|name| odd.fields.get(&HeaderName::from_static(name)).unwrap()),
            ["b", "d e"]
        );
        assert_eq!(
            read("\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", false).unwrap().length,
            Length::Bytes(1)
        );
        assert_eq!(read("HTTP/1.1 200\nContent-Length: 1\n\n", false).unwrap().length, Length::Bytes(1));
    }

    #[test]
    fn the_end_of_an_answer_is_where_pingora_sees_it() {
        let ok = "HTTP/1.1 200 OK";
        assert_eq!(length(ok, ""), Ok(Length::UntilClose));
        assert_eq!(length(ok, "Content-Length: 5\r\n"), Ok(Length::Bytes(5)));
        assert_eq!(length(ok, "Content-Length: 5, 5\r\nContent-Length: 5\r\n"), Ok(Length::Bytes(5)));
        assert_eq!(length(ok, "Transfer-Encoding: chunked\r\nContent-Length: x\r\n"), Ok(Length::Chunked));
        assert_eq!(length(ok, "Transfer-Encoding: gzip, Chunked\r\n"), Ok(Length::Chunked));
        assert_eq!(length(ok, "Transfer-Encoding: identity\r\n"), Ok(Length::UntilClose));
        for fields in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
            for line in ["HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 103 Early Hints"] {
                assert_eq!(length(line, fields), Ok(Length::None), "{line} {fields:?}");
            }
            assert_eq!(read(&format!("{ok}\r\n{fields}\r\n"), true).unwrap().length, Length::None);
        }
        for odd in ["5, 6", "x", "", "+5", "5,", "99999999999999999999"] {
            assert_eq!(length(ok, &format!("Content-Length: {odd}\r\n")), Err(NoAnswer::Length), "{odd:?}");
        }
    }

    #[test]
    fn a_service_keeps_the_connection_unless_it_says_otherwise() {
        let keeps = |line: &str, fields: &str| {
            read(&format!("{line}\r\n{fields}\r\n"), false).unwrap().keeps_connection
        };
        let (new, old) = ("HTTP/1.1 200 OK", "HTTP/1.0 200 OK");
        assert!(
            keeps(new, "") && keeps(new, "Connection: x\r\n") && keeps(old, "Connection: Keep-Alive\r\n")
        );
        for said in ["close", "Close", "x, close", "keep-alive, close", "keep-alive\r\nConnection: close"] {
            assert!(!keeps(new, &format!("Connection: {said}\r\n")), "{said:?}");
        }
        assert!(!keeps(old, "") && !keeps(old, "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"));
    }

    #[test]
    fn what_is_no_answer_is_said_to_be_none() {
        for head in [
            "nonsense\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        ] {
            assert!(matches!(read_answer(head.as_bytes(), false), Err(NoAnswer::Head(_))), "{head:?}");
        }
        assert_eq!(read("HTTP/1.1 099 Odd\r\n\r\n", false).unwrap_err(), NoAnswer::Status);
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(HEAD_BYTES_MAX));
        for end in ["", "\r\n\r\n"] {
            let head = format!("{long}{end}");
            assert_eq!(read_answer(head.as_bytes(), false).unwrap_err(), NoAnswer::TooLarge, "{end:?}");
        }
    }

    #[test]
    fn what_lies_behind_a_usual_head_is_at_hand_however_long_it_is() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n";
        for length in [0, 1, COPIED_MAX - head.len(), COPIED_MAX - head.len() + 1, 9_000] {
            let bytes = format!("{head}{}", "x".repeat(length));
            let usual = read_usual_answer(bytes.as_bytes(), false).unwrap();
            assert_eq!(usual.behind(bytes.as_bytes()), "x".repeat(length));
            // Of which some may not belong to it.
            let own = &bytes.as_bytes()[..head.len() + length / 2];
            assert_eq!(usual.behind(own).len(), length / 2);
        }
    }

    proptest! {
        #[test]
        fn what_is_usual_is_read_as_pingora_reads_it(
            line in "HTTP/1\\.[01] [1-5]0[0-9] ?(OK|[a-zA-Z ]{0,3})",
            fields in proptest::collection::vec(
                ("(Content-Length|Transfer-Encoding|Connection|Keep-Alive|[A-Z ]{1,2})", "( |:|,|\t|5|6|chunked|gzip|close|x|é|\r|\n){0,3}"), 0..4),
            to_head: bool,
        ) {
            let fields: String = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
            let bytes = format!("{line}\r\n{fields}\r\nbehind");
            if let Some(usual) = read_usual_answer(bytes.as_bytes(), to_head) {
                let others = read_answer(bytes.as_bytes(), to_head);
                let own = Ok::<_, NoAnswer>(Some((usual.head_bytes, usual.answer)));
                prop_assert_eq!(format!("{own:?}"), format!("{others:?}"));
            }
        }
    }
}
