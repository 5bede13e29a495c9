//! What is read lands here first: one for each thread, taken for the time of a read. A connection on which
//! nothing comes has no room of its own.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// So much is read at a time.
const SCRATCH_BYTES: usize = 64 * 1_024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Reads once, and adds what came to `into`, which gets no more room than that needs. Zero at the end.
pub(crate) fn read_into(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    into: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(stream.poll_read(context, &mut buffer))?;
        into.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
}
