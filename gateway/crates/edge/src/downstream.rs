//! A client's connection of HTTP/1.1, between its bytes and Pingora: of each request exactly its
//! content passes, read strictly; what comes early waits for its turn (RFC 9112 §9.3.2); and the
//! connection lives on only where the end of the content was seen.

mod stream;

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use pingora::protocols::{Shutdown, SocketDigest, Stream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::lane::{read_into, with_room};
use super::outgoing::Outgoing;
use gateway_framing::{Body, Length, Malformed, head_end};
use gateway_telemetry::Way;

/// What a client sends early is taken up to here while it waits; then its connection is not read.
const EARLY_BYTES_MAX: usize = 64 * 1_024;
/// Before a connection is closed on which something is still to come, so much of it is read: closing
/// with bytes unread resets it, and the reset may overtake our answer (RFC 9112 §9.6).
const LINGER_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// And no longer than this, a last write included.
const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// Small writes are gathered up to here, so that a head and a short content go together. Pingora, which
/// flushes where something ends, reckons with as much.
const WRITTEN_BYTES_MAX: usize = 1_460;
/// Bytes that are looked at in one read of what is early, or thrown away.
const PIECE_BYTES: usize = 4 * 1_024;
/// `TCP_ESTABLISHED` of Linux's `tcp_states.h`: both sides may send.
const ESTABLISHED: u8 = 1;

/// Whether a client sends no more, or its connection has ended. The kernel is asked, since the runtime may
/// hear of an answer first; over a Unix socket it does not say.
pub(super) fn has_ended(socket: &SocketDigest) -> bool {
    socket.tcp_info().is_some_and(|info| info.tcpi_state != ESTABLISHED)
}

#[derive(Debug)]
pub(super) struct Downstream {
    stream: Stream,
    body: Body,
    /// Content that came along with the head, and was read strictly already.
    content: BytesMut,
    /// What lies behind the end of this request.
    early: BytesMut,
    malformed: Option<Malformed>,
    /// What comes early may be meant for another protocol.
    asks_for_upgrade: bool,
    way: Way,
    /// The client said that nothing more will come.
    is_half_closed: bool,
    /// It said so before this request began, having sent it ahead: it waits for the answer.
    was_half_closed: bool,
    /// Another protocol is spoken from here on.
    is_upgraded: AtomicBool,
    /// How the answer is to be changed when it goes out; zero: as it was written.
    how: AtomicU8,
    outgoing: Outgoing,
    /// What was written and not flushed.
    written: BytesMut,
    closing: Option<Closing>,
}

/// How far closing has come.
#[derive(Debug)]
struct Closing {
    until: Pin<Box<Sleep>>,
    /// The client was told that nothing more comes.
    is_said: bool,
    /// Bytes that were read since.
    bytes: usize,
}

impl Default for Closing {
    fn default() -> Self {
        Self { until: Box::pin(sleep(LINGER_TIME_MAX)), is_said: false, bytes: 0 }
    }
}

impl Downstream {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            body: Body::new(Length::None),
            content: BytesMut::new(),
            early: BytesMut::new(),
            malformed: None,
            asks_for_upgrade: false,
            way: Way::Lane,
            is_half_closed: false,
            was_half_closed: false,
            is_upgraded: AtomicBool::new(false),
            how: AtomicU8::new(0),
            outgoing: Outgoing::default(),
            written: BytesMut::new(),
            closing: None,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether its client sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.is_half_closed || self.stream.get_socket_digest().is_some_and(|socket| has_ended(&socket))
    }

    /// Bytes of the next head: those that came early first. Zero at the end.
    pub(super) async fn read_head(&mut self, head: &mut BytesMut) -> io::Result<usize> {
        if self.early.is_empty() {
            if self.is_half_closed {
                return Ok(0);
            }
            return poll_fn(|context| read_into(Pin::new(&mut self.stream), context, head)).await;
        }
        let early = self.early.split();
        let count = early.len();
        head.unsplit(early);
        Ok(count)
    }

    /// Writes an answer to what never became a request, and closes.
    pub(super) async fn answer_and_close(&mut self, answer: &[u8]) -> io::Result<()> {
        self.malformed = Some(Malformed::Length);
        self.stream.write_all(answer).await?;
        Shutdown::shutdown(self).await;
        Ok(())
    }

    /// A request begins: what its head says of its end, whether it asks for another protocol, and what came
    /// along with it.
    pub(super) fn begin(
        &mut self,
        length: Result<Length, Malformed>,
        asks_for_upgrade: bool,
        mut rest: BytesMut,
    ) {
        self.was_half_closed = self.is_half_closed;
        self.malformed = length.err();
        self.asks_for_upgrade = asks_for_upgrade;
        *self.how.get_mut() = 0;
        self.outgoing = Outgoing::default();
        self.body = Body::new(length.unwrap_or(Length::None));
        match self.body.read(&rest) {
            // To cut nothing off would not be free.
            Ok(0) => self.early = rest,
            Ok(own) if own == rest.len() => self.content = rest,
            Ok(own) => {
                self.content = rest.split_to(own);
                self.early = rest;
            }
            Err(fault) => self.malformed = Some(fault),
        }
    }

    /// What came along of the content, as it was sent.
    pub(super) fn take_content(&mut self) -> BytesMut {
        std::mem::take(&mut self.content)
    }

    /// More of the content, as it is sent, and read strictly. Not asked behind its end.
    pub(super) fn poll_more<T>(
        &mut self,
        context: &mut Context<'_>,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Poll<io::Result<T>> {
        if let Some(fault) = self.malformed {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
        }
        with_room(|room| {
            ready!(self.poll_content(context, room))?;
            if room.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Poll::Ready(Ok(look(room.filled())))
        })
    }

    /// Why the request does not take the lane.
    pub(super) fn goes(&mut self, way: Way) {
        self.way = way;
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Whether another request may follow on this connection.
    pub(super) fn may_go_on(&self) -> bool {
        self.is_body_ended() && !self.is_doubtful()
    }

    /// Whether what came early may be meant for another protocol, unless that is spoken now.
    pub(super) fn is_doubtful(&self) -> bool {
        self.asks_for_upgrade && !self.early.is_empty()
    }

    /// Whether the request asks to go on in another protocol, whichever.
    pub(super) fn asks_for_upgrade(&self) -> bool {
        self.asks_for_upgrade
    }

    /// Whether the end of the content was seen.
    pub(super) fn is_body_ended(&self) -> bool {
        self.malformed.is_none() && self.body.is_ended()
    }

    /// Why the content is none, as far as it was read.
    pub(super) fn malformed(&self) -> Option<Malformed> {
        self.malformed
    }

    /// The answer, of which nothing was written yet, goes out so.
    pub(super) fn write(&self, how: u8) {
        self.how.fetch_or(how, Ordering::Relaxed);
    }

    /// From here on another protocol is spoken.
    pub(super) fn upgrade(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Writes what whoever writes has gathered, and takes it out of `bytes`.
    pub(super) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut BytesMut,
    ) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes.advance(count);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Takes what comes early, and sees whether the client leaves. Never ready otherwise.
    pub(super) fn poll_early(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_half_closed && self.early.len() < EARLY_BYTES_MAX {
            let mut piece = [MaybeUninit::uninit(); PIECE_BYTES];
            let mut buffer = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            self.is_half_closed = buffer.filled().is_empty();
            self.early.extend_from_slice(buffer.filled());
        }
        // A client that asked for more and then half-closed waits for answers.
        let left = self.is_half_closed && !self.was_half_closed && head_end(&self.early, 0).is_none();
        if left { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_content(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        self.is_half_closed = read.is_empty();
        match self.body.read(read) {
            Ok(own) => {
                self.early.extend_from_slice(read.get(own..).unwrap_or_default());
                buffer.set_filled(before + own);
                Poll::Ready(Ok(()))
            }
            Err(fault) => {
                self.malformed = Some(fault);
                buffer.set_filled(before);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
            }
        }
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.written.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.written))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what the client was still to send.
    fn poll_linger(&mut self, context: &mut Context<'_>, read: &mut usize) -> Poll<()> {
        while *read < LINGER_BYTES_MAX {
            let mut piece = [MaybeUninit::uninit(); PIECE_BYTES];
            let mut buffer = ReadBuf::uninit(&mut piece);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *read += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// Says that we are done, and lingers where something is to come.
    fn poll_close(&mut self, context: &mut Context<'_>, closing: &mut Closing) -> Poll<io::Result<()>> {
        if closing.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !closing.is_said {
            ready!(self.poll_written(context))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            closing.is_said = true;
        }
        if self.is_half_closed || self.is_body_ended() && self.early.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.poll_linger(context, &mut closing.bytes).map(Ok)
    }
}

/// Gives out what is there already.
fn hand_out(from: &mut BytesMut, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    let piece = from.get(..buffer.remaining()).unwrap_or(&from[..]);
    let count = piece.len();
    buffer.put_slice(piece);
    from.advance(count);
    Poll::Ready(Ok(()))
}

impl AsyncRead for Downstream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_upgraded.load(Ordering::Relaxed) {
            return if this.early.is_empty() {
                Pin::new(&mut this.stream).poll_read(context, buffer)
            } else {
                hand_out(&mut this.early, buffer)
            };
        }
        if let Some(fault) = this.malformed {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
        }
        if !this.content.is_empty() {
            return hand_out(&mut this.content, buffer);
        }
        if this.body.is_ended() { this.poll_early(context) } else { this.poll_content(context, buffer) }
    }
}

impl AsyncWrite for Downstream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let how = this.how.load(Ordering::Relaxed);
        if how != 0 {
            if this.written.len() > WRITTEN_BYTES_MAX {
                ready!(this.poll_written(context))?;
            }
            let taken = this.outgoing.write(how, bytes, &mut this.written);
            let taken = taken.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault));
            return Poll::Ready(taken.map(|()| bytes.len()));
        }
        if this.written.len() + bytes.len() <= WRITTEN_BYTES_MAX {
            this.written.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            let gathered = this.written.len();
            let pieces = [io::IoSlice::new(&this.written), io::IoSlice::new(bytes)];
            // One without the other, where the stream does not take them together.
            let pieces = if gathered == 0 { &pieces[1..] } else { &pieces[..] };
            let count = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, pieces))?;
            this.written.advance(count.min(gathered));
            if count == 0 || count > gathered {
                return Poll::Ready(Ok(count.saturating_sub(gathered)));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_written(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut closing = this.closing.take().unwrap_or_default();
        let closed = this.poll_close(context, &mut closing);
        this.closing = Some(closing);
        closed
    }
}
