//! A connection to an upstream for a request that asks for a WebSocket: what was written is settled
//! before an answer is read.
//!
//! Pingora 0.9.1 tells its half towards the upstream that the request has no body, and reads the
//! answer, in either order. Where a 101 is read first, the end of the body is then taken for the end
//! of the WebSocket, and it is closed at once: about one in a hundred on a busy machine. So the first
//! read after a write is put off to the next turn of its task, when the end has been taken note of.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::{ErrorType, OrErr as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Makes such connections.
#[derive(Debug)]
pub(in crate::edge) struct Unhurried(pub(in crate::edge) Duration);

#[async_trait]
impl L4Connect for Unhurried {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let connected = timeout(self.0, connect(address)).await;
        let connected = connected.or_err(ErrorType::ConnectTimedout, "to the upstream of a WebSocket")?;
        let socket = connected.or_err(ErrorType::ConnectError, "to the upstream of a WebSocket")?;
        Ok(Stream::from(VirtualSocketStream::new(socket)))
    }
}

async fn connect(address: &SocketAddr) -> io::Result<Box<dyn VirtualSocket>> {
    match address {
        SocketAddr::Inet(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(Settled::new(stream)))
        }
        SocketAddr::Unix(address) => {
            let path = address.as_pathname().ok_or(io::ErrorKind::InvalidInput)?;
            Ok(Box::new(Settled::new(UnixStream::connect(path).await?)))
        }
    }
}

#[derive(Debug)]
struct Settled<S> {
    stream: S,
    /// Something was written since it was last read.
    written: bool,
}

impl<S> Settled<S> {
    fn new(stream: S) -> Self {
        Self { stream, written: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Settled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.written) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Settled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> VirtualSocket for Settled<S> {
    /// What Pingora would set is set already, or not needed for a connection that carries one stream.
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn what_was_written_is_settled_before_an_answer_is_read() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let mut ours = Settled::new(ours);
            theirs.write_all(b"early").await.unwrap();
            ours.write_all(b"request").await.unwrap();
            let mut buffer = [0; 5];
            // Both are ready, and the read stands first.
            let first = tokio::select! {
                biased;
                _ = ours.read_exact(&mut buffer) => "the answer",
                () = std::future::ready(()) => "the end of the request",
            };
            assert_eq!(first, "the end of the request");
            ours.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"early");
        });
    }
}
