//! One HTTP/1.1 connection, which carries one request at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::place::Reached;

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failed {
    /// No connection, or no TLS.
    NotConnected,
    /// Closed, or broken, before the answer was whole.
    BrokenOff,
    TimedOut,
}

impl Failed {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::BrokenOff => "broken_off",
            Self::TimedOut => "timed_out",
        }
    }
}

pub(super) struct Connection {
    to: Reached,
    timeout: Duration,
    sender: Option<SendRequest<Empty<Bytes>>>,
    /// How often it had to be opened.
    pub(super) opened: u64,
}

impl Connection {
    pub(super) fn new(to: Reached, timeout: Duration) -> Self {
        Self { to, timeout, sender: None, opened: 0 }
    }

    /// The status of the answer, once all of it was read. Opens what is not open: the time for that
    /// belongs to the request, as it does for any client.
    pub(super) async fn ask(&mut self, request: Request<Empty<Bytes>>) -> Result<u16, Failed> {
        let answered = timeout(self.timeout, self.ask_patiently(request)).await;
        let answered = answered.unwrap_or(Err(Failed::TimedOut));
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    async fn ask_patiently(&mut self, request: Request<Empty<Bytes>>) -> Result<u16, Failed> {
        let mut sender = match self.still_open().await {
            Some(open) => open,
            None => {
                self.opened += 1;
                open(&self.to).await.map_err(|_| Failed::NotConnected)?
            }
        };
        let answer = sender.send_request(request).await.map_err(|_| Failed::BrokenOff)?;
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|_| Failed::BrokenOff)?;
        }
        self.sender = Some(sender);
        Ok(status)
    }

    async fn still_open(&mut self) -> Option<SendRequest<Empty<Bytes>>> {
        let mut sender = self.sender.take()?;
        sender.ready().await.ok()?;
        Some(sender)
    }
}

/// Whether a connection can be opened, and why not.
pub(super) async fn probe(to: &Reached, time_max: Duration) -> Result<(), String> {
    match timeout(time_max, open(to)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(_) => Err(format!("no connection within {} ms", time_max.as_millis())),
    }
}

async fn open(to: &Reached) -> std::io::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(to.address).await?;
    stream.set_nodelay(true)?;
    match &to.tls {
        None => drive(stream).await,
        Some((config, name)) => {
            let connector = TlsConnector::from(Arc::clone(config));
            drive(connector.connect(name.clone(), stream).await?).await
        }
    }
}

async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> std::io::Result<SendRequest<Empty<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    // It ends with the sender; what breaks it is told to the sender.
    tokio::spawn(connection);
    Ok(sender)
}
