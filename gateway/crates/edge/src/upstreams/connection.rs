//! One connection to a server that speaks HTTP/1.1: above TLS, where there is TLS.

use std::io;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use pingora::connectors::TransportConnector;
use pingora::protocols::Stream;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::upstreams::peer::HttpPeer;
use pingora::{ErrorType, OrErr as _};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Shakes hands. Only asked for new connections: what is kept is kept by us.
static ENCRYPTED: LazyLock<TransportConnector> = LazyLock::new(|| TransportConnector::new(None));

#[derive(Debug)]
pub(super) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Stream),
}

/// What an idle connection has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    Quiet,
    Closed,
    /// Bytes that nobody asked for.
    Unasked,
}

impl Connection {
    pub(super) async fn open(peer: &HttpPeer) -> pingora::Result<Self> {
        if peer.is_tls() {
            return Ok(Self::Tls(ENCRYPTED.new_stream(peer).await?));
        }
        let connected = match &peer._address {
            SocketAddr::Inet(address) => tcp(*address).await,
            SocketAddr::Unix(address) => match address.as_pathname() {
                Some(path) => UnixStream::connect(path).await.map(Self::Unix),
                None => Err(io::ErrorKind::InvalidInput.into()),
            },
        };
        connected.or_err(ErrorType::ConnectError, "to a server of the upstream")
    }

    /// Asked when it is taken up again: nothing may be on it then.
    pub(super) fn idle(&mut self) -> Idle {
        match self {
            Self::Tcp(stream) => peek(stream),
            Self::Unix(stream) => peek(stream),
            Self::Tls(stream) => idle(stream),
        }
    }
}

/// Asks the kernel, and not the runtime, which may not have been told yet.
fn peek(stream: impl AsFd) -> Idle {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match recv(stream, &mut [0], flags) {
        Err(Errno::AGAIN) => Idle::Quiet,
        Ok((0, _)) | Err(_) => Idle::Closed,
        Ok(_) => Idle::Unasked,
    }
}

async fn tcp(address: std::net::SocketAddr) -> io::Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Connection::Tcp(stream))
}

fn idle(stream: &mut Stream) -> Idle {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let read = std::future::poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer));
    // Or tokio may say "pending" because the task has had its share of work.
    let read = pin!(tokio::task::unconstrained(read)).poll(&mut Context::from_waker(Waker::noop()));
    match read {
        Poll::Pending => Idle::Quiet,
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Idle::Unasked,
        Poll::Ready(_) => Idle::Closed,
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
