//! One request and its answer on a connection to a server that speaks HTTP/1.1: both are followed to
//! their ends, and nothing passes behind them.
//!
//! It stands between Pingora and the connection, and trusts neither. A connection goes back to those
//! that are kept only where the request was written to its end and not beyond before the answer began,
//! the answer was read to its end, and nothing came after it; and behind content only where the operator
//! says that it is read. Whatever else happened, it is closed: an answer can reach the wrong person only
//! over a connection on which somebody sees another end.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::dial::Dial;
use super::kept::Used;
use gateway_framing::{Malformed, Received, Sent, may_follow_content, shows_a_kept_connection};
use gateway_http1::{Usual, read_usual_answer};
use gateway_telemetry::Unclean;

/// Chunks are gathered up to here, so that the line of a size, and the end of a chunk, do not go
/// alone. Pingora flushes each.
const GATHERED_MAX: usize = 16 * 1_024;
/// What Pingora asks for to see whether a connection that it puts aside is still open.
const PROBE_BYTES: usize = 1;

pub(crate) struct Framed {
    /// Taken when it is put aside.
    held: Option<Used>,
    dial: Arc<Dial>,
    sent: Sent,
    /// Of what was followed, so much was not taken by the connection yet.
    followed: usize,
    gathered: BytesMut,
    received: Received,
    /// What was written is to be settled before an answer is read.
    unsettled: bool,
    /// The answer began before the request was sent whole: whether its content is read, nobody knows.
    is_early: bool,
    /// Pingora is done with it as well.
    is_released: bool,
    /// It is not to be used again.
    is_given_up: bool,
    /// All is over, and the server was asked to close it, or said that it does.
    is_ending: bool,
    unclean: Option<Unclean>,
}

impl Framed {
    pub(super) fn new(used: Used, dial: Arc<Dial>) -> Self {
        Self {
            held: Some(used),
            dial,
            sent: Sent::default(),
            followed: 0,
            gathered: BytesMut::new(),
            received: Received::default(),
            unsettled: false,
            is_early: false,
            is_released: false,
            is_given_up: false,
            is_ending: false,
            unclean: None,
        }
    }

