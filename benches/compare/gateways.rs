//! Our own contestants: the gateway as each level wants it, the bare proxies, the service behind
//! all of them, and Redis.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway::adapter::sled::{Importing, SledOptions, SledStore};
use gateway::clock::Timestamp;
use gateway::identity::TokenId;
use gateway::store::{AuditEvent, Event, Revocation, RevocationLedger as _, UnitOfWork};
use serde_json::json;

use crate::contestants::{Contestant, Stage};
use crate::credentials::KeyPair;
use crate::levels::Level;
use crate::programs::{Cores, Program, Side, complaint, free_addresses};
use crate::support::{self, ACCESS_KEY, REFRESH_KEY};

/// How many revocations are written in one transaction.
const BATCH: usize = 5_000;

/// What differs between the gateways.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings<'a> {
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
    fn config(&self, upstream: SocketAddr) -> String {
        let rate = |requests: u32| format!("{{ requests = {requests}, window_seconds = 3600 }}");
        let high = rate(UNREACHED);
        let user = self.user_limit.map_or("\"unlimited\"".to_owned(), rate);
        let algorithm = self.keys.map_or("HS256", |keys| keys.algorithm.name());
        let asked = self.asked_by.map(|proxy| format!("verify = {{ proxy = \"{proxy}\" }}\n"));
        let trusted = if self.asked_by.is_some() { "[\"127.0.0.1\"]" } else { "[]" };
        format!(
            "server = {{ threads = 1, trusted_proxies = {trusted} }}\n\
             log = {{ access = false, format = \"json\", level = \"warn\" }}\n\
             tokens = {{ algorithm = \"{algorithm}\" }}\n\
             limits = {{ user = {user}, failed_authentication_address = {high}, login_address = {high}, login_account_address = {high}, login_account = {high} }}\n\
             redis = {{ check_timeout_ms = 2000 }}\n\
             {}\
             [[upstreams]]\nname = \"service\"\naddress = \"{upstream}\"\n\
             [[routes]]\nname = \"public\"\npath = \"/public\"\nupstream = \"service\"\nauth = \"public\"\n\
             [[routes]]\nname = \"todos\"\npath = \"/api/todos\"\nupstream = \"service\"\n",
            asked.unwrap_or_default()
        )
    }
}

/// The gateway at all levels that are measured.
pub(crate) fn start(stage: &Stage<'_>) -> Result<Contestant, String> {
    let [rs, es, ed] = &stage.credentials.pairs;
    let plain = Settings::default();
    let limited = Settings { user_limit: Some(UNREACHED), ..plain };
    let revoked = &stage.credentials.revoked_ids[..];
    let all: [(&str, &[Level], Settings<'_>); 8] = [
        ("gateway", &[Level::Plain, Level::HsOne, Level::Hs], plain),
        ("gateway-rs256", &[Level::Rs], Settings { keys: Some(rs), ..plain }),
        ("gateway-es256", &[Level::Es], Settings { keys: Some(es), ..plain }),
        ("gateway-eddsa", &[Level::Ed], Settings { keys: Some(ed), ..plain }),
        ("gateway-limited", &[Level::Limited, Level::BadSignature, Level::Expired], limited),
        ("gateway-revoked", &[Level::Revoked], Settings { revoked, ..limited }),
        ("gateway-over-limit", &[Level::OverLimit], Settings { user_limit: Some(1), ..plain }),
        ("gateway-redis", &[Level::Redis], Settings { redis: stage.redis, ..limited }),
    ];
    let measured = |levels: &[Level]| levels.iter().any(|level| stage.levels.contains(level));
    let without_redis = |levels: &[Level]| levels == [Level::Redis] && stage.redis.is_none();
    let mut programs = Vec::new();
    let mut doors = Vec::new();
    for (name, levels, settings) in &all {
        if measured(levels) && !without_redis(levels) {
            let program = gateway(stage, name, settings).map_err(|fault| format!("{name}: {fault}"))?;
            doors.push((*levels, program.address, program.pid()));
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
    std::fs::write(&file, settings.config(stage.upstream)).map_err(fault)?;
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--config"]);
    command.arg(file).env("GATEWAY__STORE__PATH", data);
    command.env("JWT_SECRET_KEY", ACCESS_KEY).env("JWT_REFRESH_SECRET_KEY", REFRESH_KEY);
    if let Some((email, password)) = settings.account {
        command.env("GATEWAY_ADMIN_EMAIL", email).env("GATEWAY_ADMIN_PASSWORD", password);
    }
    if let Some(redis) = settings.redis {
        command.env("REDIS_URL", format!("redis://{}", redis.address));
    }
    command.stderr(File::create(&said).map_err(fault)?);
    let started = Program::announced(stage.cores, Side::Proxy, &mut command);
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

/// A bare proxy.
pub(crate) fn bare(stage: &Stage<'_>, program: &Path) -> Result<Contestant, String> {
    let program = bare_program(stage, program)?;
    let (address, pid) = (program.address, program.pid());
    Ok(Contestant::of(vec![program]).door(&Level::ALL, address, &[pid]))
}

pub(crate) fn bare_program(stage: &Stage<'_>, program: &Path) -> Result<Program, String> {
    let folder = stage.folder("bare")?;
    let [address] = free_addresses();
    let mut command = Command::new(program);
    command.args(["bare", &address.to_string(), &stage.upstream.to_string()]);
    Program::told(stage.cores, Side::Proxy, &mut command, &folder, address)
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
