//! Sockets: bound before anything is served, so that a fault comes at once, and drained on the way down.

use std::fs::{self, Permissions};
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use axum::serve::{Listener, ListenerExt};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::sync::oneshot;

use crate::todos::{Service, router};

/// How long requests that are under way may take to finish once the end was announced.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody answers on the socket.
    #[error("{} is in use: another process listens on it", .0.display())]
    InUse(PathBuf),
    /// Something that is not a socket lies there; it is not ours to delete.
    #[error("{} exists and is not a socket; remove it or name another path", .0.display())]
    NotASocket(PathBuf),
    /// The kernel takes no longer path.
    #[error("the path {} is too long for a Unix socket (107 bytes at most)", .0.display())]
    PathTooLong(PathBuf),
    /// The port is taken.
    #[error("{0} is in use: another process listens on it; name another port")]
    PortInUse(SocketAddr),
    /// Anything else that the operating system refuses.
    #[error("cannot listen on {address}: {cause}")]
    Refused {
        /// Where.
        address: String,
        /// What the operating system said.
        cause: io::Error,
    },
}

/// A bound Unix socket of mode 0600; its file goes away with it.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl UnixSocket {
    /// Binds and listens. The file of a process that was killed is replaced.
    ///
    /// # Errors
    /// When a living process listens there, or something else lies at the path.
    pub fn bind(path: impl AsRef<Path>) -> Result<Self, ListenError> {
        let path = path.as_ref();
        let address = SocketAddrUnix::new(path).map_err(|_| ListenError::PathTooLong(path.to_owned()))?;
        clear_away(path)?;
        let listener = listen_privately(path, &address).map_err(|cause| match cause.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(path.to_owned()),
            _ => ListenError::Refused { address: path.display().to_string(), cause },
        })?;
        let inode = fs::symlink_metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
        Ok(Self { listener, file: SocketFile { path: path.to_owned(), inode } })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

/// Between `bind` and `listen` nobody can connect, so there is no moment at which the file is
/// there with a wider mode and somebody listens. Changing the umask instead would do so for all
/// threads of the process.
fn listen_privately(path: &Path, address: &SocketAddrUnix) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, address)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// Removes the socket of a dead process: the one that refuses connections.
fn clear_away(path: &Path) -> Result<(), ListenError> {
    let refused = |cause| ListenError::Refused { address: path.display().to_string(), cause };
    let kind = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(facts) => facts.file_type(),
    };
    if !kind.is_socket() {
        return Err(ListenError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(refused)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Connected, or a full backlog: somebody lives there.
        _ => Err(ListenError::InUse(path.to_owned())),
    }
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: Option<(u64, u64)>,
}

impl Drop for SocketFile {
    /// Only our own file: a successor may have put its socket there already.
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.path).ok().map(|facts| (facts.dev(), facts.ino()));
        if now.is_some() && now == self.inode {
            // Left behind, it is replaced by the next start.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Binds a TCP port; with port 0 the operating system chooses one.
pub fn bind_tcp(address: SocketAddr) -> Result<std::net::TcpListener, ListenError> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|cause| match cause.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortInUse(address),
        _ => ListenError::Refused { address: address.to_string(), cause },
    })
}

/// Serves on a Unix socket until `shutdown`, drains for at most five seconds and flushes the store.
///
/// Must run inside a tokio runtime with time and I/O.
pub async fn serve_unix(
    socket: UnixSocket,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let UnixSocket { listener, file } = socket;
    let served = serve(tokio::net::UnixListener::from_std(listener)?, service, shutdown).await;
    drop(file);
    served
}

/// Serves on a TCP port until `shutdown`, drains for at most five seconds and flushes the store.
///
/// On TCP any process that reaches the port can claim any identity: see [`caller`](crate::caller).
pub async fn serve_tcp(
    listener: std::net::TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        // Answers are small and whole; waiting for more to send only delays them.
        stream.set_nodelay(true).ok();
    });
    serve(listener, service, shutdown).await
}

async fn serve<L: Listener<Addr: std::fmt::Debug>>(
    listener: L,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let store = service.store.clone();
    let (announce, announced) = oneshot::channel();
    let ending = async move {
        shutdown.await;
        announce.send(()).ok();
    };
    let serving = axum::serve(listener, router(service)).with_graceful_shutdown(ending);
    let mut serving = pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => ended?,
        _ = announced => match tokio::time::timeout(DRAIN_MAX, serving).await {
            Ok(ended) => ended?,
            Err(_) => tracing::warn!("requests were still under way when the drain ended"),
        },
    }
    store.flush().await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
