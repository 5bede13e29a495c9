//! A client of HTTP/2 that says what it is told to, trailers included.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// No answer takes longer.
const WITHIN: Duration = Duration::from_secs(20);

/// One connection; its requests may run side by side.
pub struct H2 {
    runtime: Runtime,
    send: SendRequest<Bytes>,
    scheme: &'static str,
}

/// What came back, whole.
#[derive(Debug)]
pub struct H2Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl H2Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn trailer(&self, name: &str) -> &str {
        let value = self.trailers.as_ref().and_then(|trailers| trailers.get(name));
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// A request that is still open, in both directions.
pub struct Open {
    pub send: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    body: Option<RecvStream>,
}

impl H2 {
    /// By prior knowledge.
    pub fn plain(address: SocketAddr) -> Result<Self, h2::Error> {
        let runtime = runtime();
        let tcp = runtime.block_on(TcpStream::connect(address)).unwrap();
        Self::over(runtime, tcp, "http")
    }

    /// Over TLS to `localhost`.
    pub fn encrypted(address: SocketAddr, mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        let runtime = runtime();
        let tls = runtime.block_on(async {
            let tcp = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
        });
        Self::over(runtime, tls, "https").unwrap()
    }

    fn over<T>(runtime: Runtime, stream: T, scheme: &'static str) -> Result<Self, h2::Error>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let send = runtime.block_on(async {
            let (send, connection) = h2::client::handshake(stream).await?;
            // It ends with an error when the other side closes.
            tokio::spawn(async move { drop(connection.await) });
            send.ready().await
        })?;
        Ok(Self { runtime, send, scheme })
    }

    /// `GET` with these further fields.
    pub fn get(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<H2Reply, h2::Error> {
        let request = self.request("GET", path, fields);
        self.send(request, b"", None)
    }

    /// What came of a request that goes on, as far as its head.
    pub fn head(&mut self, request: Request<()>) -> http::Response<RecvStream> {
        let (response, _send) = self.send.send_request(request, false).unwrap();
        self.runtime.block_on(async { tokio::time::timeout(WITHIN, response).await.unwrap().unwrap() })
    }

    pub fn request(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
        let uri = format!("{}://localhost{path}", self.scheme);
        let mut request = Request::builder().method(method).uri(uri).version(http::Version::HTTP_2);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    /// The whole request, and the whole reply.
    pub fn send(
        &mut self,
        request: Request<()>,
        body: &'static [u8],
        trailers: Option<HeaderMap>,
    ) -> Result<H2Reply, h2::Error> {
        let bodiless = body.is_empty() && trailers.is_none();
        let (response, mut send) = self.send.send_request(request, bodiless)?;
        if !bodiless {
            send.send_data(Bytes::from_static(body), trailers.is_none())?;
        }
        if let Some(trailers) = trailers {
            send.send_trailers(trailers)?;
        }
        self.runtime.block_on(async { tokio::time::timeout(WITHIN, whole(response)).await.unwrap() })
    }

    /// The whole request, each piece of its body in a frame of its own, and the whole reply.
    pub fn send_frames(
        &mut self,
        request: Request<()>,
        frames: &[&'static str],
    ) -> Result<H2Reply, h2::Error> {
        let (response, mut send) = self.send.send_request(request, frames.is_empty())?;
        for (index, frame) in frames.iter().enumerate() {
            send.send_data(Bytes::from_static(frame.as_bytes()), index + 1 == frames.len())?;
        }
        self.runtime.block_on(async { tokio::time::timeout(WITHIN, whole(response)).await.unwrap() })
    }

    /// A request whose body stays open.
    pub fn open(&mut self, request: Request<()>) -> Open {
        let (response, send) = self.send.send_request(request, false).unwrap();
        Open { send, response: Some(response), body: None }
    }

    /// The next piece of what comes back; `None` at its end, `Err` when the stream was reset.
    pub fn next(&mut self, open: &mut Open) -> Result<Option<Bytes>, h2::Error> {
        self.within(open, WITHIN).unwrap()
    }

    /// The same, where it comes within this time.
    pub fn within(&mut self, open: &mut Open, time: Duration) -> Option<Result<Option<Bytes>, h2::Error>> {
        self.runtime.block_on(async {
            let piece = async {
                if let Some(response) = &mut open.response {
                    // It may have been asked for before, in vain.
                    open.body = Some(response.await?.into_body());
                    open.response = None;
                }
                let body = open.body.as_mut().unwrap();
                let piece = body.data().await.transpose()?;
                if let Some(piece) = &piece {
                    body.flow_control().release_capacity(piece.len())?;
                }
                Ok(piece)
            };
            tokio::time::timeout(time, piece).await.ok()
        })
    }
}

async fn whole(response: ResponseFuture) -> Result<H2Reply, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await.transpose()? {
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let trailers = stream.trailers().await?;
    Ok(H2Reply { status: head.status.as_u16(), headers: head.headers, body, trailers })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
