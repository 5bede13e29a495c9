//! Who is measured, and where each level of it is found.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::credentials::Credentials;
use crate::gateways;
use crate::levels::{Level, Who};
use crate::load::Load;
use crate::peers;
use crate::programs::{Cores, Program, Watched};
use crate::upstream::{NOBODY, SOMEBODY};

/// What all contestants share.
pub(crate) struct Stage<'a> {
    pub(crate) cores: Cores,
    pub(crate) folder: &'a Path,
    pub(crate) upstream: SocketAddr,
    pub(crate) credentials: &'a Credentials,
    pub(crate) redis: Option<&'a Program>,
    /// Those that are measured in this run.
    pub(crate) levels: &'a [Level],
    /// The bare proxies: with Pingora's defaults, and built as the gateway.
    pub(crate) bare: [PathBuf; 2],
}

/// One that runs.
pub(crate) struct Contestant {
    doors: Vec<Door>,
    /// Ended when this is dropped.
    _programs: Vec<Program>,
}

/// Where some levels are found, and whose CPU time they cost.
struct Door {
    levels: Vec<Level>,
    address: SocketAddr,
    pids: Vec<u32>,
}

impl Stage<'_> {
    /// A folder of one contestant's own.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
        Ok(folder)
    }

    /// `RS256.pem`, `ES256.pem` and `EdDSA.pem`.
    pub(crate) fn write_public_keys(&self, folder: &Path) -> Result<(), String> {
        for pair in &self.credentials.pairs {
            let file = folder.join(format!("{}.pem", pair.algorithm));
            std::fs::write(&file, &pair.public_pem)
                .map_err(|fault| format!("{}: {fault}", file.display()))?;
        }
        Ok(())
    }

    /// Starts it. Somebody else may have taken its port in between, so that a second try is right.
    pub(crate) fn start(&self, who: Who) -> Result<Contestant, String> {
        let start = || match who {
            Who::Bare => gateways::bare(self, &self.bare[0]),
            Who::BareMimalloc => gateways::bare(self, &self.bare[1]),
            Who::Gateway => gateways::start(self),
            peer => peers::start(peer, self),
        };
        start().or_else(|_| start())
    }

    /// What is sent to whom at a level, and what must come back.
    pub(crate) fn load(&self, level: Level, who: Who, address: SocketAddr) -> Load {
        let credentials = self.credentials;
        let tokens: &[String] = match level {
            // A bare proxy knows no levels: it always forwards the plain request.
            _ if who.is_bare() => &[],
            Level::Plain => &[],
            Level::HsOne | Level::OverLimit => &credentials.hs[..1],
            Level::Hs | Level::Limited | Level::Redis => &credentials.hs,
            Level::Rs => &credentials.pairs[0].tokens,
            Level::Es => &credentials.pairs[1].tokens,
            Level::Ed => &credentials.pairs[2].tokens,
            Level::BadSignature => &credentials.forged,
            Level::Expired => &credentials.expired,
            Level::Revoked => &credentials.revoked,
        };
        let (status, ends_with) = match (tokens, level.status()) {
            ([], _) => (200, NOBODY),
            (_, 200) => (200, SOMEBODY),
            (_, refused) => (refused, ""),
        };
        let requests = match tokens {
            [] => vec![request("/public/42", None)],
            tokens => tokens.iter().map(|token| request("/api/todos/42", Some(token))).collect(),
        };
        Load { address, requests: Arc::new(requests), status, ends_with }
    }

    /// What must hold of a contestant before it is measured where it verifies: no token and a bad
    /// signature are refused.
    pub(crate) fn refusals(&self, level: Level, address: SocketAddr) -> Vec<Load> {
        let token = match level {
            Level::Plain => return Vec::new(),
            Level::Rs => &self.credentials.pairs[0].tokens[0],
            Level::Es => &self.credentials.pairs[1].tokens[0],
            Level::Ed => &self.credentials.pairs[2].tokens[0],
            _ => &self.credentials.hs[0],
        };
        let forged = crate::support::with_bad_signature(token);
        let refused = |token: Option<&str>| Load {
            address,
            requests: Arc::new(vec![request("/api/todos/42", token)]),
            status: 401,
            ends_with: "",
        };
        vec![refused(Some(&forged)), refused(None)]
    }
}

impl Contestant {
    pub(crate) fn of(programs: Vec<Program>) -> Self {
        Self { doors: Vec::new(), _programs: programs }
    }

    pub(crate) fn door(mut self, levels: &[Level], address: SocketAddr, pids: &[u32]) -> Self {
        self.doors.push(Door { levels: levels.to_vec(), address, pids: pids.to_vec() });
        self
    }

    /// Where the level is found, if it is there.
    pub(crate) fn at(&self, level: Level, redis: Option<&Program>) -> Option<(SocketAddr, Watched)> {
        let door = self.doors.iter().find(|door| door.levels.contains(&level))?;
        let beside = redis.filter(|_| level == Level::Redis).map(Program::pid);
        Some((door.address, Watched { proxy: door.pids.clone(), beside: beside.into_iter().collect() }))
    }
}

/// What a small client sends.
pub(crate) fn request(path: &str, token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: compare\r\nAccept: */*\r\n{authorization}\r\n"
    )
}
