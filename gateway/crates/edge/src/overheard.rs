//! A stream under a connection of HTTP/2 that hands on what it reads and listens in: so that it can be
//! told from outside how long a head is under way, which the library that takes it apart does not tell.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::frames::Frames;
use gateway_clock::Stopwatch;

/// No time: nothing is open.
const NEVER: u64 = u64::MAX;

/// Since when something is open that must come in one piece. The task that reads the connection writes
/// it, and the same one looks at it.
#[derive(Debug)]
pub(super) struct OpenHead {
    begun: Stopwatch,
    /// In milliseconds after that.
    since: AtomicU64,
}

impl OpenHead {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begun: Stopwatch::start(), since: AtomicU64::new(NEVER) })
    }

    /// Ready once something has been open for so long. It looks each time that it is polled, and nobody
    /// wakes it: it must be polled after the connection was, by the same task.
    pub(super) async fn overdue(&self, allowed: Duration) {
        let mut timer: Option<(u64, Pin<Box<Sleep>>)> = None;
        poll_fn(|context| {
            let since = self.since.load(Ordering::Relaxed);
            if since == NEVER {
                return Poll::Pending;
            }
            let end = Duration::from_millis(since) + allowed;
            let left = end.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                return Poll::Ready(());
            }
            // Most heads are whole when they are first looked at: a timer is made only for others.
            if timer.as_ref().is_none_or(|(of, _)| *of != since) {
                timer = Some((since, Box::pin(sleep(left))));
            }
            timer.as_mut().map_or(Poll::Pending, |(_, timer)| timer.as_mut().poll(context))
        })
        .await;
    }

    fn is(&self, since: Option<u64>) {
        self.since.store(since.unwrap_or(NEVER), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}

/// The stream itself.
#[derive(Debug)]
pub(super) struct Overheard {
    inner: Stream,
    frames: Frames<u64>,
    open: Arc<OpenHead>,
}

impl Overheard {
    pub(super) fn new(inner: Stream, open: Arc<OpenHead>) -> Self {
        Self { inner, frames: Frames::new(), open }
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            this.frames.feed(new, this.open.now());
            this.open.is(this.frames.open_since());
        }
        read
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Overheard {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for Overheard {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

// Who carries the connection has asked for its digests before: nobody asks here.
impl Ssl for Overheard {}
impl GetTimingDigest for Overheard {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}
impl GetProxyDigest for Overheard {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}
impl GetSocketDigest for Overheard {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}
impl Peek for Overheard {}
