//! The answer of a service, as it comes: its head, and then its content. What is still to be sent to it goes
//! on meanwhile.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use pingora::{Error, ErrorSource, ErrorType, RetryType};
use tokio::io::AsyncRead as _;

use super::client::LaneClient;
use super::scratch::{read_once, with_room};
use super::sent::AsSent;
use super::upload::Upload;
use crate::exchange::Exchange;
use crate::upstreams::Framed;
use gateway_framing::{Body, Malformed};
use gateway_http1::{Answer, Usual, read_answer};

/// A connection on which a request goes out, and an answer is to come.
pub(super) struct Service<'a> {
    pub(super) framed: Box<Framed>,
    pub(super) sent: &'a mut AsSent,
    pub(super) upload: Upload,
    /// Longest time in which nothing of the request is taken.
    pub(super) write_max: Option<Duration>,
    /// Longest silence.
    silence_max: Option<Duration>,
    /// What came and was not taken yet: of a head that came in pieces, or in another way than most.
    seen: BytesMut,
    /// Content that came along with any other head.
    along: Bytes,
    /// The head of the answer came.
    pub(super) has_begun: bool,
}

impl<'a> Service<'a> {
    pub(super) fn new(
        mut framed: Box<Framed>,
        sent: &'a mut AsSent,
        write_max: Option<Duration>,
        silence_max: Option<Duration>,
    ) -> Self {
        if let Some(announced) = sent.announced() {
            framed.announce(announced);
        }
        let (seen, along, upload) = (BytesMut::new(), Bytes::new(), Upload::Goes);
        Self { framed, sent, upload, write_max, silence_max, seen, along, has_begun: false }
    }

