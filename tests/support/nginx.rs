//! nginx as a service behind the gateway.

use std::net::SocketAddr;
use std::process::Stdio;

use tempfile::TempDir;

use super::tools::{Running, debian};
use super::{eventually, free_port};

pub struct Nginx {
    pub address: SocketAddr,
    _running: Running,
    folder: TempDir,
}

impl Nginx {
    /// One server with these directives; `$listen` becomes its address.
    pub fn start(directives: &str) -> Self {
        // Somebody else may take the port first: then it ends, and another one is tried.
        (0..5).find_map(|_| Self::try_start(directives)).expect("nginx does not start")
    }

    /// A file that it writes, such as the log of requests that the directives ask for.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn try_start(directives: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let path = folder.path().display();
        let server = directives.replace("$listen", &address.to_string());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};\n"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}server {{\n{server}\n}}\n}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let mut command = debian("nginx");
        command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-p").arg(folder.path());
        command.stderr(Stdio::null());
        let mut running = Running::start(command);
        let mut up = None;
        eventually("nginx listens, or has ended", || {
            up = std::net::TcpStream::connect(address)
                .is_ok()
                .then_some(true)
                .or(running.has_ended().then_some(false));
            up.is_some()
        });
        (up == Some(true)).then_some(Self { address, _running: running, folder })
    }
}
