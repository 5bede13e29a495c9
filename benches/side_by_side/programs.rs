//! The programs of the comparison: started each on its core, watched, and ended on drop.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway::clock::Stopwatch;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::support::{ACCESS_KEY, REFRESH_KEY};

const START_TIME_MAX: Duration = Duration::from_secs(15);

/// Which core the proxies have for themselves, and which one everything else.
#[derive(Clone, Copy)]
pub(crate) struct Cores(Option<(usize, usize)>);

/// A program that runs until this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Cores {
    /// The first two that this process may use.
    pub(crate) fn choose() -> Self {
        let mut usable = sched_getaffinity(None)
            .into_iter()
            .flat_map(|allowed| (0..CpuSet::MAX_CPU).filter(move |core| allowed.is_set(*core)));
        Self(usable.next().zip(usable.next()))
    }

    pub(crate) fn are_two(self) -> bool {
        self.0.is_some()
    }

    /// Children inherit the core of the thread that starts them.
    fn spawn_on(self, proxy: bool, command: &mut Command) -> Child {
        self.pin(proxy);
        let child = command.spawn();
        self.pin(false);
        child.unwrap_or_else(|fault| panic!("{command:?} cannot be started: {fault}"))
    }

    /// Moves this thread.
    pub(crate) fn pin(self, proxy: bool) {
        if let Some((first, second)) = self.0 {
            let mut set = CpuSet::new();
            set.set(if proxy { first } else { second });
            sched_setaffinity(None, &set).expect("a core that this process may use");
        }
    }
}

impl Program {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// This program again, as the service behind the proxies.
    pub(crate) fn upstream(cores: Cores) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        let child =
            cores.spawn_on(false, command.arg("upstream").stdin(Stdio::null()).stdout(Stdio::piped()));
        Self::from_ready_line(child)
    }

    /// This program or another one, as a bare proxy.
    pub(crate) fn bare(program: &Path, cores: Cores, upstream: SocketAddr) -> Self {
        let address = free_address();
        let mut command = Command::new(program);
        command.args(["bare", &address.to_string(), &upstream.to_string()]);
        let child = cores.spawn_on(true, command.stdin(Stdio::null()).stdout(Stdio::null()));
        Self { child, address }.awaited()
    }

    /// The gateway, with its log in a file of the folder.
    pub(crate) fn gateway(cores: Cores, folder: &Path, config: &str, redis: Option<&Self>) -> Self {
        std::fs::create_dir_all(folder).expect("a temporary folder");
        let file = folder.join("gateway.toml");
        std::fs::write(&file, config).expect("a temporary file");
        let log = File::create(folder.join("log")).expect("a temporary file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--config"]);
        command.arg(file).env("GATEWAY__STORE__PATH", folder.join("data"));
        command.env("JWT_SECRET_KEY", ACCESS_KEY).env("JWT_REFRESH_SECRET_KEY", REFRESH_KEY);
        if let Some(redis) = redis {
            command.env("REDIS_URL", format!("redis://{}", redis.address));
        }
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        Self::from_ready_line(cores.spawn_on(true, streams))
    }

    /// A Redis that keeps nothing, if there is one on this machine.
    pub(crate) fn redis(cores: Cores, folder: &Path) -> Option<Self> {
        Command::new("redis-server").arg("--version").output().ok()?;
        let address = free_address();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(folder);
        let child = cores.spawn_on(false, command.stdin(Stdio::null()).stdout(Stdio::null()));
        Some(Self { child, address }.awaited())
    }

    fn from_ready_line(mut child: Child) -> Self {
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.rsplit("listening on http://").next().unwrap_or(&line);
        let address = address.split_whitespace().next().and_then(|address| address.parse().ok());
        let program = Self { child, address: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))) };
        assert!(address.is_some(), "a program ended instead of listening: `{line}`");
        program
    }

    /// Waits until somebody listens.
    fn awaited(mut self) -> Self {
        let watch = Stopwatch::start();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                ended.is_none() && watch.elapsed() < START_TIME_MAX,
                "{} is not there: {ended:?}",
                self.address
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that is free now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Builds the bare proxy with the gateway's allocator, and says where it is.
pub(crate) fn build_bare_mimalloc() -> Result<PathBuf, String> {
    let arguments =
        ["bench", "-p", "gateway", "--bench", "bare_mimalloc", "--no-run", "--message-format=json"];
    let built = Command::new(env!("CARGO")).args(arguments).stderr(Stdio::inherit()).output();
    let built = built.map_err(|fault| format!("cargo cannot be started: {fault}"))?;
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "bare_mimalloc")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| format!("bare_mimalloc was not built: {}", built.status))
}

/// User and system time of all threads of a process so far, in seconds; zero for none.
pub(crate) fn cpu_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // proc_pid_stat(5): fields 14 and 15; the second field is a name in parentheses.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
