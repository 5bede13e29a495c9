//! A long answer that is whole already: it counts as one until its client has all but the end of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::long_answers::Running;

/// Bytes that are handed out at a time.
const PIECE_BYTES: usize = 64 * 1_024;

pub(super) struct Held {
    rest: Bytes,
    running: Option<Running>,
}

impl Held {
    pub(super) fn new(text: String, running: Running) -> Self {
        Self { rest: text.into(), running: Some(running) }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        // A copy: what is taken from the whole would keep all of it.
        let piece = Bytes::copy_from_slice(self.rest.get(..PIECE_BYTES).unwrap_or(&self.rest));
        self.rest = self.rest.slice(piece.len()..);
        if self.rest.is_empty() {
            // A client that has seen the end may ask again at once.
            (self.rest, self.running) = (Bytes::new(), None);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