    /// The next head, for as long as the client waits for it.
    pub(super) fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> Poll<pingora::Result<Answer>> {
        loop {
            // First: before the request has begun there is no answer.
            let moved = self.poll_upload(context, client, exchange)?;
            if !self.seen.is_empty() {
                let read = read_answer(&self.seen, self.sent.is_head);
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
            let mut usual = None;
            let fault = match self.poll_more(context, client, &mut usual) {
                Poll::Pending if moved.is_pending() || self.is_upload_over() => return Poll::Pending,
                Poll::Pending => continue,
                Poll::Ready(Ok(read)) if read > 0 => match usual {
                    Some(usual) => return Poll::Ready(Ok(usual.answer)),
                    None => continue,
                },
                Poll::Ready(Ok(_)) => {
                    let fault = Error::explain(ErrorType::ConnectionClosed, "before the head of an answer");
                    may_be_stale(fault.into_up())
                }
                Poll::Ready(Err(fault)) if is_the_systems(&fault) => may_be_stale(fault),
                Poll::Ready(Err(fault)) => fault,
            };
            // Why it took no more of the request says more than that it is gone.
            return Poll::Ready(Err(self.upload.fault().unwrap_or(fault)));
        }
    }

    /// Its head goes on to the client: from here on nothing is sent again.
    pub(super) fn begins(&mut self) {
        self.has_begun = true;
        self.sent.keep_no_more();
    }

    /// Hands content to the client until the end of `body`, never more than it takes. What came last is still
    /// to be written.
    pub(super) fn poll_content(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
        body: &mut Body,
    ) -> Poll<pingora::Result<()>> {
        // What came with the head. There is one of the two at most.
        let (along, seen) = (std::mem::take(&mut self.along), std::mem::take(&mut self.seen));
        let came = if seen.is_empty() { &along[..] } else { &seen[..] };
        let read = body.read_content(came, |piece| client.put(piece)).map_err(malformed)?;
        // Nothing is left behind an end, but where it is not the one that was seen before.
        self.seen.extend_from_slice(came.get(read..).unwrap_or_default());
        loop {
            if body.is_ended() {
                client.put_end();
                exchange.paced().into_iter().for_each(|paced| paced.answers(true));
                return Poll::Ready(Ok(()));
            }
            let moved = self.poll_upload(context, client, exchange)?;
            match self.poll_piece(context, client, body)? {
                Poll::Ready(()) => exchange.paced().into_iter().for_each(|paced| paced.answers(false)),
                Poll::Pending if moved.is_pending() || self.is_upload_over() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    /// A piece of content, if the client takes what came before. It goes from where it was read to where it
    /// is written from, and lies nowhere in between.
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        body: &mut Body,
    ) -> Poll<pingora::Result<()>> {
        if client.has_plenty() {
            ready!(client.poll_flush(context))?;
        }
        let Self { framed, seen, .. } = self;
        let read = read_once(Pin::new(&mut **framed), context, |read| {
            let taken = body.read_content(read, |piece| client.put(piece))?;
            seen.extend_from_slice(read.get(taken..).unwrap_or_default());
            Ok::<_, Malformed>(read.len())
        });
        match self.poll_patiently(context, client, read)? {
            Poll::Ready(read) => match read.map_err(malformed)? {
                0 if matches!(body, Body::UntilClose) => *body = Body::Bytes(0),
                0 => {
                    let fault = Error::explain(ErrorType::ConnectionClosed, "before the end of an answer");
                    return Poll::Ready(Err(fault.into_up()));
                }
                _ => {}
            },
            // What is there goes on at once: nobody knows when more comes.
            Poll::Pending => {
                ready!(client.poll_flush(context))?;
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Bytes of a head, or of what follows it; and a head that nobody need read any more. Zero at the end.
    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        usual: &mut Option<Usual>,
    ) -> Poll<pingora::Result<usize>> {
        let Self { framed, seen, along, .. } = self;
        let read = with_room(|room| {
            if seen.is_empty() {
                ready!(framed.poll_answer(context, room, usual))?;
            } else {
                // What came before is gathered with what comes, whatever it is.
                ready!(Pin::new(&mut **framed).poll_read(context, room))?;
            }
            match usual {
                Some(usual) => *along = usual.behind(room.filled()),
                None => seen.extend_from_slice(room.filled()),
            }
            Poll::Ready(Ok(room.filled().len()))
        });
        self.poll_patiently(context, client, read)
    }

    /// What was read; or the service is waited for: not longer than it may be silent, nor than the client is
    /// there.
    fn poll_patiently<T>(
        &self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        read: Poll<io::Result<T>>,
    ) -> Poll<pingora::Result<T>> {
        match read {
            Poll::Ready(read) => {
                client.waits.service.is_rewarded();
                let broken = |fault| Error::because(ErrorType::ReadError, "reading an answer", fault);
                Poll::Ready(read.map_err(|fault| broken(fault).into_up()))
            }
            Poll::Pending => {
                if let Poll::Ready(fault) = client.poll_left(context) {
                    return Poll::Ready(Err(fault));
                }
                // Nobody owes an answer to what is not asked yet; and who takes nothing has a time for that.
                let is_its_turn = match self.upload {
                    Upload::Goes => false,
                    Upload::Awaits => self.has_begun,
                    Upload::Over(_) => true,
                };
                let Some(most) = self.silence_max.filter(|_| is_its_turn) else { return Poll::Pending };
                ready!(client.waits.service.poll_over(most, context));
                Poll::Ready(Err(Error::explain(ErrorType::ReadTimedout, "reading an answer").into_up()))
            }
        }
    }

    /// The answer was read to its end; `keeps` says that its service keeps the connection.
    pub(super) fn leave(&mut self, keeps: bool) {
        if keeps && !self.sent.closes && self.seen.is_empty() {
            self.framed.release();
        } else {
            self.framed.end();
        }
    }
}

fn malformed(fault: Malformed) -> Box<Error> {
    let fault = io::Error::new(io::ErrorKind::InvalidData, fault);
    Error::because(ErrorType::ReadError, "the content of an answer", fault).into_up()
}

/// Whether a connection to a service broke, and not what was said on it.
fn is_the_systems(fault: &Error) -> bool {
    let cause = fault.root_cause().downcast_ref::<io::Error>();
    fault.esource() == &ErrorSource::Upstream && cause.is_some_and(|cause| cause.raw_os_error().is_some())
}
