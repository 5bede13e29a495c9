//! The programs of the comparison: started each on its core, watched, and ended on drop.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway_clock::Stopwatch;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const START_TIME_MAX: Duration = Duration::from_secs(15);
/// How much of what a program said is repeated when it did not start.
const COMPLAINT_CHARACTERS_MAX: usize = 300;

/// Which core the proxies have for themselves, which one those of two threads have as well, and which one
/// everything else. Where there are but two, the last ones are the same.
#[derive(Clone, Copy)]
pub(crate) struct Cores(Option<[usize; 3]>);

/// Where a program runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is measured, and what it asks on the way to a decision.
    Proxy,
    /// The same where there is more than one thread of it.
    Wide,
    /// Load, service, and stores.
    Rest,
}

/// Whose CPU time is counted: for the proxy, and for the store that it waits for.
#[derive(Clone, Default)]
pub(crate) struct Watched {
    pub(crate) proxy: Vec<u32>,
    pub(crate) beside: Vec<u32>,
}

/// A program that runs until this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Cores {
    /// The first ones that this process may use.
    pub(crate) fn choose() -> Self {
        let mut usable = sched_getaffinity(None)
            .into_iter()
            .flat_map(|allowed| (0..CpuSet::MAX_CPU).filter(move |core| allowed.is_set(*core)));
        let two = usable.next().zip(usable.next());
        Self(two.map(|(first, second)| [first, second, usable.next().unwrap_or(second)]))
    }

    pub(crate) fn are_two(self) -> bool {
        self.0.is_some()
    }

    /// Whether two threads of a proxy have a core each, and everything else another one.
    pub(crate) fn are_three(self) -> bool {
        self.0.is_some_and(|[_, second, third]| second != third)
    }

    /// Children inherit the core of the thread that starts them.
    fn spawn(self, side: Side, command: &mut Command) -> Result<Child, String> {
        self.pin(side);
        let child = command.stdin(Stdio::null()).spawn();
        self.pin(Side::Rest);
        child.map_err(|fault| {
            format!("{} cannot be started: {fault}", command.get_program().to_string_lossy())
        })
    }

    /// Moves this thread.
    pub(crate) fn pin(self, side: Side) {
        if let Some([first, second, third]) = self.0 {
            let mut set = CpuSet::new();
            let cores: &[usize] = match side {
                Side::Proxy => &[first],
                Side::Wide => &[first, second],
                Side::Rest => &[third],
            };
            cores.iter().for_each(|core| set.set(*core));
            sched_setaffinity(None, &set).expect("a core that this process may use");
        }
    }
}

impl Program {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A program that says on its first line where it listens.
    pub(crate) fn announced(cores: Cores, side: Side, command: &mut Command) -> Result<Self, String> {
        let mut child = cores.spawn(side, command.stdout(Stdio::piped()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        let read = BufReader::new(stdout).read_line(&mut line);
        let address = line.rsplit("listening on http://").next().unwrap_or(&line);
        let address = address.split_whitespace().next().and_then(|address| address.parse().ok());
        let program = Self { child, address: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))) };
        match (read, address) {
            (Ok(_), Some(_)) => Ok(program),
            _ => Err(format!("it ended instead of listening: `{}`", line.trim())),
        }
    }

    /// A program that was told where to listen, with what it says in a file of the folder.
    pub(crate) fn told(
        cores: Cores,
        side: Side,
        command: &mut Command,
        folder: &Path,
        address: SocketAddr,
    ) -> Result<Self, String> {
        let said = folder.join("said");
        let log = File::create(&said).map_err(|fault| format!("{}: {fault}", said.display()))?;
        let out = log.try_clone().map_err(|fault| fault.to_string())?;
        let child = cores.spawn(side, command.stdout(out).stderr(log))?;
        let mut program = Self { child, address };
        let watch = Stopwatch::start();
        while TcpStream::connect(address).is_err() {
            let ended = program.child.try_wait().ok().flatten();
            if ended.is_some() || watch.elapsed() > START_TIME_MAX {
                return Err(format!("it does not listen ({}): {}", how(ended), complaint(&said)));
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn how(ended: Option<std::process::ExitStatus>) -> String {
    ended.map_or("still starting".to_owned(), |status| status.to_string())
}

/// The end of what a program said, on one line.
pub(crate) fn complaint(file: &Path) -> String {
    let said = std::fs::read_to_string(file).unwrap_or_default();
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = words.chars().count().saturating_sub(COMPLAINT_CHARACTERS_MAX);
    words.chars().skip(skip).collect()
}

/// Addresses that are free now, and differ.
pub(crate) fn free_addresses<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address"))
}

/// A server of a Debian package, which may lie where only the administrator's PATH looks.
pub(crate) fn debian(program: &str) -> Command {
    let system = Path::new("/usr/sbin").join(program);
    Command::new(if system.exists() { system } else { program.into() })
}

/// A program that `./dev bench` installed below `target`.
pub(crate) fn installed(path: &str) -> Result<PathBuf, String> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(path);
    let found = found.canonicalize();
    found.map_err(|_| format!("target/{path} is missing: `./dev bench compare` installs it"))
}

/// A program that somebody named, by a path of the project's folder.
pub(crate) fn named(path: &Path) -> Result<PathBuf, String> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).canonicalize();
    found.map_err(|fault| format!("--before {}: {fault}", path.display()))
}

/// The build profile of this program, by the folder that Cargo put it into.
pub(crate) fn profile() -> String {
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.ancestors().nth(2).and_then(Path::file_name);
    let folder = folder.unwrap_or_default().to_string_lossy();
    if folder == "debug" { "dev".to_owned() } else { folder.into_owned() }
}

/// Builds the bare proxy with the gateway's allocator, in the profile of this program, and says
/// where it is.
pub(crate) fn build_bare_mimalloc() -> Result<PathBuf, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["bench", "-p", "gateway", "--bench", "bare_mimalloc", "--no-run"]);
    command.arg("--message-format=json");
    match &*profile() {
        // What Cargo calls `bench` is the same, and lies in the same folder.
        "release" => {}
        other => drop(command.args(["--profile", other])),
    }
    // What Cargo tells a running benchmark of itself is a reason for build scripts to run again, and
    // for most of the dependencies to be built again.
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if told.iter().any(|told| name.as_encoded_bytes().starts_with(told.as_bytes())) {
            command.env_remove(name);
        }
    }
    let built = command.stderr(Stdio::inherit()).output();
    let built = built.map_err(|fault| format!("cargo cannot be started: {fault}"))?;
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "bare_mimalloc")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| format!("bare_mimalloc was not built: {}", built.status))
}

/// User and system time of all threads of these processes so far, in seconds.
pub(crate) fn cpu_time(pids: &[u32]) -> f64 {
    let of = |pid: &u32| {
        let pid = Pid::from_raw(i32::try_from(*pid).ok()?);
        let spent = clock_getcpuclockid(pid).ok()?.now().ok()?;
        Some(Duration::from(spent).as_secs_f64())
    };
    pids.iter().filter_map(of).sum()
}

/// Resident memory of a process, in bytes; zero for none.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    // proc_pid_statm(5): the second field, in pages.
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}
