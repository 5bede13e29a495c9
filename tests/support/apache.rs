//! Apache as a service behind the gateway, by a user without any rights.

use std::os::unix::process::CommandExt as _;
use std::path::Path;

use super::application::Application;
use super::tools::debian;

const NOBODY: u32 = 65_534;

/// One server with these modules and directives, in which `$folder` becomes a folder of its own, that was
/// filled before.
pub fn start(folder: tempfile::TempDir, modules: &[&str], directives: &str) -> Application {
    let command = |folder: &Path, port: u16| {
        let path = folder.display();
        let mut text = format!(
            "ServerName localhost\nListen 127.0.0.1:{port}\nPidFile \"{path}/pid\"\nErrorLog \"{path}/error\"\nDefaultRuntimeDir \"{path}\"\n"
        );
        for module in ["mpm_event", "authz_core"].iter().chain(modules) {
            text.push_str(&format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n"));
        }
        text.push_str(&directives.replace("$folder", folder.to_str().unwrap()));
        std::fs::write(folder.join("apache.conf"), text).unwrap();
        let mut command = debian("apache2");
        // One process, so that none is left behind.
        command.args(["-X", "-d"]).arg(folder).arg("-f").arg(folder.join("apache.conf"));
        if rustix::process::geteuid().is_root() {
            give_away(folder);
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    Application::start(folder, command, |address| std::net::TcpStream::connect(address).is_ok())
}

/// The folder, and all that is in it.
fn give_away(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in path.is_dir().then(|| std::fs::read_dir(path).unwrap()).into_iter().flatten() {
        give_away(&entry.unwrap().path());
    }
}
