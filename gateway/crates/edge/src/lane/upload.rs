//! The way of a request's content: read from the client when its service has taken what came before, and not
//! earlier.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pingora::{Error, ErrorType};
use tokio::io::AsyncWrite as _;

use super::answer::Service;
use super::client::LaneClient;
use crate::exchange::Exchange;
use crate::forward;

/// How far a request has come.
#[derive(Debug)]
pub(super) enum Upload {
    /// Something of it is to be written.
    Goes,
    /// More of it is awaited from the client.
    Awaits,
    /// It was sent whole; or its service takes no more of it, for this reason.
    Over(Option<Box<Error>>),
}

impl Upload {
    /// Why its service takes no more, if that is so.
    pub(super) fn fault(&mut self) -> Option<Box<Error>> {
        match self {
            Self::Over(fault) => fault.take(),
            _ => None,
        }
    }
}

impl Service<'_> {
    pub(super) fn is_upload_over(&self) -> bool {
        matches!(self.upload, Upload::Over(_))
    }

    /// Goes on with it by one step. Ready where there may be another one.
    ///
    /// # Errors
    ///
    /// Where nothing of an answer can come any more, and where the client is at fault.
    pub(super) fn poll_upload(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> Poll<pingora::Result<()>> {
        match self.upload {
            Upload::Over(_) => return Poll::Pending,
            Upload::Awaits => {
                let before = self.sent.content_bytes();
                let came = client.poll_content(context, |piece| self.sent.put(piece));
                ready!(came)?;
                let is_end = client.is_content_read();
                forward::send(exchange, self.sent.content_bytes() - before, is_end)?;
                if is_end {
                    self.sent.put_end();
                }
                client.may_repeat(self.sent.is_kept());
                self.upload = Upload::Goes;
            }
            Upload::Goes => {
                let written = self.poll_write(context);
                if written.is_ready() {
                    client.waits.service.is_rewarded();
                } else if let Some(most) = self.write_max {
                    ready!(client.waits.service.poll_over(most, context));
                }
                self.upload = match written {
                    Poll::Ready(Ok(())) if self.sent.is_whole() => Upload::Over(None),
                    Poll::Ready(Ok(())) => Upload::Awaits,
                    // It may have said why before it went.
                    Poll::Ready(Err(fault)) if self.sent.is_head_written() => {
                        Upload::Over(Some(broken(fault)))
                    }
                    Poll::Ready(Err(fault)) => return Poll::Ready(Err(broken(fault))),
                    Poll::Pending if self.write_max.is_none() => return Poll::Pending,
                    Poll::Pending if self.has_begun => Upload::Over(None),
                    Poll::Pending => {
                        let late = Error::explain(ErrorType::WriteTimedout, "writing a request");
                        return Poll::Ready(Err(late.into_up()));
                    }
                };
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what there is. It goes at once, so that its end is seen.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sent.unwritten().is_empty() {
            let written = ready!(Pin::new(&mut *self.framed).poll_write(context, self.sent.unwritten()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent.wrote(written);
        }
        Pin::new(&mut *self.framed).poll_flush(context)
    }

    /// What is left of it, behind an answer that came early: its service may go on taking.
    pub(super) fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> Poll<pingora::Result<()>> {
        while !self.is_upload_over() {
            ready!(self.poll_upload(context, client, exchange))?;
        }
        Poll::Ready(Ok(()))
    }
}

fn broken(fault: io::Error) -> Box<Error> {
    Error::because(ErrorType::WriteError, "writing a request", fault).into_up()
}
