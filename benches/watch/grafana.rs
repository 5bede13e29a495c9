//! Grafana, where it is installed: with our dashboards, and this Prometheus as its source.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::prometheus::SCRAPE_SECONDS;
use crate::support::{free_port, project};

/// Where its packages put what it needs beside its program.
const HOME: &str = "/usr/share/grafana";

pub(crate) struct Grafana {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// `None` where it is not installed, or does not start.
pub(crate) fn start(prometheus: SocketAddr) -> Option<Grafana> {
    let (program, arguments) = [("grafana", &["server"][..]), ("grafana-server", &[])]
        .into_iter()
        .find(|(program, _)| is_there(program))?;
    let folder = tempfile::Builder::new().prefix("grafana").tempdir().ok()?;
    provision(folder.path(), prometheus).ok()?;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let at = |below: &str| folder.path().join(below).into_os_string();
    let process = Command::new(program)
        .args(arguments)
        .args(["--homepath", HOME])
        .env("GF_SERVER_HTTP_ADDR", address.ip().to_string())
        .env("GF_SERVER_HTTP_PORT", address.port().to_string())
        .env("GF_PATHS_DATA", at("data"))
        .env("GF_PATHS_LOGS", at("logs"))
        .env("GF_PATHS_PLUGINS", at("plugins"))
        .env("GF_PATHS_PROVISIONING", at("provisioning"))
        // On loopback, for as long as this runs, and nothing can be changed by it.
        .env("GF_AUTH_ANONYMOUS_ENABLED", "true")
        .env("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer")
        .env("GF_ANALYTICS_REPORTING_ENABLED", "false")
        .env("GF_ANALYTICS_CHECK_FOR_UPDATES", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    Some(Grafana { process, address, _folder: folder })
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
}

/// The project's own provisioning, with this Prometheus and the folder of this checkout in it.
fn provision(folder: &Path, prometheus: SocketAddr) -> std::io::Result<()> {
    let from = project().join("grafana/provisioning");
    for (kind, file, before, after) in [
        ("datasources", "prometheus.yaml", "http://127.0.0.1:9091", format!("http://{prometheus}")),
        (
            "dashboards",
            "gateway.yaml",
            "/etc/grafana/gateway/dashboards",
            project().join("grafana/dashboards").display().to_string(),
        ),
    ] {
        let text = std::fs::read_to_string(from.join(kind).join(file))?;
        let to = folder.join("provisioning").join(kind);
        std::fs::create_dir_all(&to)?;
        std::fs::write(
            to.join(file),
            text.replace(before, &after)
                .replace("timeInterval: 15s", &format!("timeInterval: {SCRAPE_SECONDS}s")),
        )?;
    }
    Ok(())
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
