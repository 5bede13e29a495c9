//! One request and its answer on a connection to a server that speaks HTTP/1.1: both are followed to
//! their ends, and nothing passes behind them.
//!
//! It stands between Pingora and the connection, and trusts neither. A connection goes back to those
//! that are kept only where the request was written to its end and not beyond, the answer was read
//! to its end, and nothing came after it. Whatever else happened, it is closed: an answer can reach
//! the wrong person only over a connection on which somebody sees another end.

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
use super::kept::Place;
use crate::framing::{Received, Sent};
use crate::telemetry::Unclean;

/// Chunks are gathered up to here, so that the line of a size, and the end of a chunk, do not go
/// alone. Pingora flushes each.
const GATHERED_MAX: usize = 16 * 1_024;
/// What Pingora asks for to see whether a connection that it puts aside is still open.
const PROBE_BYTES: usize = 1;

pub(super) struct Framed {
    /// Taken when it is put aside.
    held: Option<(Connection, Place)>,
    dial: Arc<Dial>,
    sent: Sent,
    /// Of what was followed, so much was not taken by the connection yet.
    followed: usize,
    gathered: BytesMut,
    received: Received,
    /// What was written is to be settled before an answer is read.
    unsettled: bool,
    /// Pingora is done with it as well.
    is_released: bool,
    /// It is not to be used again.
    is_given_up: bool,
    unclean: Option<Unclean>,
}

impl Framed {
    pub(super) fn new(connection: Connection, place: Place, dial: Arc<Dial>) -> Self {
        Self {
            held: Some((connection, place)),
            dial,
            sent: Sent::default(),
            followed: 0,
            gathered: BytesMut::new(),
            received: Received::default(),
            unsettled: false,
            is_released: false,
            is_given_up: false,
            unclean: None,
        }
    }

    fn connection(&mut self) -> io::Result<Pin<&mut Connection>> {
        let held = self.held.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(&mut held.0))
    }

    fn is_over(&self) -> bool {
        let is_sent = self.sent.is_ended() && self.followed == 0 && self.gathered.is_empty();
        // Where the server was asked to speak another protocol, and did not agree, it may see what comes
        // next as that protocol all the same.
        let is_clear = self.unclean.is_none() && !self.sent.asks_for_upgrade();
        is_sent && self.received.may_be_followed() && is_clear
    }

    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let Some((connection, _)) = &mut self.held else { break };
            let written = Pin::new(connection).poll_write(context, &self.gathered);
            self.dial.blocks(written.is_pending());
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Pingora asks for a byte behind the answer when it puts the connection aside, to see whether it
    /// is still open. It is told that it is not, and we put it aside ourselves. Where it asks for more,
    /// it sees another end than we do.
    fn released(&mut self, asked: usize) {
        self.is_given_up |= asked != PROBE_BYTES;
        // Whether it is still open, and quiet, is asked when it is taken up again.
        self.is_released = self.is_over();
    }

    fn why_unclean(&self) -> Option<Unclean> {
        if self.unclean.is_some() {
            return self.unclean;
        }
        if self.received.is_unfinished() {
            return Some(Unclean::UnfinishedAnswer);
        }
        (self.received.is_ended() && !self.sent.is_ended()).then_some(Unclean::UnfinishedRequest)
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        let server = &self.dial.server;
        if let Some(why) = self.why_unclean() {
            server.metrics.unclean(why);
        } else if let Some((connection, place)) =
            self.held.take().filter(|_| self.is_released && !self.is_given_up)
        {
            server.connections.keep(connection, place);
        }
    }
}

impl AsyncRead for Framed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.received.is_ended() {
            this.released(buffer.remaining());
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut this.unsettled) {
            // In the next turn of the task: see docs/decisions/0011.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.dial.pace.as_ref().is_some_and(|pace| pace.poll_broken(context).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(this.connection()?.poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            return Poll::Ready(Ok(()));
        }
        this.dial.hears();
        match this.received.read(read, this.sent.is_head()) {
            Ok(taken) => {
                if taken < read.len() {
                    this.unclean = Some(Unclean::Unasked);
                }
                buffer.set_filled(before + taken);
                Poll::Ready(Ok(()))
            }
            Err(fault) => {
                this.unclean = Some(Unclean::Malformed);
                buffer.set_filled(before);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
            }
        }
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
        let written = ready!(written)?;
        this.followed -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_gathered(context))?;
        self.connection()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_given_up = true;
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
