//! The real binary on free ports: started, waited for by its ready line, stopped on drop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub use super::command::{LOOKED_AT, command, finish, run};
use super::http::{Client, Reply};
use super::postgres::Postgres;
use super::restricted;

/// The key with which the tests' gateways sign access tokens. Its words mark it: they must never
/// be seen in a log, an answer or a metric.
pub const ACCESS_KEY: &str = "CANARY-access-key-5d1f0c7e9b3a4286-CANARY";
pub const REFRESH_KEY: &str = "CANARY-refresh-key-0a6e2b94c8d7f135-CANARY";
pub const ADMIN_EMAIL: &str = "admin@example.com";
pub const ADMIN_PASSWORD: &str = "CANARY-Admin-Password-1";

/// How a gateway is to be started. Without more it is `gateway serve` with a route `todos` to
/// an upstream of the caller's, on the embedded default.
#[derive(Clone)]
pub struct Setup {
    config: String,
    environment: Vec<(String, String)>,
    shipped: Vec<String>,
    data: Option<PathBuf>,
    from: From,
    descriptors: Option<u32>,
    unprivileged: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// `gateway demo` needs none.
    Demo,
    /// Only variables and flags.
    Nowhere,
    StandardInput,
    File,
}

impl Setup {
    /// `gateway demo`: with its own todo service.
    pub fn demo() -> Self {
        Self { from: From::Demo, ..Self::new("") }
    }

    /// `gateway serve` without a configuration.
    pub fn unwritten() -> Self {
        Self { from: From::Nowhere, ..Self::new("") }
    }

    /// `gateway serve` with these lines of configuration.
    pub fn new(config: &str) -> Self {
        Self {
            config: config.to_owned(),
            environment: Vec::new(),
            shipped: Vec::new(),
            data: None,
            from: From::File,
            descriptors: None,
            unprivileged: false,
        }
    }

    /// `gateway serve` with one protected route `/api/todos` to this upstream.
    pub fn before(upstream: SocketAddr) -> Self {
        Self::new("").upstream("todo", &upstream.to_string()).route("todos", "/api/todos", "todo", "")
    }

    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    pub fn upstream(self, name: &str, address: &str) -> Self {
        self.config(&format!("[[upstreams]]\nname = \"{name}\"\naddress = \"{address}\""))
    }

    /// `more` are further lines of the route, such as `auth = "public"`.
    pub fn route(self, name: &str, path: &str, upstream: &str, more: &str) -> Self {
        self.config(&format!(
            "[[routes]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"{upstream}\"\n{more}"
        ))
    }

    /// A variable such as `GATEWAY__LIMITS__USER`, `{requests=5,window_seconds=60}`.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The setting of this variable is what it is without one.
    pub fn shipped(mut self, name: &str) -> Self {
        self.shipped.push(name.to_owned());
        self
    }

    pub fn redis(self, url: &str) -> Self {
        // A machine under load is slow, and Redis then no less to be believed.
        self.env("REDIS_URL", url).env("GATEWAY__REDIS__CHECK_TIMEOUT_MS", "20000")
    }

    /// With the store in a database, such as one that others have, too.
    pub fn database(self, url: &str) -> Self {
        self.env("DATABASE_URL", url)
    }

    /// Keeps the stores in this folder instead of one that goes with the gateway.
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// With the configuration on standard input, and not in a file.
    pub fn piped(self) -> Self {
        Self { from: From::StandardInput, ..self }
    }

    /// What stands in the file: one that says nothing is a fault.
    fn text(&self) -> &str {
        if self.config.trim().is_empty() { "[server]\n" } else { &self.config }
    }

    /// No more file descriptors than this.
    pub fn descriptors(mut self, max: u32) -> Self {
        self.descriptors = Some(max);
        self
    }

    /// As a user who is not root, whoever runs the tests.
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    pub fn start(self) -> Gateway {
        self.try_start()
            .unwrap_or_else(|failed| panic!("the gateway did not start: {} {}", failed.status, failed.stderr))
    }

