//! A real `redis-server` on a free port, with its data in a folder of its own; gone when dropped.
//!
//! Everything here is blocking and needs no runtime. Commands go through the server's socket, so
//! they work whatever the port speaks.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take until it answers: a machine under load is slow, not broken.
const READY_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Redis {
    process: Child,
    port: u16,
    folder: TempDir,
    password: Option<String>,
    tls: bool,
    arguments: Vec<String>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(None, false, &[])
    }

    pub(crate) fn with_password(password: &str) -> Self {
        Self::with(Some(password), false, &[])
    }

    /// The port speaks TLS only; `ca_file` has the authority that signed for `localhost`.
    pub(crate) fn with_tls() -> Self {
        Self::with(None, true, &[])
    }

    /// Further arguments for the server, such as `&["--maxmemory-policy", "allkeys-lru"]`.
    pub(crate) fn with_arguments(arguments: &[&str]) -> Self {
        Self::with(None, false, arguments)
    }

    fn with(password: Option<&str>, tls: bool, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("redis").tempdir().unwrap();
        if tls {
            write_certificates(&folder);
        }
        let password = password.map(str::to_owned);
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        // Somebody else may take the port between our look and the server's.
        for _ in 0..20 {
            let port = super::free_port();
            let process = spawn(port, &folder, password.as_deref(), tls, &arguments);
            let (password, arguments) = (password.clone(), arguments.clone());
            let socket = folder.path().join("redis.sock");
            let mut waiting = Waiting { process, socket, password: password.as_deref() };
            if waiting.is_ready() {
                let process = waiting.process;
                return Self { process, port, folder, password, tls, arguments };
            }
        }
        panic!("redis-server did not start on any of 20 free ports");
    }

    /// What a gateway would be configured with.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let login = self.password.as_ref().map_or(String::new(), |word| format!(":{word}@"));
        format!("{scheme}://{login}localhost:{}", self.port)
    }

    pub(crate) fn socket_url(&self) -> String {
        let login = self.password.as_ref().map_or(String::new(), |word| format!("?pass={word}"));
        format!("redis+unix://{}{login}", self.socket().display())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// As a power cut would: nothing is saved, connections break.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Kills the server if it runs, and starts it on the same port; it has forgotten everything.
    pub(crate) fn restart(&mut self) {
        self.kill();
        std::fs::remove_file(self.socket()).ok();
        let password = self.password.as_deref();
        let process = spawn(self.port, &self.folder, password, self.tls, &self.arguments);
        let mut waiting = Waiting { process, socket: self.socket(), password };
        assert!(waiting.is_ready(), "redis-server did not come back on port {}", self.port);
        self.process = waiting.process;
    }

    /// The server stops answering, its connections stay.
    pub(crate) fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub(crate) fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    pub(crate) fn flushall(&self) {
        assert_eq!(self.cli(&["FLUSHALL"]), "OK");
    }

    /// Asks one command; an answer of several items has a line for each, nothing is empty.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        ask(&self.socket(), self.password.as_deref(), command).unwrap()
    }

    /// Asks on database 0 to 15.
    pub(crate) fn cli_in(&self, database: u8, command: &[&str]) -> String {
        let mut stream = connect(&self.socket(), self.password.as_deref()).unwrap();
        call(&mut stream, &["SELECT", &database.to_string()]).unwrap();
        call(&mut stream, command).unwrap()
    }

    /// What a gateway would be configured with that may do what it needs, and this beside it, such as
    /// `+info`: a managed Redis allows no `CONFIG`.
    pub(crate) fn url_of_a_user_with(&self, more: &[&str]) -> String {
        const NEEDED: &[&str] = &[
            "on",
            ">secret",
            "~revoked:*",
            "~blacklist:*",
            "-@all",
            "+mget",
            "+get",
            "+getex",
            "+set",
            "+del",
            "+pttl",
            "+pexpire",
            "+eval",
            "+scan",
            "+ping",
        ];
        let rules = [&["ACL", "SETUSER", "gateway"], NEEDED, more].concat();
        assert_eq!(self.cli(&rules), "OK");
        format!("redis://gateway:secret@localhost:{}", self.port)
    }

    pub(crate) fn set(&self, setting: &str, value: &str) {
        assert_eq!(self.cli(&["CONFIG", "SET", setting, value]), "OK");
    }

    /// Another program writes what never expires, until there is no room for more. What is written then
    /// finds none until `maxmemory` is raised.
    pub(crate) fn fill(&self) {
        self.set("maxmemory", &(self.used_memory() + 500_000).to_string());
        let mut stream = connect(&self.socket(), self.password.as_deref()).unwrap();
        let content = "x".repeat(1_024);
        let mut write = |number| call(&mut stream, &["SET", &format!("filler:{number}"), &content]).unwrap();
        assert!((0..100_000).any(|number| write(number).starts_with("OOM")), "it never was full");
        // Connections that end give memory back.
        self.set("maxmemory", &(self.used_memory() - 200_000).to_string());
    }

    /// Another program writes all the time, a little more than the memory takes.
    pub(crate) fn churn(&self, over: &AtomicBool) {
        self.set("maxmemory", &(self.used_memory() + 300_000).to_string());
        let mut stream = connect(&self.socket(), self.password.as_deref()).unwrap();
        let content = "x".repeat(10_000);
        for number in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            call(&mut stream, &["SET", &format!("filler:{number}"), &content]).unwrap();
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn used_memory(&self) -> u64 {
        let told = self.cli(&["INFO", "memory"]);
        told.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().parse().unwrap()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(port: u16, folder: &TempDir, password: Option<&str>, tls: bool, arguments: &[String]) -> Child {
    let path = |name: &str| folder.path().join(name);
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "::1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(folder.path()).arg("--unixsocket").arg(path("redis.sock"));
    let port = port.to_string();
    if tls {
        command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
        command.arg("--tls-cert-file").arg(path("server.pem"));
        command.arg("--tls-key-file").arg(path("server.key"));
        command.arg("--tls-ca-cert-file").arg(path("ca.pem"));
    } else {
        command.args(["--port", &port]);
    }
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server must be installed and on the PATH")
}

/// A server that was spawned and may come up, or may have met a port that is taken.
struct Waiting<'a> {
    process: Child,
    socket: PathBuf,
    password: Option<&'a str>,
}

impl Waiting<'_> {
    fn is_ready(&mut self) -> bool {
        let waited = Stopwatch::start();
        while waited.elapsed() < READY_WITHIN {
            if ask(&self.socket, self.password, &["PING"]).is_ok_and(|answer| answer == "PONG") {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            #[expect(clippy::disallowed_methods, reason = "another process gives no sign to await")]
            std::thread::sleep(Duration::from_millis(2));
        }
        self.process.kill().ok();
        self.process.wait().ok();
        false
    }
}

fn ask(socket: &PathBuf, password: Option<&str>, command: &[&str]) -> std::io::Result<String> {
    call(&mut connect(socket, password)?, command)
}

fn connect(socket: &PathBuf, password: Option<&str>) -> std::io::Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(READY_WITHIN))?;
    let mut stream = BufReader::new(stream);
    if let Some(password) = password {
        call(&mut stream, &["AUTH", password])?;
    }
    Ok(stream)
}

/// The Redis protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
fn call(stream: &mut BufReader<UnixStream>, command: &[&str]) -> std::io::Result<String> {
    let mut request = format!("*{}\r\n", command.len());
    for part in command {
        request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
    }
    stream.get_mut().write_all(request.as_bytes())?;
    read_answer(stream)
}

fn read_answer(stream: &mut BufReader<UnixStream>) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let Some(kind) = line.chars().next() else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let count: i64 = line[1..].parse().unwrap_or(-1);
    match (kind, count) {
        ('$' | '*', ..0) => Ok(String::new()),
        ('$', length) => {
            let mut bytes = vec![0; length as usize + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(length as usize);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        ('*', items) => {
            let items: Result<Vec<_>, _> = (0..items).map(|_| read_answer(stream)).collect();
            Ok(items?.join("\n"))
        }
        _ => Ok(line[1..].to_owned()),
    }
}

/// An authority of our own, and a certificate for `localhost` by it.
fn write_certificates(folder: &TempDir) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    for (name, text) in
        [("ca.pem", authority.pem()), ("server.pem", certificate.pem()), ("server.key", key.serialize_pem())]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
}
