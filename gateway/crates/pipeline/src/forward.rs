//! Where an admitted request goes. Without an [`Admitted`] there is no target.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::header::HeaderValue;
use zeroize::Zeroizing;

use super::Admitted;
use gateway_framing::HeadLimits;

/// How long each step towards an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two reads of the answer.
    pub read: Duration,
    /// Between two writes of the request.
    pub write: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            read: Duration::from_secs(60),
            write: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// A name of the DNS: each of its addresses is a server.
    Name {
        host: String,
        port: u16,
    },
}

impl Target {
    /// On which it listens; a socket has none.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Name { port, .. } => Some(*port),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Target {
    /// As it is written in the configuration, and in labels of metrics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// One server of an upstream, with its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub target: Target,
    /// From 1; a server of weight 2 gets twice as many requests as one of weight 1.
    pub weight: u32,
}

/// Which server gets the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    #[default]
    RoundRobin,
    /// The server with the fewest running requests for its weight.
    LeastConnections,
    /// The same server for the same user; by address for who is nobody in particular.
    HashUser,
    /// The same server for the same client address.
    HashAddress,
}

/// What is spoken with the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Http1,
    /// By ALPN over TLS; without TLS by prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// How servers prove who they are, and we to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// In place of the name or address under which the server is reached.
    pub server_name: Option<String>,
    /// Certificates (DER) in place of the machine's public ones.
    pub authorities: Option<Vec<Vec<u8>>>,
    pub client: Option<ClientCertificate>,
    /// Nothing is verified.
    pub accept_any: bool,
}

/// Our certificate chain (DER), and its key (PKCS #8, PKCS #1 or SEC 1).
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub chain: Vec<Vec<u8>>,
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// How servers are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is asked for by GET; without it, that a connection is accepted is enough.
    pub path: Option<String>,
    pub expect_status: u16,
    pub interval: Duration,
    /// For one check as a whole.
    pub timeout: Duration,
    /// So many failed checks in a row take a server out.
    pub unhealthy_after: u32,
    /// So many good checks in a row bring it back.
    pub healthy_after: u32,
}

/// When a server that fails is left out for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// So many failures in a row; 0 is never.
    pub after: u32,
    /// The first time; it doubles each time until `time_max`.
    pub time: Duration,
    pub time_max: Duration,
    /// Statuses that count as a failure, beside connections that fail or break.
    pub statuses: Vec<u16>,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            after: 5,
            time: Duration::from_secs(10),
            time_max: Duration::from_secs(300),
            statuses: Vec::new(),
        }
    }
}

/// A service behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub name: String,
    pub servers: Vec<Server>,
    pub balance: Balance,
    pub protocol: Protocol,
    /// What `Host` calls it, in place of what the client called it.
    pub host: Option<HeaderValue>,
    pub tls: Option<Tls>,
    pub timeouts: Timeouts,
    /// Further tries for what is safe to repeat.
    pub retries: u32,
    pub health: Option<Health>,
    pub ejection: Ejection,
    /// How often names are looked up again.
    pub dns_refresh: Duration,
    /// Connections to each server, at most.
    pub connections_max: usize,
    /// Over HTTP/1.1, another request may follow one with content.
    pub reuse_after_body: bool,
    /// What a server takes of a head of HTTP/1.1.
    pub head_limits: HeadLimits,
}

impl Upstream {
    /// Whether both can be one service: the same name, or a server in common.
    pub(super) fn is_same_service(&self, other: &Self) -> bool {
        let is_theirs = |own: &Server| other.servers.iter().any(|theirs| theirs.target == own.target);
        self.name == other.name || self.servers.iter().any(is_theirs)
    }

    /// One server with the usual settings.
    pub fn one(name: &str, target: Target, timeouts: Timeouts) -> Self {
        Self {
            name: name.to_owned(),
            servers: vec![Server { target, weight: 1 }],
            balance: Balance::default(),
            protocol: Protocol::default(),
            host: None,
            tls: None,
            timeouts,
            retries: 1,
            health: None,
            ejection: Ejection::default(),
            dns_refresh: Duration::from_secs(30),
            connections_max: 10_000,
            reuse_after_body: false,
            head_limits: HeadLimits::default(),
        }
    }

    pub fn tcp(name: &str, address: SocketAddr, timeouts: Timeouts) -> Self {
        Self::one(name, Target::Tcp(address), timeouts)
    }

    pub fn unix(name: &str, path: impl Into<PathBuf>, timeouts: Timeouts) -> Self {
        Self::one(name, Target::Unix(path.into()), timeouts)
    }
}

impl Admitted {
    pub fn upstream(&self) -> &Upstream {
        &self.route().upstream
    }

    /// What consistent hashing keeps on one server: the user where the upstream wants it and
    /// there is one, else the client's address.
    pub fn affinity(&self, client: IpAddr) -> [u8; 17] {
        let mut key = [0; 17];
        match self.principal().filter(|_| self.upstream().balance == Balance::HashUser) {
            Some(principal) => {
                key[0] = 1;
                key[1..].copy_from_slice(&principal.key().to_bytes());
            }
            None => key[1..].copy_from_slice(&canonical(client)),
        }
        key
    }
}

fn canonical(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
