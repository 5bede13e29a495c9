//! Who is measured, and where each level of it is found.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::certificate::{Certificate, HOST};
use crate::clients::Protocol;
use crate::credentials::Credentials;
use crate::gateways::{self, Build};
use crate::levels::{Level, Who};
use crate::load::Load;
use crate::peers;
use crate::programs::{Cores, Program, Watched};
use crate::upstream::{ANSWERED_BYTES, NOBODY, SENT_BYTES, SOMEBODY, chunked};

/// What all contestants share.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) cores: Cores,
    pub(crate) folder: &'a Path,
    pub(crate) upstream: SocketAddr,
    pub(crate) credentials: &'a Credentials,
    pub(crate) certificate: &'a Certificate,
    pub(crate) redis: Option<&'a Program>,
    /// Those that are measured in this run.
    pub(crate) levels: &'a [Level],
    /// The bare proxies: with Pingora's defaults, and built as the gateway.
    pub(crate) bare: &'a [PathBuf; 2],
    /// The gateway that was built before.
    pub(crate) before: Option<&'a Path>,
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
    /// A folder of one contestant's own, with nothing in it of one before.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
        Ok(folder)
    }

    /// `RS256.pem`, `ES256.pem` and `EdDSA.pem`; the certificate with its key; and the revoked tokens, by
    /// their `jti`, one a line.
    pub(crate) fn write_keys(&self, folder: &Path) -> Result<(), String> {
        let revoked = self.credentials.revoked_ids.iter().map(|id| format!("{id}\n")).collect();
        let pairs = self.credentials.pairs.iter();
        let keys = pairs.map(|pair| (format!("{}.pem", pair.algorithm), pair.public_pem.clone()));
        let others =
            [("both.pem".to_owned(), self.certificate.both.clone()), ("revoked".to_owned(), revoked)];
        for (name, text) in keys.chain(others) {
            let file = folder.join(name);
            std::fs::write(&file, text).map_err(|fault| format!("{}: {fault}", file.display()))?;
        }
        Ok(())
    }

    /// Starts it. Somebody else may have taken its port in between, so that a second try is right.
    pub(crate) fn start(&self, who: Who) -> Result<Contestant, String> {
        let start = || match who {
            Who::Bare => gateways::bare(self, &self.bare[0]),
            Who::SameBuilt => gateways::bare(self, &self.bare[1]),
            Who::Gateway => gateways::start(self, who, Build::Ours),
            Who::LaneClosed => gateways::start(self, who, Build::LaneClosed),
            Who::Before => gateways::start(self, who, self.before()?),
            peer => peers::start(peer, self),
        };
        start().or_else(|_| start())
    }

    pub(crate) fn before(&self) -> Result<Build<'_>, String> {
        self.before.map(Build::Before).ok_or_else(|| "none was named: --before FILE".to_owned())
    }

    /// What is sent to whom at a level, and what must come back.
    pub(crate) fn load(&self, level: Level, who: Who, address: SocketAddr) -> Load {
        let credentials = self.credentials;
        let tokens: &[String] = match level {
            // A bare proxy knows no levels: it always forwards a request of nobody.
            _ if who.is_bare() => &[],
            Level::Plain => &[],
            Level::HsOne | Level::OverLimit => &credentials.hs[..1],
            Level::Hs | Level::Limited | Level::Redis | Level::Body | Level::Tls | Level::Http2 => {
                &credentials.hs
            }
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
        let senders: Vec<_> = match tokens {
            [] => vec![("/public/42", None)],
            tokens => tokens.iter().map(|token| ("/api/todos/42", Some(&**token))).collect(),
        };
        let content_bytes = (level == Level::Body).then_some(ANSWERED_BYTES);
        Load { address, protocol: self.protocol(level, &senders), status, ends_with, content_bytes }
    }

    /// How a level is spoken.
    fn protocol(&self, level: Level, senders: &[(&str, Option<&str>)]) -> Protocol {
        let heads = || Arc::new(senders.iter().map(|(path, token)| request(path, *token)).collect());
        match level {
            Level::Tls => Protocol::Tls(heads(), self.certificate.connector.clone()),
            Level::Http2 => {
                let requests = senders.iter().map(|(path, token)| http2_request(path, *token));
                Protocol::Http2(Arc::new(requests.collect()))
            }
            Level::Body => {
                let posts = senders.iter().map(|(path, token)| post(path, *token));
                Protocol::Http1(Arc::new(posts.collect()))
            }
            _ => Protocol::Http1(heads()),
        }
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
        // A body that nobody reads would end the connection instead.
        let level = if level == Level::Body { Level::Hs } else { level };
        let forged = crate::support::with_bad_signature(token);
        let refused = |token: Option<&str>| Load {
            address,
            protocol: self.protocol(level, &[("/api/todos/42", token)]),
            status: 401,
            ends_with: "",
            content_bytes: None,
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
    format!("GET {path} HTTP/1.1\r\n{}\r\n", fields(token))
}

/// The same with content, in chunks.
fn post(path: &str, token: Option<&str>) -> String {
    let content = chunked(&"m".repeat(SENT_BYTES));
    format!("POST {path} HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n\r\n{content}", fields(token))
}

fn fields(token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("Host: {HOST}\r\nUser-Agent: compare\r\nAccept: */*\r\n{authorization}")
}

fn http2_request(path: &str, token: Option<&str>) -> http::Request<()> {
    let request = http::Request::get(format!("http://{HOST}{path}"));
    let request = request.header("user-agent", "compare").header("accept", "*/*");
    let authorization = token.map(|token| format!("Bearer {token}"));
    let request = authorization.iter().fold(request, |all, value| all.header("authorization", value));
    request.body(()).expect("a token is ASCII")
}
