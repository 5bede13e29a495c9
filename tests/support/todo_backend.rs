//! The real todo service, as a program of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running todo service on a free port of loopback.
pub struct TodoBackend {
    child: Child,
    pub address: SocketAddr,
}

impl TodoBackend {
    pub fn start(data: &Path) -> Self {
        // Cargo names only a package's own programs; this one is built beside them.
        let gateway =
            super::gateway::LOOKED_AT.get().map_or(Path::new(env!("CARGO_BIN_EXE_gateway")), |path| path);
        let program = gateway.with_file_name("todo-backend");
        assert!(program.exists(), "build the whole workspace first: cargo build --workspace");
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = ready.trim().rsplit("http://").next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// `kill -9`; the data folder stays.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for TodoBackend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