    /// `Err` when it ended instead of listening.
    pub fn try_start(self) -> Result<Gateway, Failed> {
        let own = tempfile::tempdir().unwrap();
        let data = self.data.clone().unwrap_or_else(|| own.path().join("data"));
        let mut command = match (self.unprivileged, self.descriptors) {
            (true, _) => restricted::as_nobody(own.path()),
            (false, Some(max)) => restricted::with_descriptors(max),
            (false, None) => command(),
        };
        let config = own.path().join("gateway.toml");
        let verb = if self.from == From::Demo { "demo" } else { "serve" };
        command.args([verb, "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"]);
        match self.from {
            From::Demo => drop(command.arg("--data").arg(&data)),
            From::Nowhere => {}
            From::StandardInput => drop(command.args(["--config", "-"])),
            From::File => {
                std::fs::write(&config, self.text()).unwrap();
                command.arg("--config").arg(&config);
            }
        }
        if self.from != From::Demo {
            command.env("GATEWAY__STORE__PATH", &data);
        }
        let text = |text: &str| text.to_owned();
        let mut environment = vec![
            (text("JWT_SECRET_KEY"), text(ACCESS_KEY)),
            (text("JWT_REFRESH_SECRET_KEY"), text(REFRESH_KEY)),
            (text("GATEWAY_ADMIN_EMAIL"), text(ADMIN_EMAIL)),
            (text("GATEWAY_ADMIN_PASSWORD"), text(ADMIN_PASSWORD)),
            // Hashing has the lowest priority there is.
            (text("GATEWAY__PASSWORD__WAIT_MAX_MS"), text("60000")),
            // Everybody here registers at one address.
            (text("GATEWAY__LIMITS__REGISTER_ADDRESS"), text("{requests=300,window_seconds=60}")),
        ];
        // Any chapter can be run with the lane closed: then all requests take Pingora's way.
        environment.extend(std::env::var("FAST_PATH").map(|open| (text("GATEWAY__SERVER__FAST_PATH"), open)));
        if self.from != From::Demo {
            environment.extend(Postgres::where_asked_for(&data, &self.environment));
        }
        environment.retain(|(name, _)| !self.shipped.contains(name));
        environment.extend(self.environment.clone());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let piped = self.from == From::StandardInput;
        command.stdin(if piped { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.text().as_bytes()).unwrap();
        }
        let log = Arc::new(Mutex::new(String::new()));
        let reader = follow(child.stderr.take().unwrap(), Arc::clone(&log));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let addresses: Vec<SocketAddr> = ready
            .split("://")
            .skip(1)
            .filter_map(|rest| rest.split([' ', ')', '\n']).next()?.parse().ok())
            .collect();
        let [address, operations, ref further @ ..] = addresses[..] else {
            let status = child.wait().unwrap();
            reader.join().unwrap();
            let stderr = log.lock().unwrap().clone();
            return Err(Failed { status, stderr });
        };
        Ok(Gateway {
            child,
            address,
            operations,
            further: further.to_vec(),
            data,
            config,
            environment,
            log,
            reader: Some(reader),
            _own: own,
            _stdout: stdout,
        })
    }
}

/// A gateway that did not start.
#[derive(Debug)]
pub struct Failed {
    pub status: ExitStatus,
    pub stderr: String,
}

/// A running gateway; it is stopped when this is dropped.
pub struct Gateway {
    child: Child,
    pub address: SocketAddr,
    pub operations: SocketAddr,
    /// Of `[[listeners]]`, in their order.
    pub further: Vec<SocketAddr>,
    pub data: PathBuf,
    config: PathBuf,
    environment: Vec<(String, String)>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    _own: tempfile::TempDir,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Gateway {
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub fn operator(&self) -> Client {
        Client::new(self.operations)
    }

    pub fn metrics(&self) -> String {
        self.operator().get("/metrics").send().text()
    }

    /// The value of one series, such as `gateway_x_total{reason="y"}`; zero if it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let metrics = self.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// The sum of all series of a metric that have these labels.
    pub fn total(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        let families = super::exposition::read(&self.metrics());
        let samples = families.get(metric).into_iter().flat_map(|family| &family.samples);
        let fits = |sample: &&super::exposition::Sample| {
            labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|held| held == value))
        };
        samples.filter(fits).map(|sample| sample.value).sum()
    }

    /// How many requests were decided so, on all routes.
    pub fn decided(&self, reason: &str) -> f64 {
        self.total("gateway_auth_decisions_total", &[("reason", reason)])
    }

    pub fn ready(&self) -> Reply {
        self.operator().get("/readyz").send()
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until these words were logged: a log comes through a pipe of its own.
    #[track_caller]
    pub fn says(&self, words: &str) {
        super::eventually(&format!("`{words}` was logged"), || self.log().contains(words));
    }

    /// The file that it was started with.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Another command of the binary, about this gateway: in its environment, on its files.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.args(arguments).arg("--config").arg(&self.config).env("GATEWAY__STORE__PATH", &self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The same to its end: status, standard output, standard error.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(self.command(arguments))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes another configuration and sends SIGHUP; `true` when it was taken over.
    pub fn reload(&self, setup: &Setup) -> bool {
        std::fs::write(&self.config, setup.text()).unwrap();
        self.reload_again()
    }

    /// SIGHUP, with whatever the configuration says now.
    pub fn reload_again(&self) -> bool {
        let count =
            |result: &str| self.metric(&format!("gateway_config_reloads_total{{result=\"{result}\"}}"));
        let (ok, refused) = (count("ok"), count("refused"));
        self.signal(rustix::process::Signal::HUP);
        super::eventually("the reload was decided", || count("ok") + count("refused") > ok + refused);
        count("ok") > ok
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// `kill -9`; the data folder stays.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }

    /// The exit status, if it has ended.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Everything that was logged, after its end.
    pub fn last_words(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.log()
    }
}

impl Drop for Gateway {
    /// No test leaves a gateway running, and no gateway may have panicked in any test.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        let log = self.last_words();
        if !std::thread::panicking() {
            assert!(!log.contains("panicked"), "the gateway panicked: {log}");
            super::canary(&log);
        }
    }
}

fn follow(mut source: impl std::io::Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        loop {
            match source.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(read) => log.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read])),
            }
        }
    })
}

/// Standard output after the ready line.
pub fn drain(gateway: &mut Gateway) -> String {
    let mut rest = String::new();
    gateway._stdout.read_to_string(&mut rest).ok();
    rest
}
