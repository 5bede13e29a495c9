//! The socket in the data folder by which the command line speaks to a running gateway: the same
//! endpoints, for who may open the socket, which is its owner.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::background::{Background, finish};
use super::current::Current;
use gateway_api::{Client, Content, whole};
use gateway_problem::{Audience, Code, Problem};
use gateway_telemetry::RequestId;

/// Its name in the data folder.
pub(crate) const SOCKET: &str = "operators.sock";

/// Largest body: a batch of accounts to import.
const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

pub(super) struct Socket {
    path: PathBuf,
    thread: Background,
}

impl Socket {
    /// The store in the folder is open, so that no other gateway listens there.
    pub(super) fn listen(folder: &Path, current: Arc<Current>) -> Result<Self, String> {
        let path = folder.join(SOCKET);
        let fault = |fault: io::Error| format!("{}: {fault}", path.display());
        let listener = bind(&path).map_err(fault)?;
        let thread = Background::start("operators", |stopped| async move {
            let announce = Arc::clone(&current.services().sessions.announce);
            let (closing, closed) = watch::channel(false);
            let mut serving = JoinSet::new();
            tokio::select! {
                () = accept(listener, current, closed, &mut serving) => {}
                _ = stopped => {}
            }
            finish(async {
                closing.send_replace(true);
                while serving.join_next().await.is_some() {}
                announce.under_way().none().await;
            })
            .await;
        })?;
        Ok(Self { path, thread })
    }

    /// Accepts no more, and ends once what runs is answered, and every commit, whoever asked for it, is
    /// announced. Blocks.
    pub(super) fn stop(&mut self) {
        self.thread.stop();
        // One that stays is taken over by the next start.
        std::fs::remove_file(&self.path).ok();
    }
}

/// Gateways that share a database have no store in the folder by which the second one would be refused.
pub(super) fn refuse_second(folder: &Path) -> Result<(), String> {
    if crate::cli::operators::socket_of_running(folder).is_none() {
        return Ok(());
    }
    Err(format!(
        "store.path = \"{}\": another gateway runs there; give each gateway of this machine a folder of its own, also where they share a database",
        folder.display()
    ))
}

/// The folder is its owner's alone, and so is the socket.
fn bind(path: &Path) -> io::Result<Bound> {
    // A path may be longer than a socket's name: then it is bound by way of the open folder.
    let folder = path.parent().map(std::fs::File::open).transpose()?;
    let short = folder.as_ref().map(|folder| {
        use std::os::fd::AsRawFd as _;
        PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
    });
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    let listener = Bound::bind(short.as_deref().unwrap_or(path))?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(
    listener: Bound,
    current: Arc<Current>,
    closed: watch::Receiver<bool>,
    serving: &mut JoinSet<()>,
) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(fault) => return tracing::error!(error = %fault, "operators cannot be listened to"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while serving.try_join_next().is_some() {}
                serving.spawn(serve(stream, Arc::clone(&current), closed.clone()));
            }
            Err(fault) => {
                tracing::warn!(error = %fault, "an operator's connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, current: Arc<Current>, mut closed: watch::Receiver<bool>) {
    let Ok(peer) = stream.peer_cred() else { return };
    let uid = peer.uid();
    let service = service_fn(move |request| {
        let current = Arc::clone(&current);
        async move { Ok::<_, Infallible>(answer(request, &current, uid).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let http = http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut connection => return,
        _ = closed.wait_for(|closed| *closed) => connection.as_mut().graceful_shutdown(),
    }
    // A client that leaves in the middle misses no answer.
    connection.await.ok();
}

async fn answer(request: http::Request<Incoming>, current: &Current, uid: u32) -> http::Response<Content> {
    let client = Client::operator(uid);
    let (head, body) = request.into_parts();
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => {
            let api = &current.load().api;
            api.serve(http::Request::from_parts(head, body.to_bytes()), client).await.0
        }
        Err(_) => {
            let refusal = Problem::new(Code::BodyTooLarge);
            refusal.render(Audience::Json, RequestId::fresh().as_str()).map(whole)
        }
    }
}
