//! The services of docs/guides/echo, which answer with the headers that they saw.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::tools::{Running, debian, python};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Werkzeug, the server that Flask brings for development.
    Flask,
    Gunicorn,
    Php,
    Node,
}

pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    _running: Running,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Flask, Self::Gunicorn, Self::Php, Self::Node];

    pub(crate) fn start(self) -> Echo {
        let (running, address) = Running::listening(|port| self.command(port));
        Echo { address, _running: running }
    }

    fn command(self, port: u16) -> Command {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/echo");
        let (port, bind) = (port.to_string(), format!("127.0.0.1:{port}"));
        let mut command = match self {
            Self::Flask => python("flask"),
            Self::Gunicorn => python("gunicorn"),
            Self::Php => debian("php"),
            Self::Node => debian("node"),
        };
        match self {
            Self::Flask => command.args(["--app", "echo", "run", "-p", &port]),
            Self::Gunicorn => command.args(["-b", &bind, "echo:app"]),
            Self::Php => command.args(["-q", "-S", &bind, "echo.php"]),
            Self::Node => command.args(["echo.js", &port]),
        };
        command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").stderr(Stdio::null());
        command
    }
}
