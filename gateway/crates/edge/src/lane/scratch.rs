//! What is read lands here first: one for each thread, taken for the time of a read. A connection on which
//! nothing comes has no room of its own.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// So much is read at a time: a head, and what many write at a time behind it.
const SCRATCH_BYTES: usize = (64 + 4) * 1_024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Lends it for one read.
pub(crate) fn with_room<T>(read: impl FnOnce(&mut ReadBuf<'_>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| read(&mut ReadBuf::new(scratch)))
}

/// Reads once, and shows what came: nothing at the end.
pub(crate) fn read_once<T>(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    look: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    with_room(|room| {
        ready!(stream.poll_read(context, room))?;
        Poll::Ready(Ok(look(room.filled())))
    })
}

/// Reads once, and adds what came to `into`, which gets no more room than that needs. Zero at the end.
pub(crate) fn read_into(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    into: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    read_once(stream, context, |read| {
        into.extend_from_slice(read);
        read.len()
    })
}
