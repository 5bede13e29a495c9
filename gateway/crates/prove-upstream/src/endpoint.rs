//! A place to connect to, with or without TLS.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use gateway_clock::Stopwatch;
use gateway_command::trust::{Anybody, roots};

#[derive(Clone)]
pub(super) struct Endpoint {
    /// Host, and port if it was named: for `Host`.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) is_tls: bool,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

/// A connection, which is read for a bounded time.
pub(super) struct Connection {
    stream: Stream,
    connected: Stopwatch,
    time_max: Duration,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Endpoint {
    /// From the command line.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let example = "write for example http://127.0.0.1:8080/echo";
        let uri: http::Uri = url.parse().map_err(|_| format!("that is no URL; {example}"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(format!("only http and https can be tried; {example}")),
        };
        let authority = uri.authority().ok_or_else(|| format!("a host is missing; {example}"))?;
        if authority.as_str().contains('@') {
            return Err(format!("a name or password does not belong there; {example}"));
        }
        Ok(Self {
            authority: authority.to_string(),
            target: uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
            is_tls,
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            tls: None,
            timeout: Duration::ZERO,
        })
    }

    /// From the command line: an address alone will do.
    pub(super) fn parse_address(address: &str) -> Result<Self, String> {
        if address.contains("://") { Self::parse(address) } else { Self::parse(&format!("http://{address}")) }
    }

    /// The way through the gateway.
    pub(super) fn through(mut self, ca_file: Option<&Path>, timeout: Duration) -> Result<Self, String> {
        self.timeout = timeout;
        if self.is_tls {
            let config = ClientConfig::builder().with_root_certificates(roots(ca_file)?);
            self.tls = Some(Arc::new(config.with_no_client_auth()));
        }
        Ok(self)
    }

    /// The service's own address, with the path and the host of the way through the gateway.
    pub(super) fn around(mut self, through: &Self) -> Result<Self, String> {
        self.timeout = through.timeout;
        if self.is_tls {
            let config = ClientConfig::builder().dangerous();
            let config = config.with_custom_certificate_verifier(Anybody::new()?);
            self.tls = Some(Arc::new(config.with_no_client_auth()));
        }
        self.authority.clone_from(&through.authority);
        if self.target == "/" {
            self.target.clone_from(&through.target);
        }
        Ok(self)
    }

    /// A new connection; with TLS, and for these protocols only.
    pub(super) fn connect(&self, protocol: &[u8]) -> Result<Connection, String> {
        let fault = |fault: &dyn std::fmt::Display| format!("{}:{}: {fault}", self.host, self.port);
        let addresses = (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| fault(&error))?;
        let mut last = fault(&"the name has no address");
        let mut stream = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(connected) => {
                    stream = Some(connected);
                    break;
                }
                Err(error) => last = fault(&error),
            }
        }
        let stream = stream.ok_or(last)?;
        let set = stream.set_read_timeout(Some(self.timeout)).and_then(|()| {
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(self.timeout))
        });
        set.map_err(|error| fault(&error))?;
        let (connected, time_max) = (Stopwatch::start(), self.timeout);
        let Some(config) = &self.tls else {
            return Ok(Connection { stream: Stream::Plain(stream), connected, time_max });
        };
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = vec![protocol.to_owned()];
        let name = ServerName::try_from(self.host.clone()).map_err(|error| fault(&error))?;
        let session = ClientConnection::new(Arc::new(config), name).map_err(|error| fault(&error))?;
        let mut stream = Box::new(StreamOwned::new(session, stream));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| fault(&error))?;
        }
        Ok(Connection { stream: Stream::Tls(stream), connected, time_max })
    }
}

impl Connection {
    /// Whether ALPN chose this protocol; without TLS nothing is chosen.
    pub(super) fn chose(&self, protocol: &[u8]) -> bool {
        match &self.stream {
            Stream::Plain(_) => true,
            Stream::Tls(stream) => stream.conn.alpn_protocol() == Some(protocol),
        }
    }

    /// From here on, for each read.
    pub(super) fn wait_at_most(&mut self, time_max: Duration) {
        let tcp = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        };
        // It was set before, to another value.
        tcp.set_read_timeout(Some(time_max)).ok();
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// At the end of the other side: 0.
    pub(super) fn receive(&mut self, chunk: &mut [u8]) -> std::io::Result<usize> {
        // A slow drip must not keep us for ever.
        if self.connected.elapsed() > self.time_max {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        match &mut self.stream {
            Stream::Plain(stream) => stream.read(chunk),
            Stream::Tls(stream) => stream.read(chunk).or_else(|fault| match fault.kind() {
                // Closed without a farewell, as many servers do.
                std::io::ErrorKind::UnexpectedEof => Ok(0),
                _ => Err(fault),
            }),
        }
    }
}
