//! Our own contestants: the gateway as each level wants it, the bare proxies, the service behind
//! all of them, and Redis.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway_clock::Timestamp;
use gateway_identity::TokenId;
use gateway_store::{AuditEvent, Event, Revocation, RevocationLedger as _, UnitOfWork};
use gateway_store_sled::{Importing, SledOptions, SledStore};
use serde_json::json;

use crate::certificate::Certificate;
use crate::contestants::{Contestant, Stage};
use crate::credentials::KeyPair;
use crate::levels::{Level, Who};
use crate::programs::{Cores, Program, Side, complaint, free_addresses};
use crate::support::{self, ACCESS_KEY, REFRESH_KEY};

/// How many revocations are written in one transaction.
const BATCH: usize = 5_000;

/// Which program it is, and which way requests go in it.
#[derive(Clone, Copy, Default)]
pub(crate) enum Build<'a> {
    #[default]
    Ours,
    /// As `Ours`, but everything goes Pingora's way.
    LaneClosed,
    /// Another program.
    Before(&'a Path),
}

/// What differs between the gateways.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings<'a> {
    pub(crate) build: Build<'a>,
    /// One where none is asked for; more have more cores, and so has one beside them.
    pub(crate) threads: Option<u32>,
    /// Listeners with TLS, and of HTTP/2 by prior knowledge.
    pub(crate) further: Option<[SocketAddr; 2]>,
    /// Whether each request has its line.
    pub(crate) logs: bool,
    /// Whether it may be traced.
    pub(crate) traced: bool,
    /// Requests for each user in an hour, if they are counted.
    pub(crate) user_limit: Option<u32>,
    /// In place of HS256.
    pub(crate) keys: Option<&'a KeyPair>,
    /// The proxy that asks for its clients.
    pub(crate) asked_by: Option<&'static str>,
    pub(crate) redis: Option<&'a Program>,
    /// Revoked before the start.
    pub(crate) revoked: &'a [TokenId],
    /// The first administrator: an e-mail address and a password.
    pub(crate) account: Option<(&'static str, &'static str)>,
}

/// So high that nobody is refused: what is measured is the counting.
pub(crate) const UNREACHED: u32 = 1_000_000_000;

impl Settings<'_> {
    fn config(&self, stage: &Stage<'_>) -> String {
        let rate = |requests: u32| format!("{{ requests = {requests}, window_seconds = 3600 }}");
        let high = rate(UNREACHED);
        let user = self.user_limit.map_or("\"unlimited\"".to_owned(), rate);
        let algorithm = self.keys.map_or("HS256", |keys| keys.algorithm.name());
        let asked = self.asked_by.map(|proxy| format!("verify = {{ proxy = \"{proxy}\" }}\n"));
        let trusted = if self.asked_by.is_some() { "[\"127.0.0.1\"]" } else { "[]" };
        // Written only where it says something, since a build of before may not know it.
        let lane = if matches!(self.build, Build::LaneClosed) { ", fast_path = false" } else { "" };
        let traced = if self.traced { ", core_dumps = true" } else { "" };
        let threads = self.threads.unwrap_or(1);
        let (access, level) = if self.logs { (true, "info") } else { (false, "warn") };
        let Certificate { certificate_file, key_file, .. } = stage.certificate;
        let further = self.further.map(|[tls, h2c]| {
            format!(
                "[[listeners]]\naddress = \"{tls}\"\n[listeners.tls]\ncertificates = [{{ certificate_file = {certificate_file:?}, key_file = {key_file:?} }}]\n\
                 [[listeners]]\naddress = \"{h2c}\"\nh2c = true\n"
            )
        });
        format!(
            "server = {{ threads = {threads}, trusted_proxies = {trusted}{lane}{traced} }}\n\
             log = {{ access = {access}, format = \"json\", level = \"{level}\" }}\n\
             tokens = {{ algorithm = \"{algorithm}\" }}\n\
             limits = {{ user = {user}, failed_authentication_address = {high}, login_address = {high}, login_account_address = {high}, login_account = {high} }}\n\
             redis = {{ check_timeout_ms = 10000 }}\n\
             {}\
             [[upstreams]]\nname = \"service\"\naddress = \"{}\"\nreuse_after_body = true\n\
             [[routes]]\nname = \"public\"\npath = \"/public\"\nupstream = \"service\"\nauth = \"public\"\n\
             [[routes]]\nname = \"todos\"\npath = \"/api/todos\"\nupstream = \"service\"\n\
             {}",
            asked.unwrap_or_default(),
            stage.upstream,
            further.unwrap_or_default()
        )
    }
}

