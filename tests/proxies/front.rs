//! A proxy with its configuration from docs/proxies, our gateway beside it, and a service behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Client;
use crate::support::tools::{Running, debian, python, with_own_folders};
use crate::support::upstream::Upstream;
use crate::support::{eventually, free_port};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
}

pub(super) struct Front {
    pub(super) address: SocketAddr,
    pub(super) gateway: Gateway,
    pub(super) upstream: Upstream,
    _running: Running,
    _folder: tempfile::TempDir,
}

/// The addresses that the configurations are written with.
const GATEWAY: &str = "127.0.0.1:8080";
const APP: &str = "127.0.0.1:3000";

pub(super) fn documented(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxies").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
        }
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx.conf", "nginx-headers.conf"],
            Self::Haproxy => &["haproxy.cfg", "gateway.lua"],
            Self::Caddy => &["Caddyfile"],
            Self::Traefik => &["traefik.yml", "traefik-routes.yml"],
            Self::Envoy => &["envoy.yaml"],
        }
    }

    fn command(self, folder: &Path) -> Command {
        let file = |name: &str| folder.join(name);
        let mut command = match self {
            Self::Nginx => debian("nginx"),
            Self::Haproxy => debian("haproxy"),
            Self::Caddy => python("caddy"),
            Self::Traefik => python("traefik"),
            Self::Envoy => python("envoy"),
        };
        match self {
            Self::Nginx => {
                let globals = format!("daemon off; master_process off; pid {}; ", file("pid").display());
                command
                    .arg("-c")
                    .arg(file("nginx.conf"))
                    .arg("-p")
                    .arg(folder)
                    .args(["-e", "stderr", "-g", &globals])
            }
            Self::Haproxy => command.arg("-db").arg("-f").arg(file("haproxy.cfg")),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file("Caddyfile")),
            Self::Traefik => command.arg(format!("--configFile={}", file("traefik.yml").display())),
            Self::Envoy => command
                .args(["--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c"])
                .arg(file("envoy.yaml")),
        };
        // What they keep, they keep in a folder that goes with them.
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .env("XDG_DATA_HOME", folder);
        command.stderr(Stdio::from(std::fs::File::create(file("stderr")).unwrap()));
        command
    }

    /// The proxy with these more lines for the gateway.
    pub(super) fn start(self, change: impl FnOnce(Setup) -> Setup) -> Front {
        let upstream = Upstream::start();
        self.start_before(upstream.address, upstream, change)
    }

    /// The same, before another service.
    pub(super) fn start_before(
        self,
        app: SocketAddr,
        upstream: Upstream,
        change: impl FnOnce(Setup) -> Setup,
    ) -> Front {
        let setup = Setup::new(&documented("gateway.toml")).env("GATEWAY__VERIFY__PROXY", self.as_str());
        let gateway = change(setup).start();
        // Somebody else may take the port first: then the proxy ends, and another one is tried.
        let started = (0..5).find_map(|_| self.try_start(gateway.address, app));
        let (running, address, folder) = started.unwrap_or_else(|| panic!("{self:?} does not start"));
        Front { address, gateway, upstream, _running: running, _folder: folder }
    }

    fn try_start(
        self,
        gateway: SocketAddr,
        app: SocketAddr,
    ) -> Option<(Running, SocketAddr, tempfile::TempDir)> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        for name in self.files() {
            std::fs::write(
                folder.path().join(name),
                placed(&documented(name), port, gateway, app, folder.path()),
            )
            .unwrap();
        }
        let mut running = Running::start(self.command(folder.path()));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut ended = false;
        eventually("the proxy listens", || {
            ended = running.has_ended();
            // Traefik accepts before it knows its routes.
            let asked = || Client::new(address).get("/api/auth/profile").try_send();
            ended || asked().is_ok_and(|reply| reply.status == 401)
        });
        if ended || running.has_ended() {
            eprintln!("{}", std::fs::read_to_string(folder.path().join("stderr")).unwrap());
            return None;
        }
        Some((running, address, folder))
    }
}

/// The documented configuration with the addresses of this test.
fn placed(text: &str, port: u16, gateway: SocketAddr, app: SocketAddr, folder: &Path) -> String {
    let envoy = |address: SocketAddr| format!("address: {}, port_value: {}", address.ip(), address.port());
    let file = |name: &str| PathBuf::from(folder).join(name).display().to_string();
    with_own_folders(text, folder)
        .replace(GATEWAY, &gateway.to_string())
        .replace(APP, &app.to_string())
        .replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"))
        .replace("\n:8000 {", &format!("\n:{port} {{"))
        .replace("address: 127.0.0.1, port_value: 8000", &format!("address: 127.0.0.1, port_value: {port}"))
        .replace("address: 127.0.0.1, port_value: 8080", &envoy(gateway))
        .replace("address: 127.0.0.1, port_value: 3000", &envoy(app))
        .replace("filename: traefik-routes.yml", &format!("filename: {}", file("traefik-routes.yml")))
}

impl Front {
    pub(super) fn client(&self) -> Client {
        Client::new(self.address)
    }
}
