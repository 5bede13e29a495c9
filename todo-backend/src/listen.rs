//! Sockets: bound before anything is served, so that a fault comes at once, and drained on the way down.

use std::fmt::{Debug, Display};
use std::fs::{self, Permissions};
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::serve::{Listener, ListenerExt};
use tokio::net::{TcpListener, UnixListener, UnixSocket};
use tokio::sync::oneshot;

use crate::todos::{Service, router};

/// How long requests that are under way may take to finish once the end was announced.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A bound socket; one of Unix has mode 0600.
#[derive(Debug)]
pub enum Listening {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

impl Listening {
    /// Binds a Unix socket and listens. That of a process that was killed is replaced.
    ///
    /// Must run inside a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// When a living process listens there, or something else lies at the path.
    pub fn on_path(path: &Path) -> io::Result<Self> {
        let bound = bind_privately(path).map_err(|fault| explain(fault, path.display()));
        Ok(Self::Unix(bound?, path.to_owned()))
    }

    /// Binds a TCP port; with port 0 the operating system chooses one.
    pub async fn on_port(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::Tcp).map_err(|fault| explain(fault, address))
    }

    /// Where it is, with the port that was chosen.
    pub fn url(&self) -> io::Result<String> {
        match self {
            Self::Unix(_, path) => Ok(format!("unix:{}", path.display())),
            Self::Tcp(listener) => listener.local_addr().map(|address| format!("http://{address}")),
        }
    }

    /// Serves until `shutdown`, and drains for at most five seconds.
    ///
    /// On TCP any process that reaches the port can claim any identity: see [`caller`](crate::caller).
    pub async fn serve(
        self,
        service: Service,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match self {
            Self::Unix(listener, path) => {
                let ending = async move {
                    shutdown.await;
                    // While we listen it is ours: a successor binds only where nobody answers.
                    fs::remove_file(path).ok();
                };
                serve(listener, service, ending).await
            }
            Self::Tcp(listener) => {
                // Answers are small and whole; waiting for more to send only delays them.
                let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
                serve(listener, service, shutdown).await
            }
        }
    }
}

fn explain(fault: io::Error, place: impl Display) -> io::Error {
    let why = match fault.kind() {
        io::ErrorKind::AddrInUse => format!("{place} is in use: another process listens on it"),
        _ => format!("cannot listen on {place}: {fault}"),
    };
    io::Error::new(fault.kind(), why)
}

/// Between `bind` and `listen` nobody can connect, so there is no moment at which the file is there with a
/// wider mode and somebody listens.
fn bind_privately(path: &Path) -> io::Result<UnixListener> {
    clear_away(path)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}

/// Removes the socket of a dead process, which is one that refuses connections, and nothing else.
fn clear_away(path: &Path) -> io::Result<()> {
    let refuses = |fault: io::Error| fault.kind() == io::ErrorKind::ConnectionRefused;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::other("what is there is not a socket; remove it or name another path"))
        }
        Ok(_) if UnixStream::connect(path).is_err_and(refuses) => fs::remove_file(path),
        _ => Ok(()),
    }
}

async fn serve<L: Listener<Addr: Debug>>(
    listener: L,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (announce, announced) = oneshot::channel();
    let ending = async move {
        shutdown.await;
        announce.send(()).ok();
    };
    let late = async {
        announced.await.ok();
        tokio::time::sleep(DRAIN_MAX).await;
    };
    let serving = axum::serve(listener, router(service)).with_graceful_shutdown(ending);
    tokio::select! {
        ended = serving.into_future() => ended,
        () = late => {
            tracing::warn!("requests were still under way when the drain ended");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
