//! Where an admitted request goes. Without an [`Admitted`] there is no target.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Admitted;

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

/// How an upstream is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A service behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub name: String,
    pub target: Target,
    pub timeouts: Timeouts,
}

impl Upstream {
    pub fn tcp(name: &str, address: SocketAddr, timeouts: Timeouts) -> Self {
        Self { name: name.to_owned(), target: Target::Tcp(address), timeouts }
    }

    pub fn unix(name: &str, path: impl Into<PathBuf>, timeouts: Timeouts) -> Self {
        Self { name: name.to_owned(), target: Target::Unix(path.into()), timeouts }
    }
}

impl Admitted {
    pub fn upstream(&self) -> &Upstream {
        &self.route().upstream
    }
}
