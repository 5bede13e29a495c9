//! The content of a client's request, as it is read from its connection, without the coding in which it came.

use std::io;
use std::task::{Context, Poll, ready};

use pingora::{Error, ErrorType};

use crate::beginning::CLIENT_IO_MAX;
use crate::downstream::Downstream;
use crate::idle_timer::IdleTimer;
use gateway_framing::{Body, Length, Malformed};

pub(super) struct Content {
    /// How far it was read.
    body: Body,
    bytes: usize,
    /// Something else has an eye on how it comes.
    is_awaited_patiently: bool,
}

impl Content {
    pub(super) fn new(length: Length) -> Self {
        Self { body: Body::new(length), bytes: 0, is_awaited_patiently: false }
    }

    /// Whether all of it was read.
    pub(super) fn is_read(&self) -> bool {
        self.body.is_ended()
    }

    /// Bytes of it that were read.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn await_patiently(&mut self) {
        self.is_awaited_patiently = true;
    }

    /// What came along with the head.
    pub(super) fn take(&mut self, from: &mut Downstream, put: impl FnMut(&[u8])) -> pingora::Result<()> {
        let came = from.take_content();
        self.read(&came, put).map_err(unreadable)
    }

    /// More of it, as it comes. Not asked behind its end.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        from: &mut Downstream,
        wait: &mut IdleTimer,
        put: impl FnMut(&[u8]),
    ) -> Poll<pingora::Result<()>> {
        match from.poll_more(context, |came| self.read(came, put)) {
            Poll::Ready(read) => {
                wait.is_rewarded();
                Poll::Ready(read.flatten().map_err(unreadable))
            }
            Poll::Pending if self.is_awaited_patiently => Poll::Pending,
            Poll::Pending => {
                ready!(wait.poll_over(CLIENT_IO_MAX, context));
                let late = Error::explain(ErrorType::ReadTimedout, "the client sends nothing");
                Poll::Ready(Err(late.into_down()))
            }
        }
    }

    fn read(&mut self, came: &[u8], mut put: impl FnMut(&[u8])) -> io::Result<()> {
        let read = self.body.read_content(came, |piece| {
            self.bytes += piece.len();
            put(piece);
        });
        // The connection read it strictly already, and saw the same end.
        let read = read.and_then(|read| if read == came.len() { Ok(()) } else { Err(Malformed::Length) });
        read.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
    }
}

/// It is none, or its client has left.
fn unreadable(fault: io::Error) -> Box<Error> {
    let kind = match fault.kind() {
        io::ErrorKind::UnexpectedEof => ErrorType::ConnectionClosed,
        _ => ErrorType::ReadError,
    };
    Error::because(kind, "reading the content of a request", fault).into_down()
}
