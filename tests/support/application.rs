//! An application of others as a service behind the gateway: a real program in a folder of its own, gone
//! with its children when it is dropped.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::free_port;

/// Some load half of a scientific library first.
const START_MAX: Duration = Duration::from_secs(180);

pub struct Application {
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Application {
    /// The command is given the folder and the port; `ready` says when it can be used.
    pub fn start(
        folder: TempDir,
        command: impl Fn(&Path, u16) -> Command,
        ready: impl Fn(SocketAddr) -> bool,
    ) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = command(folder.path(), address.port());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let spawned = command.spawn();
        let child = spawned.unwrap_or_else(|fault| panic!("{command:?}: {fault}; run `./dev tools`"));
        let mut this = Self { address, child, folder };
        let deadline = Instant::now() + START_MAX;
        while !ready(address) {
            let ended = this.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{command:?}: {ended:?}\n{}", this.log());
            std::thread::park_timeout(Duration::from_millis(50));
        }
        this
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Application {
    /// Some end their children only when they are asked to end.
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        kill_process_group(group, Signal::TERM).ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        kill_process_group(group, Signal::KILL).ok();
        self.child.wait().ok();
    }
}
