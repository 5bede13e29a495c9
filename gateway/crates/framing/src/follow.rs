//! Follows what goes over a connection: one request to its end, and its answers, interim ones
//! included, to the end of the last.

use bytes::BytesMut;

use super::{
    Answer, Body, KeepAlive, Length, Malformed, asks_for_upgrade, head_end, of_request, of_response,
};

/// Heads that come in pieces are gathered up to here; nothing that is larger is taken for a head.
const HEAD_BYTES_MAX: usize = 2 * 1_024 * 1_024;

/// Interim answers to one request. Each costs work, and none is of use to a client that is gone or knows none.
const INTERIM_MAX: u32 = 100;

/// A request as it is sent.
#[derive(Debug, Default)]
pub struct Sent {
    state: Sending,
    head_bytes: usize,
    is_head: bool,
    has_content: bool,
    asks_for_upgrade: bool,
}

#[derive(Debug, Default)]
enum Sending {
    #[default]
    Head,
    /// So many bytes, the head among them, and none was sent.
    Measured(u64),
    Content(Body),
    /// Where it ends cannot be told: nothing can come after it.
    Unknown,
}

impl Sent {
    /// One of so many bytes, by whoever wrote it and knows: with a head of `head_bytes`, and content of a
    /// length that stands in it.
    pub fn measured(head_bytes: usize, bytes: usize, is_head: bool) -> Self {
        let state = Sending::Measured(bytes as u64);
        Self { state, head_bytes, is_head, has_content: bytes > head_bytes, asks_for_upgrade: false }
    }

    /// How many of these bytes belong to the request. Its head must come in one piece.
    pub fn read(&mut self, bytes: &[u8]) -> usize {
        if let Sending::Measured(bytes) = self.state {
            self.state = Sending::Content(Body::Bytes(bytes));
        }
        match &mut self.state {
            Sending::Unknown | Sending::Measured(_) => return bytes.len(),
            Sending::Content(body) => {
                if let Ok(read) = body.read(bytes) {
                    return read;
                }
            }
            Sending::Head => {
                if let Some((head, rest)) = head_end(bytes, 0).and_then(|end| bytes.split_at_checked(end)) {
                    self.head_bytes = head.len();
                    self.is_head = head.starts_with(b"HEAD ");
                    self.asks_for_upgrade = asks_for_upgrade(head);
                    if let Ok(length) = of_request(head) {
                        let body = Body::new(length);
                        self.has_content = !body.is_ended();
                        self.state = Sending::Content(body);
                        return head.len() + self.read(rest);
                    }
                }
            }
        }
        self.state = Sending::Unknown;
        bytes.len()
    }

    /// Whether nothing of it was sent.
    pub fn is_to_come(&self) -> bool {
        matches!(self.state, Sending::Head | Sending::Measured(_))
    }

    pub fn is_ended(&self) -> bool {
        matches!(&self.state, Sending::Content(body) if body.is_ended())
    }

    /// Whether anything belongs to it beside its head.
    pub fn has_content(&self) -> bool {
        self.has_content
    }

    /// Whether its content goes in chunks, and is not at its end.
    pub fn is_chunking(&self) -> bool {
        matches!(&self.state, Sending::Content(Body::Chunked(chunked)) if !chunked.is_ended())
    }

    /// Bytes of its head; zero where it was not sent, and is not known.
    pub fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    /// Whether it is a HEAD, whose answer has no content.
    pub fn is_head(&self) -> bool {
        self.is_head
    }

    pub fn asks_for_upgrade(&self) -> bool {
        self.asks_for_upgrade
    }
}

/// Answers as they are received.
#[derive(Debug, Default)]
pub struct Received {
    state: Receiving,
    /// Nothing can come after an answer whose end others may see elsewhere.
    is_last: bool,
    interim: u32,
    /// Of the last answer, once its head came.
    status: u16,
    keep_alive: KeepAlive,
}

#[derive(Debug)]
enum Receiving {
    /// With what came of it in former pieces.
    Head(BytesMut),
    Content(Body),
    /// Another protocol (101), or nothing that could be told.
    Unknown,
}

impl Default for Receiving {
    fn default() -> Self {
        Self::Head(BytesMut::new())
    }
}

