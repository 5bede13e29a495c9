//! The real todo service, as a program of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running todo service on a free port of loopback.
pub struct TodoBackend {
    child: Child,
    pub address: SocketAddr,
}

impl TodoBackend {
    pub fn start(data: &Path) -> Self {
        let (child, ready) = spawn("127.0.0.1:0", data, None);
        let address = ready.trim().rsplit("http://").next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// `kill -9`; the data folder stays.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One that listens on a Unix socket, and is told there of accounts that are gone.
pub struct ToldTodoBackend {
    child: Child,
    pub socket: PathBuf,
}

impl ToldTodoBackend {
    pub fn start(data: &Path, socket: &Path, secret: &str) -> Self {
        let (child, _) = spawn(&format!("unix:{}", socket.display()), data, Some(secret));
        Self { child, socket: socket.to_owned() }
    }
}

impl Drop for ToldTodoBackend {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(listen: &str, data: &Path, secret: Option<&str>) -> (Child, String) {
    // Cargo names only a package's own programs; this one is built beside them.
    let gateway =
        super::gateway::LOOKED_AT.get().map_or(Path::new(env!("CARGO_BIN_EXE_gateway")), |path| path);
    let program = gateway.with_file_name("todo-backend");
    assert!(program.exists(), "build the whole workspace first: cargo build --workspace");
    let mut command = Command::new(program);
    command.args(["--listen", listen, "--data"]).arg(data).stdout(Stdio::piped()).stderr(Stdio::null());
    command.env_remove("TODO_WEBHOOK_SECRET").env_remove("TODO_WEBHOOK_SECRET_FILE");
    let mut child = command.envs(secret.map(|secret| ("TODO_WEBHOOK_SECRET", secret))).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.contains("listening on"), "the todo service did not start: {ready:?}");
    (child, ready)
}

impl Drop for TodoBackend {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
