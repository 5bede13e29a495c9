//! A service on hyper: what it takes for requests, and exactly what bytes it got.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A request as hyper sees it, fields in the order of the alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) content: Vec<u8>,
}

impl Arrived {
    /// What of it must be the same whoever handed it on: the others write fields of their own.
    pub(super) fn essence(mut self) -> Self {
        self.fields.retain(|(name, _)| name.starts_with("x-f") && !name.starts_with("x-forwarded"));
        // An escape is what is meant (RFC 3986 §2.1), and we write it.
        let escaped = |byte: u8| match byte {
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'[' | b']' | 0x80.. => {
                format!("%{byte:02X}")
            }
            _ => char::from(byte).to_string(),
        };
        self.target = self.target.bytes().map(escaped).collect();
        self
    }
}

#[derive(Default)]
struct Record {
    requests: Vec<Arrived>,
    bytes: Vec<u8>,
}

pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Recorder {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let record: Arc<Mutex<Record>> = Arc::default();
        let kept = Arc::clone(&record);
        // The thread ends with the process: it waits for connections and holds nothing else.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&kept)));
                }
            });
        });
        Self { address, record }
    }

    /// What came since this was asked last: requests, and the bytes of all connections.
    pub(super) fn take(&self) -> (Vec<Arrived>, Vec<u8>) {
        let Record { requests, bytes } = std::mem::take(&mut *self.record.lock().unwrap());
        (requests, bytes)
    }
}

async fn serve(stream: TcpStream, record: Arc<Mutex<Record>>) {
    stream.set_nodelay(true).unwrap();
    let io = TokioIo::new(Kept { stream, record: Arc::clone(&record) });
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let record = Arc::clone(&record);
        async move {
            let (head, content) = request.into_parts();
            // What is not whole has not arrived.
            let content = content.collect().await?.to_bytes().to_vec();
            let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (name.to_string(), value.as_bytes().to_vec())
            };
            let mut fields: Vec<_> = head.headers.iter().map(field).collect();
            fields.sort();
            let target = head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string);
            let method = head.method.to_string();
            record.lock().unwrap().requests.push(Arrived { method, target, fields, content });
            Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
        }
    });
    // A client may say that it has no more to say, and waits for its answers.
    let served = hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(io, service);
    drop::<Result<(), _>>(served.await);
}

/// Keeps what is read.
struct Kept {
    stream: TcpStream,
    record: Arc<Mutex<Record>>,
}

impl AsyncRead for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.record.lock().unwrap().bytes.extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Kept {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
