//! The clients of the load: a connection of HTTP/1.1, with TLS or without, or a stream of HTTP/2. Each
//! sends one request and looks at the whole answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate::HOST;
use crate::http2;
use crate::load::Load;
use crate::message::Message;

/// Room for an answer.
pub(crate) const ANSWER_BYTES_MAX: usize = 128 * 1_024;
/// A gateway gives one address half of the connections that it may have.
const CONNECTIONS_PER_ADDRESS: usize = 5_000;

/// What is sent, and over what.
#[derive(Clone)]
pub(crate) enum Protocol {
    Http1(Arc<Vec<String>>),
    Tls(Arc<Vec<String>>, TlsConnector),
    /// Of each connection all requests are the same one, as one client's.
    Http2(Arc<Vec<http::Request<()>>>),
}

pub(crate) enum Client {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Stream(SendRequest<Bytes>, usize),
}

/// What came back.
struct Answer<'a> {
    status: u16,
    content_bytes: usize,
    ends: &'a [u8],
    /// To be shown where it is wrong.
    whole: &'a [u8],
}

impl Client {
    /// Those of one connection, of which this is the how-manieth.
    pub(crate) async fn connect(load: &Load, number: usize) -> Result<Vec<Self>, String> {
        let stream = connect(load.address, number).await?;
        Ok(match &load.protocol {
            Protocol::Http1(_) => vec![Self::Plain(stream)],
            Protocol::Tls(_, connector) => {
                let name = ServerName::try_from(HOST).expect("a name");
                let stream = connector.connect(name, stream).await;
                vec![Self::Tls(Box::new(stream.map_err(|fault| format!("TLS: {fault}"))?))]
            }
            Protocol::Http2(_) => {
                let streams = http2::connect(stream).await?;
                (0..http2::STREAMS).map(|_| Self::Stream(streams.clone(), number)).collect()
            }
        })
    }

    /// One request, and whether the answer is as it should be.
    pub(crate) async fn exchange(&mut self, load: &Load, turn: u64, buffer: &mut [u8]) -> Result<(), String> {
        match (self, &load.protocol) {
            (Self::Plain(stream), Protocol::Http1(requests)) => {
                http1(load, stream, &requests[turn as usize % requests.len()], buffer).await
            }
            (Self::Tls(stream), Protocol::Tls(requests, _)) => {
                http1(load, &mut **stream, &requests[turn as usize % requests.len()], buffer).await
            }
            (Self::Stream(streams, number), Protocol::Http2(requests)) => {
                let request = requests[*number % requests.len()].clone();
                let answer = http2::ask(streams, request).await?;
                let (status, content_bytes, ends) = (answer.status, answer.content_bytes, &*answer.last);
                load.judge(&Answer { status, content_bytes, ends, whole: ends })
            }
            _ => Err("a client of another protocol".to_owned()),
        }
    }
}

impl Load {
    fn judge(&self, answer: &Answer<'_>) -> Result<(), String> {
        let whole = self.content_bytes.is_none_or(|bytes| answer.content_bytes == bytes);
        if answer.status == self.status && whole && answer.ends.ends_with(self.ends_with.as_bytes()) {
            return Ok(());
        }
        let start: String = String::from_utf8_lossy(answer.whole).chars().take(600).collect();
        Err(format!(
            "expected {} and `{}`, got {} and {} bytes: {start}",
            self.status, self.ends_with, answer.status, answer.content_bytes
        ))
    }
}

async fn connect(to: SocketAddr, number: usize) -> Result<TcpStream, String> {
    let fault = |fault: std::io::Error| format!("no connection: {fault}");
    let socket = TcpSocket::new_v4().map_err(fault)?;
    if number >= CONNECTIONS_PER_ADDRESS {
        let last = u8::try_from(1 + number / CONNECTIONS_PER_ADDRESS).unwrap_or(u8::MAX);
        // A bound port whose connection waits for its last packets (TIME_WAIT) is nobody else's: after some
        // thousands of them the next proxy would have none.
        socket.set_zero_linger().map_err(fault)?;
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).map_err(fault)?;
    }
    let stream = socket.connect(to).await.map_err(fault)?;
    stream.set_nodelay(true).map_err(fault)?;
    Ok(stream)
}

async fn http1(
    load: &Load,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
    buffer: &mut [u8],
) -> Result<(), String> {
    let (message, end) = exchange(stream, request, buffer).await?;
    let whole = &buffer[..end];
    let status = status(whole).ok_or("an answer without a status")?;
    load.judge(&Answer { status, content_bytes: message.content_bytes(), ends: message.tail(), whole })
}

/// One request on a connection, and the status of its answer.
pub(crate) async fn ask(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> Result<u16, String> {
    let (_, end) = exchange(stream, request, buffer).await?;
    status(&buffer[..end]).ok_or_else(|| "an answer without a status".to_owned())
}

/// One request, and the whole answer; nothing may come behind it.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
    buffer: &mut [u8],
) -> Result<(Message, usize), String> {
    stream.write_all(request.as_bytes()).await.map_err(|fault| fault.to_string())?;
    let (mut filled, mut message) = (0, Message::default());
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) => return Err("an answer ended too early, or was too long".to_owned()),
            Ok(read) => filled += read,
            Err(fault) => return Err(fault.to_string()),
        }
        match message.end(&buffer[..filled])? {
            Some(end) if end == filled => return Ok((message, end)),
            Some(_) => return Err("more came than was asked for".to_owned()),
            None => {}
        }
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}