    fn connection(&mut self) -> io::Result<Pin<&mut Connection>> {
        let held = self.held.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(&mut held.connection))
    }

    fn is_sent(&self) -> bool {
        self.sent.is_ended() && self.followed == 0 && self.gathered.is_empty()
    }

    fn is_over(&self) -> bool {
        // Where the server was asked to speak another protocol, and did not agree, it may see what comes
        // next as that protocol all the same.
        let is_clear = self.unclean.is_none() && !self.sent.asks_for_upgrade();
        self.is_sent() && !self.is_early && self.received.may_be_followed() && is_clear
    }

    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let Some(used) = &mut self.held else { break };
            let written = Pin::new(&mut used.connection).poll_write(context, &self.gathered);
            self.dial.blocks(written.is_pending());
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// What is to be sent is known, and need not be read.
    pub(crate) fn announce(&mut self, sent: Sent) {
        self.sent = sent;
    }

    /// The connection is put aside: its user is done with it, and saw the ends where we did.
    pub(crate) fn release(&mut self) {
        self.is_released = self.is_over();
        self.put_aside();
    }

    /// The same, and it is not to be used again.
    pub(crate) fn end(&mut self) {
        self.gives_up();
        self.put_aside();
    }

    fn gives_up(&mut self) {
        self.is_given_up = true;
        self.is_ending = self.is_over();
    }

    /// Pingora asks for a byte behind the answer when it puts the connection aside, to see whether it
    /// is still open. It is told that it is not, and we put it aside ourselves. Where it asks for more,
    /// it sees another end than we do.
    fn released(&mut self, asked: usize) {
        self.is_given_up |= asked != PROBE_BYTES;
        // Whether it is still open, and quiet, is asked when it is taken up again.
        self.is_released = self.is_over();
    }

    /// As it is read otherwise; and an answer whose head came whole and is a usual one, which is read once, for
    /// whoever asks and for us.
    pub(crate) fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        usual: &mut Option<Usual>,
    ) -> Poll<io::Result<()>> {
        self.poll_received(context, buffer, |received, bytes, to_head| {
            if received.is_to_begin() {
                *usual = read_usual_answer(bytes, to_head);
            }
            match usual {
                Some(usual) => received.read_behind(usual.head_bytes, usual.framing, bytes),
                None => received.read(bytes, to_head),
            }
        })
    }

    fn poll_received(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        receive: impl FnOnce(&mut Received, &[u8], bool) -> Result<usize, Malformed>,
    ) -> Poll<io::Result<()>> {
        // Nobody reads before a request is sent, but to see whether the connection is open.
        if self.received.is_ended() || self.sent.is_to_come() {
            self.released(buffer.remaining());
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut self.unsettled) {
            // In the next turn of the task: see docs/decisions/0011.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.dial.pace.as_ref().is_some_and(|pace| pace.poll_broken(context).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let outcome = ready!(self.connection()?.poll_read(context, buffer));
        let read = buffer.filled().get(before..).unwrap_or_default();
        if outcome.is_err() || read.is_empty() {
            self.lost();
            return Poll::Ready(outcome);
        }
        self.dial.hears();
        match receive(&mut self.received, read, self.sent.is_head()) {
            Ok(taken) => {
                if taken < read.len() {
                    self.unclean = Some(Unclean::Unasked);
                }
                self.is_early |= self.received.is_begun() && !self.is_sent();
                buffer.set_filled(before + taken);
                Poll::Ready(Ok(()))
            }
            Err(fault) => {
                self.unclean = Some(Unclean::Malformed);
                buffer.set_filled(before);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
            }
        }
    }

    fn why_unclean(&self) -> Option<Unclean> {
        if self.unclean.is_some() {
            return self.unclean;
        }
        if self.received.is_unfinished() {
            return Some(Unclean::UnfinishedAnswer);
        }
        let is_first = self.is_early || !self.sent.is_ended();
        (self.received.is_ended() && is_first).then_some(Unclean::UnfinishedRequest)
    }

    /// For whoever asks next, if it may be used again. Once: from then on there is no connection.
    fn put_aside(&mut self) {
        let Some(used) = self.held.take() else { return };
        let server = &self.dial.server;
        if let Some(why) = self.why_unclean() {
            return server.metrics.unclean(why);
        }
        if self.is_ending {
            server.connections.see_off(used);
        } else if self.is_given_up {
            drop(used);
        } else if self.sent.is_to_come() {
            server.connections.put_back(used);
        } else if self.is_released {
            let status = self.received.status();
            if used.past.is_some() && shows_a_kept_connection(status) {
                server.connections.answered();
            }
            if !self.sent.has_content() || may_follow_content(self.dial.reuses_after_body, status) {
                server.connections.keep(used, self.received.keep_alive());
            }
        }
    }

    /// It ended, or failed. Where nothing was said on it since it waited, its server did not keep it; but
    /// a head that is more than some servers take is a reason of its own.
    fn lost(&self) {
        let past = self.held.as_ref().and_then(|used| used.past.as_ref());
        if let Some(past) = past.filter(|_| !self.dial.is_heard() && !self.dial.is_large()) {
            self.dial.server.connections.lost(past);
        }
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        self.put_aside();
    }
}

impl AsyncRead for Framed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().poll_received(context, buffer, Received::read)
    }
}

impl AsyncWrite for Framed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.received.is_open() {
            return this.connection()?.poll_write(context, bytes);
        }
        if this.sent.is_to_come() {
            let fits = this.dial.limits.check(bytes);
            fits.map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
        }
        if this.followed == 0 {
            this.followed = this.sent.read(bytes);
            if this.followed < bytes.len() {
                // It would be the beginning of a request that nobody made.
                this.unclean = Some(Unclean::Unasked);
                tracing::warn!(server = ?this.dial, "bytes behind the end of a request were held back");
                if this.followed == 0 {
                    return Poll::Ready(Ok(bytes.len()));
                }
            }
            this.dial.head_bytes.store(this.sent.head_bytes(), Ordering::Relaxed);
            this.unsettled = this.sent.asks_for_upgrade();
        }
        let own = bytes.get(..this.followed).unwrap_or(bytes);
        let gathers = this.sent.is_chunking() || !this.gathered.is_empty();
        if gathers && this.gathered.len() + own.len() <= GATHERED_MAX {
            this.gathered.extend_from_slice(own);
            this.followed -= own.len();
            return Poll::Ready(Ok(own.len()));
        }
        ready!(this.poll_gathered(context))?;
        let written = this.connection()?.poll_write(context, own);
        this.dial.blocks(written.is_pending());
        let written = ready!(written).inspect_err(|_| this.lost())?;
        this.followed -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_gathered(context))?;
        let flushed = self.connection()?.poll_flush(context);
        // What encrypts may have taken what its server does not take.
        self.dial.blocks(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gives_up();
        if self.is_ending {
            return Poll::Ready(Ok(()));
        }
        self.connection()?.poll_shutdown(context)
    }
}

impl fmt::Debug for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Framed({:?})", self.dial)
    }
}

impl VirtualSocket for Framed {
    /// What Pingora would set is set already.
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}
