//! The client of a request on the lane: what is asked of its connection, and how it is answered.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, StatusCode, Version};
use pingora::protocols::http::date::get_cached_date;
use pingora::{Error, ErrorType};

use super::content::Content;
use super::overlay::Overlay;
use super::{Taken, Waits};
use crate::beginning::CLIENT_IO_MAX;
use crate::client::Client;
use crate::downstream::Downstream;
use crate::view::RequestView;
use gateway_framing::Length;
use gateway_http1::{LAST_CHUNK, status_line, write_chunk};
use gateway_pipeline::{Headers as _, Value};
use gateway_telemetry::Way;

/// An answer is gathered up to here, and then goes out.
const GATHERED_MAX: usize = 16 * 1_024;

/// How the content of the answer goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// There is none, whatever is given.
    None,
    AsItIs,
    Chunks,
}

/// The client of one request.
pub(crate) struct LaneClient<'a> {
    connection: &'a mut Downstream,
    taken: &'a Taken,
    content: Content,
    can_repeat: bool,
    /// It was told to go on (RFC 9110 §15.2.1).
    is_told: bool,
    pub(super) waits: &'a mut Waits,
    keeps: bool,
    /// It has left when it says that nothing more comes.
    must_stay: bool,
    is_half_closed: bool,
    names_upgrade: bool,
    status: Option<StatusCode>,
    framing: Framing,
    /// What is to go out.
    out: BytesMut,
    /// Not all that was to go out has left: a stream that encrypts may have taken it, and hold it.
    is_held: bool,
    bytes_written: usize,
}

impl<'a> LaneClient<'a> {
    /// `keeps` says that another request may follow; `must_stay`, that it has left when it says that nothing
    /// more comes.
    pub(crate) fn new(
        connection: &'a mut Downstream,
        taken: &'a Taken,
        waits: &'a mut Waits,
        keeps: bool,
        must_stay: bool,
    ) -> Self {
        Self {
            connection,
            taken,
            content: Content::new(taken.length),
            can_repeat: true,
            is_told: false,
            waits,
            keeps,
            must_stay,
            is_half_closed: false,
            names_upgrade: false,
            status: None,
            framing: Framing::None,
            out: BytesMut::new(),
            is_held: false,
            bytes_written: 0,
        }
    }

    /// Whether another request may follow on its connection.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Whether its request has fields that go no further.
    pub(super) fn speaks_of_connection(&self) -> bool {
        self.taken.speaks_of_connection
    }

    /// How much content it says that it sends.
    pub(super) fn length(&self) -> Length {
        self.taken.length
    }

    /// Whether all of its content was read.
    pub(super) fn is_content_read(&self) -> bool {
        self.content.is_read()
    }

    /// Whether it waits to be told to send its content, and was not.
    pub(super) fn holds_back(&self) -> bool {
        self.content.bytes() == 0 && !self.is_told && self.request().awaits_continue()
    }

    /// Whether all that was read of its content can be sent once more.
    pub(super) fn may_repeat(&mut self, can_repeat: bool) {
        self.can_repeat = can_repeat;
    }

    /// Content that came along with the head.
    pub(super) fn take_content(&mut self, put: impl FnMut(&[u8])) -> pingora::Result<()> {
        self.content.take(self.connection, put)
    }

    /// More content, as it comes. Not asked behind its end.
    pub(super) fn poll_content(
        &mut self,
        context: &mut Context<'_>,
        put: impl FnMut(&[u8]),
    ) -> Poll<pingora::Result<()>> {
        self.content.poll(context, self.connection, &mut self.waits.content, put)
    }

    /// Another head follows this one.
    pub(super) fn put_interim(&mut self, status: StatusCode, head: Overlay<'_>) {
        self.is_told |= status == StatusCode::CONTINUE;
        self.put_text(status, head);
    }

    /// The head of the answer, with what is said of the connection, and when.
    pub(super) fn put_head(&mut self, status: StatusCode, mut head: Overlay<'_>) {
        self.framing = self.framing_of(status, &head);
        // What is to come of its content may not come any more, now that it has its answer.
        self.keeps &= self.connection.is_body_ended();
        // Whatever was said of either before.
        head.set(&DATE, Value::Is(&get_cached_date()));
        head.set(&CONNECTION, Value::Static(self.connection_of_the_answer()));
        self.put_text(status, head);
    }

    fn put_text(&mut self, status: StatusCode, head: Overlay<'_>) {
        self.status = Some(status);
        let text = head.into_text();
        if self.out.is_empty() {
            self.out = text;
        } else {
            self.out.put_slice(&text);
        }
    }

    fn framing_of(&mut self, status: StatusCode, head: &Overlay<'_>) -> Framing {
        let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if is_empty || self.taken.request.method == Method::HEAD {
            Framing::None
        } else if head.has(&TRANSFER_ENCODING) {
            Framing::Chunks
        } else {
            // The end of the connection tells where the answer ends, where nothing else does.
            self.keeps &= head.has(&CONTENT_LENGTH);
            Framing::AsItIs
        }
    }

