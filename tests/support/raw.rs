//! Bytes on a socket: what no well-behaved client would send.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that says exactly what it is told to.
pub struct Raw(TcpStream);

/// What came back.
#[derive(Debug)]
pub struct RawReply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl RawReply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header field.
    pub fn field(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

impl Raw {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// From another address of this machine.
    pub fn from(source: [u8; 4], address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((source, 0))).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    /// With hardly any room for what is not read: the other side soon cannot write on.
    pub fn narrow(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4_096).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        // The other side may have answered and closed already: that is for the reading to tell.
        self.0.write_all(bytes.as_ref()).ok();
        self
    }

    /// One response to a `HEAD`, or the part of one that comes before its body.
    pub fn head(&mut self) -> Option<RawReply> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return None,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(RawReply { status, head, body: Vec::new() })
    }

    /// One response, by its `Content-Length` or its chunks; `None` if the connection ended first.
    pub fn reply(&mut self) -> Option<RawReply> {
        let reply = self.head()?;
        if (100..200).contains(&reply.status) {
            return Some(reply);
        }
        let mut byte = [0];
        let mut body = Vec::new();
        if let Some(length) = reply.field("content-length") {
            body.resize(length.parse().ok()?, 0);
            self.0.read_exact(&mut body).ok()?;
        } else if reply.field("transfer-encoding").is_some() {
            loop {
                let mut line = Vec::new();
                while !line.ends_with(b"\r\n") {
                    self.0.read_exact(&mut byte).ok()?;
                    line.push(byte[0]);
                }
                let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).ok()?;
                body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        }
        Some(RawReply { body, ..reply })
    }

    /// The status of one response with a `Content-Length`, read in few calls: for many of them.
    pub fn status(&mut self) -> Option<u16> {
        let (mut seen, mut chunk) = (Vec::new(), [0; 4_096]);
        loop {
            let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
                if body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0) {
                    return head.split(' ').nth(1)?.parse().ok();
                }
            }
            match self.0.read(&mut chunk) {
                Ok(read) if read > 0 => seen.extend_from_slice(&chunk[..read]),
                _ => return None,
            }
        }
    }

    /// Whether the other side closes the connection, without saying anything more.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0)) || {
            let kind = self.0.read(&mut [0]).map_err(|fault| fault.kind());
            matches!(kind, Ok(0) | Err(std::io::ErrorKind::ConnectionReset))
        }
    }

    /// One line, without its end; empty at the end of the connection.
    pub fn line(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while matches!(self.0.read(&mut byte), Ok(1)) && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// The head of a request, where this is the side of a server.
    pub fn request_head(&mut self) -> String {
        self.try_request_head().expect("the connection ended before a whole head came")
    }

    /// The same, if one comes.
    pub fn try_request_head(&mut self) -> Option<String> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        Some(String::from_utf8_lossy(&head).into_owned())
    }

    /// So many bytes of a body.
    pub fn body(&mut self, bytes: usize) -> Vec<u8> {
        let mut body = vec![0; bytes];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    /// Nothing more comes from this side.
    pub fn says_no_more(&mut self) -> &mut Self {
        // The other side may have gone already.
        self.0.shutdown(std::net::Shutdown::Write).ok();
        self
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).ok();
        String::from_utf8_lossy(&rest).into_owned()
    }

    pub fn stream(&self) -> &TcpStream {
        &self.0
    }
}

/// One request on a connection of its own.
pub fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Option<RawReply> {
    Raw::connect(address).send(bytes).reply()
}