/// The gateway at all levels that are measured.
pub(crate) fn start(stage: &Stage<'_>, who: Who, build: Build<'_>) -> Result<Contestant, String> {
    let [rs, es, ed] = &stage.credentials.pairs;
    let plain = Settings { build, ..Settings::default() };
    let limited = Settings { user_limit: Some(UNREACHED), ..plain };
    let revoked = &stage.credentials.revoked_ids[..];
    let further = free_addresses();
    let all: [(&str, &[Level], Settings<'_>); 9] = [
        ("hs256", &[Level::Plain, Level::HsOne, Level::Hs, Level::Body], plain),
        ("rs256", &[Level::Rs], Settings { keys: Some(rs), ..plain }),
        ("es256", &[Level::Es], Settings { keys: Some(es), ..plain }),
        ("eddsa", &[Level::Ed], Settings { keys: Some(ed), ..plain }),
        ("limited", &[Level::Limited, Level::BadSignature, Level::Expired], limited),
        ("further", &[Level::Tls, Level::Http2], Settings { further: Some(further), ..limited }),
        ("revoked", &[Level::Revoked], Settings { revoked, ..limited }),
        ("over-limit", &[Level::OverLimit], Settings { user_limit: Some(1), ..plain }),
        ("redis", &[Level::Redis], Settings { redis: stage.redis, ..limited }),
    ];
    let measured = |level: &Level| stage.levels.contains(level) && level.contestants().contains(&who);
    let without_redis = |levels: &[Level]| levels == [Level::Redis] && stage.redis.is_none();
    let mut programs = Vec::new();
    let mut doors = Vec::new();
    for (name, levels, settings) in &all {
        if levels.iter().any(measured) && !without_redis(levels) {
            let name = format!("{}-{name}", who.key());
            let program = gateway(stage, &name, settings).map_err(|fault| format!("{name}: {fault}"))?;
            let pid = program.pid();
            match settings.further {
                Some([tls, h2c]) => {
                    doors.extend([(&[Level::Tls][..], tls, pid), (&[Level::Http2], h2c, pid)]);
                }
                None => doors.push((levels, program.address, pid)),
            }
            programs.push(program);
        }
    }
    let contestant = Contestant::of(programs);
    Ok(doors.into_iter().fold(contestant, |all, (levels, address, pid)| all.door(levels, address, &[pid])))
}

/// One gateway, with its log in a file of its folder.
pub(crate) fn gateway(stage: &Stage<'_>, name: &str, settings: &Settings<'_>) -> Result<Program, String> {
    let fault = |fault: std::io::Error| fault.to_string();
    let folder = stage.folder(name)?;
    let (file, data, said) = (folder.join("gateway.toml"), folder.join("data"), folder.join("said"));
    std::fs::write(&file, settings.config(stage)).map_err(fault)?;
    if let Some(keys) = settings.keys {
        let access = data.join("keys/access");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&access).map_err(fault)?;
        let mut key = File::options();
        let mut key = key.write(true).create(true).mode(0o600).open(access.join("key.pem")).map_err(fault)?;
        std::io::Write::write_all(&mut key, keys.private_pem.as_bytes()).map_err(fault)?;
    }
    make_store(&data)?;
    if !settings.revoked.is_empty() {
        revoke(&data, settings.revoked)?;
    }
    let program = match settings.build {
        Build::Before(file) => file,
        Build::Ours | Build::LaneClosed => Path::new(env!("CARGO_BIN_EXE_gateway")),
    };
    let mut command = Command::new(program);
    command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--config"]);
    command.arg(file).env("GATEWAY__STORE__PATH", data);
    command.env("JWT_SECRET_KEY", ACCESS_KEY).env("JWT_REFRESH_SECRET_KEY", REFRESH_KEY);
    if let Some((email, password)) = settings.account {
        command.env("GATEWAY_ADMIN_EMAIL", email).env("GATEWAY_ADMIN_PASSWORD", password);
    }
    if let Some(redis) = settings.redis {
        command.env("REDIS_URL", format!("redis://{}", redis.address));
    }
    // Appended to, so that whoever measures may empty it.
    let log = File::options().create(true).append(true).open(&said).map_err(fault)?;
    command.stderr(log);
    let side = if settings.threads.is_some() { Side::Wide } else { Side::Proxy };
    let started = Program::announced(stage.cores, side, &mut command);
    started.map_err(|fault| format!("{fault} {}", complaint(&said)))
}