impl Received {
    /// How many of these bytes belong to the answers. `to_head` says that the request was a HEAD.
    ///
    /// # Errors
    ///
    /// Where the content is malformed, or its end is nowhere, or interim answers do not end. Nothing of these bytes is to be used.
    pub fn read(&mut self, bytes: &[u8], to_head: bool) -> Result<usize, Malformed> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (read, next) = match &mut self.state {
                Receiving::Unknown => return Ok(bytes.len()),
                Receiving::Content(body) if body.is_ended() => break,
                Receiving::Content(body) => (body.read(rest)?, None),
                Receiving::Head(seen) if begins_blank(seen, rest) => {
                    seen.clear();
                    // Others may not pass over it.
                    self.is_last = true;
                    (rest.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1), None)
                }
                Receiving::Head(seen) => {
                    let before = seen.len();
                    // Most heads come whole, and need not be gathered.
                    let end = if before == 0 { head_end(rest, 0) } else { None };
                    if let Some(head) = end.and_then(|end| rest.get(..end)) {
                        (head.len(), Some(self.after(head, to_head)?))
                    } else {
                        seen.extend_from_slice(rest);
                        match head_end(seen, before) {
                            Some(end) => {
                                let head = seen.split_to(end);
                                (end - before, Some(self.after(&head, to_head)?))
                            }
                            None if seen.len() > HEAD_BYTES_MAX => (rest.len(), Some(Receiving::Unknown)),
                            None => (rest.len(), None),
                        }
                    }
                }
            };
            at += read;
            if let Some(next) = next {
                self.state = next;
            }
        }
        Ok(at)
    }

    /// Whether nothing came of the next head.
    pub fn is_to_begin(&self) -> bool {
        matches!(&self.state, Receiving::Head(seen) if seen.is_empty())
    }

    /// The same for bytes that begin with a head of so many, which somebody read, and which says this.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn read_behind(
        &mut self,
        head_bytes: usize,
        answer: Answer,
        bytes: &[u8],
    ) -> Result<usize, Malformed> {
        self.state = self.follow(Some(answer))?;
        Ok(head_bytes + self.read(bytes.get(head_bytes..).unwrap_or_default(), false)?)
    }

    fn after(&mut self, head: &[u8], to_head: bool) -> Result<Receiving, Malformed> {
        self.follow(of_response(head, to_head))
    }

    fn follow(&mut self, answer: Option<Answer>) -> Result<Receiving, Malformed> {
        Ok(match answer.map(Answer::judged).transpose()? {
            Some(answer) if answer.status == 101 => Receiving::Unknown,
            Some(answer) if answer.status < 200 => {
                self.interim += 1;
                if self.interim > INTERIM_MAX {
                    return Err(Malformed::Interim);
                }
                Receiving::default()
            }
            Some(answer) => {
                self.is_last |= !answer.is_clear || answer.length == Length::UntilClose;
                (self.status, self.keep_alive) = (answer.status, answer.keep_alive);
                Receiving::Content(Body::new(answer.length))
            }
            None => Receiving::Unknown,
        })
    }

    /// Whether the last answer is over.
    pub fn is_ended(&self) -> bool {
        matches!(&self.state, Receiving::Content(body) if body.is_ended())
    }

    /// Whether the head of the last answer came.
    pub fn is_begun(&self) -> bool {
        matches!(self.state, Receiving::Content(_))
    }

    /// The status of the last answer, once its head came.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What it says of its connection.
    pub fn keep_alive(&self) -> KeepAlive {
        self.keep_alive
    }

    /// Whether its end is known, and did not come.
    pub fn is_unfinished(&self) -> bool {
        matches!(&self.state, Receiving::Content(body) if !body.is_ended() && !matches!(body, Body::UntilClose))
    }

    /// Whether there is nothing to follow any more: another protocol is spoken, or what came was no
    /// answer.
    pub fn is_open(&self) -> bool {
        matches!(self.state, Receiving::Unknown)
    }

    /// Whether it is over, and everybody saw its end where we did.
    pub fn may_be_followed(&self) -> bool {
        self.is_ended() && !self.is_last
    }
}