    /// RFC 9110 §7.8: who is told to upgrade is told here.
    fn connection_of_the_answer(&self) -> &'static str {
        match (self.keeps, self.names_upgrade) {
            (true, false) => "keep-alive",
            (false, false) => "close",
            (true, true) => "keep-alive, Upgrade",
            (false, true) => "close, Upgrade",
        }
    }

    /// Content of the answer.
    pub(super) fn put(&mut self, content: &[u8]) {
        match self.framing {
            Framing::None => return,
            Framing::AsItIs => self.out.put_slice(content),
            Framing::Chunks => write_chunk(content, &mut self.out),
        }
        self.bytes_written += content.len();
    }

    /// There is no more of it.
    pub(super) fn put_end(&mut self) {
        if std::mem::replace(&mut self.framing, Framing::None) == Framing::Chunks {
            self.out.put_slice(LAST_CHUNK);
        }
    }

    /// Whether so much is to go out that no more is to come in before that.
    pub(super) fn has_plenty(&self) -> bool {
        self.out.len() > GATHERED_MAX
    }

    /// Writes what is there.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<pingora::Result<()>> {
        if self.out.is_empty() && !self.is_held {
            return Poll::Ready(Ok(()));
        }
        let sent = self.connection.poll_send(context, &mut self.out);
        self.is_held = sent.is_pending();
        match sent {
            Poll::Ready(sent) => {
                self.waits.client.is_rewarded();
                let broken = |fault| Error::because(ErrorType::WriteError, "writing to the client", fault);
                Poll::Ready(sent.map_err(|fault| broken(fault).into_down()))
            }
            Poll::Pending => {
                ready!(self.waits.client.poll_over(CLIENT_IO_MAX, context));
                Poll::Ready(Err(
                    Error::explain(ErrorType::WriteTimedout, "the client takes nothing").into_down()
                ))
            }
        }
    }

    pub(super) async fn flush(&mut self) -> pingora::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Ready once it has left, before it had its answer.
    pub(super) fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<Box<Error>> {
        // As long as it sends, what it sends is read, or else nothing.
        if !self.connection.is_body_ended() {
            return Poll::Pending;
        }
        if !self.is_half_closed {
            match ready!(self.connection.poll_early(context)) {
                Ok(()) => (self.is_half_closed, self.keeps) = (true, false),
                Err(fault) => {
                    let fault = Error::because(ErrorType::ReadError, "reading from the client", fault);
                    return Poll::Ready(fault.into_down());
                }
            }
        }
        // Else it may wait, as RFC 9112 §9.6 has it: whether it does shows when the answer is written.
        if !self.must_stay {
            return Poll::Pending;
        }
        Poll::Ready(Error::explain(ErrorType::ConnectionClosed, "before it had its answer").into_down())
    }
}

impl Client for LaneClient<'_> {
    fn request(&self) -> RequestView<'_> {
        RequestView {
            method: &self.taken.request.method,
            raw_target: self.taken.request.target(),
            version: Version::HTTP_11,
            authority: None,
            headers: self.taken.request.headers(),
        }
    }

    fn way(&self) -> Way {
        Way::Lane
    }

    /// Then it would not be simple.
    fn asks_for_upgrade(&self) -> bool {
        false
    }

    fn is_malformed(&self) -> bool {
        self.connection.malformed().is_some()
    }

    fn is_doubtful(&self) -> bool {
        self.connection.is_doubtful()
    }

    fn may_have_left(&self) -> bool {
        self.connection.has_ended()
    }

    fn is_body_received(&mut self) -> bool {
        self.connection.is_body_ended()
    }

    fn is_body_read(&mut self) -> bool {
        self.content.is_read()
    }

    fn may_go_on(&self) -> bool {
        self.connection.may_go_on()
    }

    fn can_repeat(&self) -> bool {
        self.can_repeat
    }

    async fn read_body(&mut self) -> pingora::Result<Option<Bytes>> {
        let mut piece = BytesMut::new();
        self.take_content(|came| piece.extend_from_slice(came))?;
        while piece.is_empty() && !self.is_content_read() {
            poll_fn(|context| self.poll_content(context, |came| piece.extend_from_slice(came))).await?;
        }
        Ok(Some(piece.freeze()).filter(|piece| !piece.is_empty()))
    }

    async fn say_continue(&mut self) -> pingora::Result<()> {
        let line = status_line(StatusCode::CONTINUE, None);
        self.put_interim(StatusCode::CONTINUE, Overlay::over(line, []));
        self.flush().await
    }

    fn await_patiently(&mut self) {
        self.content.await_patiently();
    }

    fn must_stay(&mut self) {
        self.must_stay |= !self.is_half_closed;
    }

    fn upgrade(&mut self, _: Duration) {}

    fn status(&self) -> Option<StatusCode> {
        self.status
    }

    fn close_after_answer(&mut self) {
        self.keeps = false;
    }

    fn name_upgrade(&mut self) {
        self.names_upgrade = true;
    }

    async fn write_head(&mut self, head: Parts, ends: bool) -> pingora::Result<()> {
        let fields = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.put_head(head.status, Overlay::over(status_line(head.status, None), fields));
        if ends { self.flush().await } else { Ok(()) }
    }

    async fn write_body(&mut self, piece: Bytes, is_end: bool) -> pingora::Result<()> {
        self.put(&piece);
        if is_end {
            self.put_end();
        }
        if is_end || self.has_plenty() { self.flush().await } else { Ok(()) }
    }

    fn bytes_read(&self) -> usize {
        self.content.bytes()
    }

    fn bytes_written(&self) -> usize {
        // Where it broke, what was gathered last did not go.
        self.bytes_written.saturating_sub(self.out.len())
    }
}
