//! Programs of others that stand behind, before or beside the gateway in the tests. `./dev tools`
//! installs them.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder into which `./dev tools` installs.
fn installed(below: &str) -> PathBuf {
    installed_by("tools", &format!("test-tools/{below}"))
}

fn installed_by(command: &str, below: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target").join(below);
    assert!(path.exists(), "{} is missing: run `./dev {command}`", path.display());
    path
}

/// A program of the Python environment: `python`, or one that a package brings.
pub fn python(program: &str) -> Command {
    let mut command = Command::new(installed("venv/bin").join(program));
    command.env("PYTHONUNBUFFERED", "1");
    command
}

/// A program of the environment that `./dev applications` makes for one application.
pub fn application_python(application: &str, program: &str) -> Command {
    let folder = format!("application-tools/{application}/bin/{program}");
    let mut command = Command::new(installed_by("applications", &folder));
    command.env("PYTHONUNBUFFERED", "1");
    command
}

/// A file of an application in Node that `./dev applications` installs.
pub fn application_node(file: &str) -> PathBuf {
    installed_by("applications", &format!("application-tools/node/node_modules/{file}"))
}

/// Node, which finds the installed packages.
pub fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", node_modules());
    command
}

/// The installed packages, for what Node looks for beside the file that imports it.
pub fn node_modules() -> PathBuf {
    installed("node/node_modules")
}

/// A server of a Debian package, which may lie where only the administrator's PATH looks.
pub fn debian(program: &str) -> Command {
    let system = PathBuf::from("/usr/sbin").join(program);
    Command::new(if system.exists() { system } else { program.into() })
}

/// A configuration of nginx with the folders that Debian's has where only the administrator may
/// write.
pub fn with_own_folders(nginx: &str, folder: &Path) -> String {
    let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let lines = own.map(|kind| format!("{kind}_temp_path {};\n", folder.join(kind).display()));
    nginx.replace("http {\n", &format!("http {{\n{}", lines.concat()))
}

/// A program that runs until this is dropped.
pub struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|fault| panic!("{command:?}: {fault}; run `./dev tools`"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// A server that is told its port. Somebody else may take it first: then the server ends, and
    /// another port is tried.
    pub fn listening(command: impl Fn(u16) -> Command) -> (Self, SocketAddr) {
        let started = (0..5).find_map(|_| {
            let address = SocketAddr::from(([127, 0, 0, 1], super::free_port()));
            if TcpStream::connect(address).is_ok() {
                return None;
            }
            let mut running = Self::start(command(address.port()));
            let mut ended = false;
            super::eventually("the server listens", || {
                ended = running.has_ended();
                ended || TcpStream::connect(address).is_ok()
            });
            (!ended && !running.has_ended()).then_some((running, address))
        });
        started.expect("the server does not start; run it by hand to see why")
    }

    /// The next line that it prints: how it tells that it listens, and where.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Debian's, whatever the machine is called there.
pub fn faketime() -> std::path::PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let library = |folder: std::path::PathBuf| folder.join("faketime/libfaketimeMT.so.1");
    folders.map(library).find(|path| path.exists()).expect("faketime is installed")
}