/// A store of the installation that the tokens of the comparison are of.
fn make_store(data: &Path) -> Result<(), String> {
    let header = json!({ "format": "gateway-store", "version": 2, "store_id": support::installation() });
    let end = json!({ "record": "end", "users": 0, "sessions": 0, "revocations": 0 });
    let store = SledStore::open(data, SledOptions::default()).map_err(|fault| fault.to_string())?;
    let imported = store.import(&mut format!("{header}\n{end}\n").as_bytes(), Importing::Restore);
    imported.map(drop).map_err(|fault| fault.to_string())
}

/// Writes revocations into the store of a gateway that does not run yet.
pub(crate) fn revoke(data: &Path, revoked: &[TokenId]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| fault.to_string())?;
    let store = SledStore::open(data, SledOptions::default()).map_err(|fault| fault.to_string())?;
    let until = crate::support::now().plus(Duration::from_secs(3_600));
    for ids in revoked.chunks(BATCH) {
        let work = UnitOfWork::because(AuditEvent::new(Event::SessionsEnded, Timestamp::default()));
        let all: Vec<_> = ids.iter().map(|id| Revocation::Token { id: *id, until }).collect();
        // No gateway runs that could be told.
        runtime.block_on(store.record(&all, work)).map(drop).map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

/// A bare proxy, which has its plain door at every level that needs no other.
pub(crate) fn bare(stage: &Stage<'_>, program: &Path) -> Result<Contestant, String> {
    let further = free_addresses();
    let program = bare_program(stage, program, None, further)?;
    let (plain, pid) = (program.address, program.pid());
    let [tls, h2c] = further;
    let others: Vec<_> =
        Level::ALL.into_iter().filter(|level| !matches!(level, Level::Tls | Level::Http2)).collect();
    Ok(Contestant::of(vec![program])
        .door(&[Level::Tls], tls, &[pid])
        .door(&[Level::Http2], h2c, &[pid])
        .door(&others, plain, &[pid]))
}

pub(crate) fn bare_program(
    stage: &Stage<'_>,
    program: &Path,
    threads: Option<u32>,
    [tls, h2c]: [SocketAddr; 2],
) -> Result<Program, String> {
    let folder = stage.folder("bare")?;
    let [address] = free_addresses();
    let mut command = Command::new(program);
    command.args(["bare", &threads.unwrap_or(1).to_string(), &stage.upstream.to_string()]);
    command.args([address, tls, h2c].map(|address| address.to_string()));
    command.arg(&stage.certificate.certificate_file).arg(&stage.certificate.key_file);
    let side = if threads.is_some() { Side::Wide } else { Side::Proxy };
    Program::told(stage.cores, side, &mut command, &folder, address)
}

/// This program again, as the service behind the proxies.
pub(crate) fn upstream(cores: Cores) -> Result<Program, String> {
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    Program::announced(cores, Side::Rest, Command::new(own).arg("upstream"))
}

/// A Redis that keeps nothing, if there is one on this machine.
pub(crate) fn redis(cores: Cores, folder: &Path) -> Result<Program, String> {
    let there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    there.map_err(|_| "there is no redis-server on this machine".to_owned())?;
    let [address] = free_addresses();
    let folder = folder.join("redis");
    std::fs::create_dir_all(&folder).map_err(|fault| fault.to_string())?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""]);
    command.args(["--appendonly", "no", "--dir"]).arg(&folder);
    Program::told(cores, Side::Rest, &mut command, &folder, address)
}