/// Whether an empty line comes where a head is to begin: common readers of answers pass over any number of
/// them.
fn begins_blank(seen: &[u8], rest: &[u8]) -> bool {
    matches!((seen, rest), ([], [b'\n', ..] | [b'\r', b'\n', ..]) | ([b'\r'], [b'\n', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer in pieces of so many bytes: how many were taken, and what it is then.
    fn received(bytes: &str, step: usize, to_head: bool) -> (usize, Received) {
        let (mut received, mut taken) = (Received::default(), 0);
        for piece in bytes.as_bytes().chunks(step) {
            taken += received.read(piece, to_head).unwrap();
        }
        (taken, received)
    }

    #[test]
    fn a_request_ends_once_and_what_comes_behind_does_not_belong_to_it() {
        let mut sent = Sent::default();
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(sent.read(head), head.len());
        assert!(sent.is_chunking() && !sent.is_ended());
        assert_eq!(sent.read(b"5\r\nhello\r\n0\r\n\r\n"), 15);
        assert!(sent.is_ended() && !sent.is_chunking());
        assert_eq!(sent.read(b"0\r\n\r\n"), 0);
        assert!(sent.is_ended());
    }

    #[test]
    fn a_request_that_was_measured_ends_where_it_was_said() {
        let mut sent = Sent::measured(20, 25, true);
        assert!(sent.is_to_come() && !sent.is_ended());
        assert_eq!(sent.read(&[0; 24]), 24);
        assert!(!sent.is_to_come() && !sent.is_ended() && sent.is_head());
        assert_eq!((sent.read(&[0; 2]), sent.is_ended(), sent.head_bytes()), (1, true, 20));
    }

    #[test]
    fn a_request_that_cannot_be_told_has_no_end() {
        for bytes in ["POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\nHost", "\0"] {
            let mut sent = Sent::default();
            assert_eq!(sent.read(bytes.as_bytes()), bytes.len());
            assert!(!sent.is_ended(), "{bytes:?}");
        }
        let mut sent = Sent::default();
        sent.read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        sent.read(b"zz\r\n");
        assert!(!sent.is_ended());
    }

    #[test]
    fn an_answer_behind_empty_lines_is_followed_as_any_other_and_is_the_last() {
        let answer = "\r\n\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        for step in [1, 2, 3, 7, 1_000] {
            let (taken, whole) = received(&format!("{answer}behind"), step, false);
            assert_eq!(
                (taken, whole.is_ended(), whole.may_be_followed()),
                (answer.len(), true, false),
                "{step}"
            );
        }
        let malformed = answer.replace("2\r\nok", "\r\nok");
        assert!(Received::default().read(malformed.as_bytes(), false).is_err());
    }

    #[test]
    fn the_last_answer_ends_after_interim_ones_however_they_came() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
        for (last, behind, to_head) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "0\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", "x", false),
        ] {
            let answer = format!("{interim}{last}");
            for step in [1, 2, 3, 7, 1_000] {
                let (taken, whole) = received(&format!("{answer}{behind}"), step, to_head);
                assert_eq!(taken, answer.len(), "{answer:?} in pieces of {step}");
                assert!(whole.may_be_followed());
            }
        }
    }

    #[test]
    fn nothing_follows_another_protocol_or_an_answer_that_others_read_otherwise() {
        for answer in [
            "HTTP/1.1 101 Switching Protocols\r\n\r\nanything",
            "HTTP/1.1 200 OK\r\n\r\nto the end",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            let (taken, whole) = received(answer, 4, false);
            assert_eq!(taken, answer.len());
            assert!(!whole.may_be_followed(), "{answer:?}");
        }
    }

    #[test]
    fn interim_answers_end() {
        let (mut received, interim) = (Received::default(), b"HTTP/1.1 103 Early Hints\r\n\r\n");
        (0..100).for_each(|_| assert_eq!(received.read(interim, false), Ok(interim.len())));
        assert_eq!(received.read(interim, false), Err(Malformed::Interim));
    }

    #[test]
    fn malformed_content_of_an_answer_is_an_error() {
        let mut received = Received::default();
        assert_eq!(received.read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false), Ok(47));
        assert_eq!(received.read(b"zz\r\n", false), Err(Malformed::ChunkSize));
    }
}
