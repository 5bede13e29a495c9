//! By which way bytes of a client come to a service: the lane, Pingora's, nginx, or none, where the service
//! reads them itself.

use std::any::Any;
use std::io::Read as _;
use std::net::SocketAddr;

use super::case::Case;
use super::quoted;
use super::recorder::{Arrived, Recorder};
use crate::support::gateway::Setup;
use crate::support::nginx::Nginx;
use crate::support::raw::Raw;

pub(super) struct Door {
    address: SocketAddr,
    service: Recorder,
    /// It ends with this.
    _open: Box<dyn Any>,
}

/// What became of a case.
#[derive(Clone)]
pub(super) struct Seen {
    /// Of all answers but interim ones.
    pub(super) statuses: Vec<u16>,
    pub(super) arrived: Vec<Arrived>,
    /// What the service got, byte for byte.
    pub(super) bytes: Vec<u8>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}, and the service got {}", self.statuses, quoted(&self.bytes))
    }
}

impl Door {
    pub(super) fn lane() -> Self {
        Self::gateway("true")
    }

    /// Pingora's way.
    pub(super) fn usual() -> Self {
        Self::gateway("false")
    }

    fn gateway(open: &str) -> Self {
        let service = Recorder::start();
        let gateway = Setup::new("")
            .upstream("service", &service.address.to_string())
            .route("all", "/", "service", "auth = \"public\"")
            .env("GATEWAY__SERVER__FAST_PATH", open)
            .unlimited()
            .start();
        Self { address: gateway.address, service, _open: Box::new(gateway) }
    }

    /// As a proxy that hands on what it has read.
    pub(super) fn nginx() -> Self {
        let service = Recorder::start();
        let server = Nginx::start(&format!(
            "listen $listen; lingering_close always; proxy_ignore_client_abort on; client_max_body_size 0;
            large_client_header_buffers 4 128k;
            location / {{ proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://{}; }}",
            service.address
        ));
        Self { address: server.address, service, _open: Box::new(server) }
    }

    /// hyper, which reads what the client sends.
    pub(super) fn hyper() -> Self {
        let service = Recorder::start();
        Self { address: service.address, service, _open: Box::new(()) }
    }

    /// All of a case, until its connection is closed: then everything has arrived that will.
    pub(super) fn ask(&self, case: &Case) -> Result<Seen, String> {
        let mut raw = Raw::connect(self.address);
        for piece in case.pieces() {
            raw.send(piece);
        }
        raw.says_no_more();
        let mut answers = Vec::new();
        if let Err(fault) = raw.stream().read_to_end(&mut answers)
            && fault.kind() == std::io::ErrorKind::WouldBlock
        {
            return Err("the connection is not closed".to_owned());
        }
        let (arrived, bytes) = self.service.take();
        Ok(Seen { statuses: statuses(&answers), arrived, bytes })
    }
}

/// No answer here has a line in its content that looks like that of a status.
fn statuses(answers: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answers);
    let status = |(at, _): (usize, &str)| text.get(at + 9..at + 12)?.parse().ok();
    text.match_indices("HTTP/1.").filter_map(status).filter(|status| *status >= 200).collect()
}
