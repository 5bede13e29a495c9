//! A request as its service gets it: its head, and behind it its content, as it comes from the client. No more
//! of it is held than the service is about to take, and than may have to be sent once more.

use bytes::{BufMut as _, BytesMut};
use http::Method;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use token_source::Outgoing as _;

use super::overlay::Overlay;
use gateway_framing::{Length, Sent};
use gateway_http1::{LAST_CHUNK, write_chunk};
use gateway_pipeline::{Headers as _, Value};

/// Of a request that may be sent once more, so much content is kept for that.
const KEPT_BYTES_MAX: u64 = 64 * 1_024;

/// More room than this is given back, once what was in it has gone on.
const ROOM_KEPT_MAX: usize = 80 * 1_024;

pub(super) struct AsSent {
    /// What is to be written, behind what was, as long as that may have to be written again.
    bytes: BytesMut,
    written: usize,
    head_bytes: usize,
    /// Of the head, so much was not written in this try.
    head_left: usize,
    /// Of the content that came, without the coding in which it goes on.
    content_bytes: u64,
    length: Length,
    /// What its head says of its length is what it has.
    is_measured: bool,
    is_whole: bool,
    /// All that was written is still at hand.
    is_kept: bool,
    pub(super) is_head: bool,
    /// The service is told that nothing follows.
    pub(super) closes: bool,
}

impl AsSent {
    /// `head` has the fields that go on, but for what says that the content goes in chunks.
    pub(super) fn new(method: &Method, mut head: Overlay<'_>, length: Length) -> Self {
        if length == Length::Chunked {
            head.remove(&CONTENT_LENGTH);
            head.set(&TRANSFER_ENCODING, Value::Static("chunked"));
        }
        let is_measured = is_measured(&head, length);
        let closes = head.has(&CONNECTION);
        let bytes = head.into_text();
        Self {
            written: 0,
            head_bytes: bytes.len(),
            head_left: bytes.len(),
            bytes,
            content_bytes: 0,
            length,
            is_measured,
            is_whole: false,
            is_kept: method.is_idempotent(),
            is_head: method == Method::HEAD,
            closes,
        }
    }

    /// Content that came.
    pub(super) fn put(&mut self, piece: &[u8]) {
        self.content_bytes += piece.len() as u64;
        self.is_kept &= self.content_bytes <= KEPT_BYTES_MAX;
        self.forget();
        if self.length == Length::Chunked {
            write_chunk(piece, &mut self.bytes);
        } else {
            self.bytes.put_slice(piece);
        }
    }

    /// No more of it comes.
    pub(super) fn put_end(&mut self) {
        self.is_whole = true;
        if self.length == Length::Chunked {
            self.bytes.put_slice(LAST_CHUNK);
        }
    }

    pub(super) fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Whether all of its content came.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether it can be written again from its beginning.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Once an answer has begun it is not written again.
    pub(super) fn keep_no_more(&mut self) {
        self.is_kept = false;
        self.forget();
    }

    /// Another try begins. Whether there is all that it needs.
    pub(super) fn begin_again(&mut self) -> bool {
        let is_there = self.is_kept || self.head_left == self.head_bytes;
        (self.written, self.head_left) = (0, self.head_bytes);
        is_there
    }

    /// What is written of it, where that is known.
    pub(super) fn announced(&self) -> Option<Sent> {
        let content = match self.length {
            Length::None => 0,
            Length::Bytes(bytes) => usize::try_from(bytes).ok()?,
            Length::Chunked | Length::UntilClose => return None,
        };
        let bytes = self.head_bytes.checked_add(content)?;
        self.is_measured.then(|| Sent::measured(self.head_bytes, bytes, self.is_head))
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        self.head_left = self.head_left.saturating_sub(bytes);
        self.forget();
    }

    /// Whether the head was written to its end.
    pub(super) fn is_head_written(&self) -> bool {
        self.head_left == 0
    }

    fn forget(&mut self) {
        if !self.is_kept && self.written == self.bytes.len() {
            self.written = 0;
            if self.is_whole || self.bytes.capacity() > ROOM_KEPT_MAX {
                self.bytes = BytesMut::new();
            } else {
                self.bytes.clear();
            }
        }
    }
}

/// Whether the head says what length the content has, and nothing of another end.
fn is_measured(head: &Overlay<'_>, length: Length) -> bool {
    let mut lengths = head.values(&CONTENT_LENGTH);
    let said = lengths.next().map_or(Some(0), |length| std::str::from_utf8(length).ok()?.parse().ok());
    let is_said = match length {
        Length::None => said == Some(0),
        Length::Bytes(bytes) => said == Some(bytes),
        Length::Chunked | Length::UntilClose => false,
    };
    let is_said_once = is_said && lengths.next().is_none();
    is_said_once && !head.has(&TRANSFER_ENCODING) && !head.has(&UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_http1::request_line;

    fn sent(method: Method, length: Length) -> AsSent {
        let mut head = Overlay::over(request_line(&method, "/"), []);
        if let Length::Bytes(bytes) = length {
            head.set(&CONTENT_LENGTH, Value::Text(bytes.to_string().as_bytes()));
        }
        AsSent::new(&method, head, length)
    }

    fn text(sent: &AsSent) -> String {
        String::from_utf8_lossy(sent.unwritten()).into_owned()
    }

    #[test]
    fn content_goes_on_as_the_head_says() {
        let mut measured = sent(Method::PUT, Length::Bytes(5));
        measured.put(b"hel");
        measured.put(b"lo");
        measured.put_end();
        assert_eq!(text(&measured), "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
        assert!(measured.announced().is_some());
        let mut chunks = sent(Method::PUT, Length::Chunked);
        chunks.put(b"hello");
        chunks.put(b"");
        chunks.put_end();
        let end = "5\r\nhello\r\n0\r\n\r\n";
        assert_eq!(text(&chunks), format!("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{end}"));
        assert!(chunks.announced().is_none());
    }

    #[test]
    fn what_may_be_sent_again_is_kept_up_to_a_bound_and_nothing_else_is() {
        for (method, bytes, is_kept) in
            [(Method::PUT, 65_536, true), (Method::PUT, 65_537, false), (Method::POST, 1, false)]
        {
            let mut sent = sent(method.clone(), Length::Bytes(bytes as u64));
            let all = sent.unwritten().len() + bytes;
            sent.put(&vec![b'x'; bytes]);
            sent.put_end();
            assert!(sent.begin_again(), "nothing was written");
            sent.wrote(all);
            assert_eq!((sent.unwritten().len(), sent.is_kept()), (0, is_kept), "{method} {bytes}");
            assert_eq!(sent.begin_again(), is_kept, "{method} {bytes}");
            assert_eq!(sent.unwritten().len(), if is_kept { all } else { 0 }, "{method} {bytes}");
        }
    }
}
