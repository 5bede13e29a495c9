//! The answer of a service, as it comes: its head, and then its content.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use pingora::{Error, ErrorSource, ErrorType, RetryType};
use tokio::io::AsyncWrite as _;

use super::client::LaneClient;
use super::forward::AsSent;
use super::scratch::read_into;
use crate::edge::patience::Patience;
use crate::edge::upstreams::Framed;
use crate::framing::{Body, Sent};
use crate::http1::{Answer, read_answer};

/// A connection on which an answer is to come.
pub(super) struct Service {
    framed: Framed,
    /// Longest silence.
    silence_max: Option<Duration>,
    /// What came and was not taken yet.
    seen: BytesMut,
    /// The request was a HEAD.
    to_head: bool,
    /// It was told that nothing follows.
    closes: bool,
}

impl Service {
    pub(super) fn new(mut framed: Framed, sent: &AsSent, silence_max: Option<Duration>) -> Self {
        let to_head = sent.is_head;
        if sent.is_measured {
            framed.announce(Sent::measured(sent.head_bytes, sent.bytes.len(), to_head));
        }
        Self { framed, silence_max, seen: BytesMut::new(), to_head, closes: sent.closes }
    }

    /// Writes the request. Its head goes at once, so that its end is seen. Whoever takes nothing has so long.
    pub(super) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        request: &mut &[u8],
        wait: (&mut Patience, Option<Duration>),
    ) -> Poll<pingora::Result<()>> {
        let (patience, most) = wait;
        match self.poll_write_all(context, request) {
            Poll::Ready(sent) => {
                patience.is_rewarded();
                let broken = |fault| Error::because(ErrorType::WriteError, "writing a request", fault);
                Poll::Ready(sent.map_err(|fault| broken(fault).into_up()))
            }
            Poll::Pending => {
                let Some(most) = most else { return Poll::Pending };
                ready!(patience.poll_over(most, context));
                Poll::Ready(Err(Error::explain(ErrorType::WriteTimedout, "writing a request").into_up()))
            }
        }
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>, request: &mut &[u8]) -> Poll<io::Result<()>> {
        while !request.is_empty() {
            let written = ready!(Pin::new(&mut self.framed).poll_write(context, request))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *request = request.get(written..).unwrap_or_default();
        }
        Pin::new(&mut self.framed).poll_flush(context)
    }

    /// The next head, for as long as the client waits for it.
    pub(super) fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
    ) -> Poll<pingora::Result<Answer>> {
        loop {
            if !self.seen.is_empty() {
                let read = read_answer(&self.seen, self.to_head);
                let none =
                    |fault| Error::because(ErrorType::InvalidHTTPHeader, "the head of an answer", fault);
                if let Some((end, answer)) = read.map_err(|fault| none(fault).into_up())? {
                    self.seen.advance(end);
                    return Poll::Ready(Ok(answer));
                }
            }
            // A connection that was kept may have been closed just then.
            let may_be_stale = |mut fault: Box<Error>| {
                fault.retry = RetryType::ReusedOnly;
                fault
            };
            match ready!(self.poll_more(context, client)) {
                Ok(0) => {
                    let fault = Error::explain(ErrorType::ConnectionClosed, "before the head of an answer");
                    return Poll::Ready(Err(may_be_stale(fault.into_up())));
                }
                Ok(_) => {}
                Err(fault) if is_the_systems(&fault) => return Poll::Ready(Err(may_be_stale(fault))),
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }

    /// Hands content to the client until the end of `body`, never more than it takes. What came last is still
    /// to be written.
    pub(super) fn poll_content(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        body: &mut Body,
    ) -> Poll<pingora::Result<()>> {
        loop {
            let read = body.read_content(&self.seen, |piece| client.put(piece));
            let malformed = |fault| {
                let fault = io::Error::new(io::ErrorKind::InvalidData, fault);
                Error::because(ErrorType::ReadError, "the content of an answer", fault).into_up()
            };
            self.seen.advance(read.map_err(malformed)?);
            if body.is_ended() {
                client.put_end();
                return Poll::Ready(Ok(()));
            }
            if client.has_plenty() {
                ready!(client.poll_flush(context))?;
            }
            match self.poll_more(context, client)? {
                Poll::Ready(0) if matches!(body, Body::UntilClose) => *body = Body::Bytes(0),
                Poll::Ready(0) => {
                    let fault = Error::explain(ErrorType::ConnectionClosed, "before the end of an answer");
                    return Poll::Ready(Err(fault.into_up()));
                }
                Poll::Ready(_) => {}
                // What is there goes on at once: nobody knows when more comes.
                Poll::Pending => {
                    ready!(client.poll_flush(context))?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Waits for bytes: not longer than the service may be silent, nor than the client is there. Zero at the
    /// end.
    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
    ) -> Poll<pingora::Result<usize>> {
        match read_into(Pin::new(&mut self.framed), context, &mut self.seen) {
            Poll::Ready(read) => {
                client.waits.service.is_rewarded();
                let broken = |fault| Error::because(ErrorType::ReadError, "reading an answer", fault);
                Poll::Ready(read.map_err(|fault| broken(fault).into_up()))
            }
            Poll::Pending => {
                if let Poll::Ready(fault) = client.poll_left(context) {
                    return Poll::Ready(Err(fault));
                }
                let Some(most) = self.silence_max else { return Poll::Pending };
                ready!(client.waits.service.poll_over(most, context));
                Poll::Ready(Err(Error::explain(ErrorType::ReadTimedout, "reading an answer").into_up()))
            }
        }
    }

    /// The answer was read to its end; `keeps` says that its service keeps the connection.
    pub(super) fn leave(self, keeps: bool) {
        if keeps && !self.closes && self.seen.is_empty() {
            self.framed.release();
        } else {
            self.framed.end();
        }
    }
}

/// Whether a connection to a service broke, and not what was said on it.
fn is_the_systems(fault: &Error) -> bool {
    let cause = fault.root_cause().downcast_ref::<io::Error>();
    fault.esource() == &ErrorSource::Upstream && cause.is_some_and(|cause| cause.raw_os_error().is_some())
}
