//! The servers, with nothing set but how many may work at a time.

use std::path::Path;
use std::process::Command;

use crate::applications::stage::beside;
use crate::support::application::Application;
use crate::support::tools::{debian, node, python, with_own_folders};

/// Clients of the load; each may hold a connection, and some servers keep a worker busy with it.
const WORKERS: &str = "20";

pub(super) struct Kind {
    pub(super) name: &'static str,
    /// For how long it keeps an idle connection, in seconds.
    pub(super) idle: f64,
    /// Bytes of a head, and fields, that it takes as it is; none where it takes all that clients may send.
    pub(super) head_bytes_max: Option<usize>,
    pub(super) fields_max: Option<usize>,
    /// `./dev test` has it.
    pub(super) is_small: bool,
    command: fn(&Path, u16) -> Command,
}

const fn kind(
    name: &'static str,
    idle: f64,
    takes: [Option<usize>; 2],
    is_small: bool,
    command: fn(&Path, u16) -> Command,
) -> Kind {
    let [head_bytes_max, fields_max] = takes;
    Kind { name, idle, head_bytes_max, fields_max, is_small, command }
}

pub(super) static ALL: [Kind; 9] = [
    kind("gunicorn, sync", 0.0, [Some(8_000), Some(100)], true, gunicorn_sync),
    kind("gunicorn, gthread", 2.0, [Some(8_000), Some(100)], true, gunicorn_threads),
    kind("uvicorn", 5.0, [None, None], true, uvicorn),
    kind("Node", 6.0, [Some(16_000), None], true, node_http),
    kind("Starman", 1.0, [None, Some(120)], false, starman),
    kind("uWSGI, http-socket", 0.0, [Some(3_000), Some(80)], false, uwsgi_http),
    kind("uWSGI, http11-socket", 4.0, [Some(3_000), Some(80)], false, uwsgi_http11),
    kind("Tomcat", 20.0, [Some(8_000), Some(100)], false, tomcat),
    kind("PHP behind nginx", 5.0, [Some(8_000), None], false, php),
];

impl Kind {
    /// What its upstream says of the heads that it takes.
    pub(super) fn settings(&self) -> Vec<String> {
        let bytes = self.head_bytes_max.map(|most| format!("head_bytes_max = {most}"));
        let fields = self.fields_max.map(|most| format!("fields_max = {most}"));
        bytes.into_iter().chain(fields).collect()
    }

    pub(super) fn start(&self) -> Application {
        let command = |folder: &Path, port: u16| {
            let mut command = (self.command)(folder, port);
            command.env("POSTS", folder.join("posts")).env("HOME", folder).current_dir(folder);
            command
        };
        Application::start(tempfile::tempdir().unwrap(), command, super::answers)
    }
}

fn own(file: &str) -> std::path::PathBuf {
    beside("servers").join(file)
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn gunicorn(port: u16, more: &[&str]) -> Command {
    let mut command = python("gunicorn");
    command.arg("--bind").arg(address(port)).args(more).arg("--chdir").arg(own("")).arg("app:wsgi");
    command
}

fn gunicorn_sync(_: &Path, port: u16) -> Command {
    gunicorn(port, &["--workers", "4"])
}

fn gunicorn_threads(_: &Path, port: u16) -> Command {
    gunicorn(port, &["--threads", WORKERS])
}

fn uvicorn(_: &Path, port: u16) -> Command {
    let mut command = python("uvicorn");
    command.arg("--port").arg(port.to_string()).arg("--app-dir").arg(own("")).arg("app:asgi");
    command
}

fn node_http(_: &Path, port: u16) -> Command {
    let mut command = node();
    command.arg(own("app.js")).env("PORT", port.to_string());
    command
}

fn starman(_: &Path, port: u16) -> Command {
    let mut command = Command::new("starman");
    command.args(["--workers", WORKERS, "--listen", &address(port)]).arg(own("app.psgi"));
    command
}

fn uwsgi(socket: &str, port: u16) -> Command {
    let mut command = Command::new("uwsgi_python3");
    command.arg(format!("--{socket}={}", address(port))).args(["--threads", WORKERS, "--master"]);
    command.arg("--wsgi-file").arg(own("app.py")).args(["--need-app", "--die-on-term"]);
    command
}

fn uwsgi_http(_: &Path, port: u16) -> Command {
    uwsgi("http-socket", port)
}

fn uwsgi_http11(_: &Path, port: u16) -> Command {
    uwsgi("http11-socket", port)
}

/// In a folder of its own, with what Debian's has for pages in Java.
fn tomcat(folder: &Path, port: u16) -> Command {
    for part in ["conf", "temp", "logs", "webapps/ROOT"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    let server = format!(
        "<Server port=\"-1\"><Service name=\"Catalina\"><Connector address=\"127.0.0.1\" port=\"{port}\" protocol=\"HTTP/1.1\"/><Engine name=\"Catalina\" defaultHost=\"localhost\"><Host name=\"localhost\" appBase=\"webapps\"/></Engine></Service></Server>"
    );
    std::fs::write(folder.join("conf/server.xml"), server).unwrap();
    std::fs::copy("/usr/share/tomcat10/skel/conf/web.xml", folder.join("conf/web.xml")).unwrap();
    std::fs::copy(own("index.jsp"), folder.join("webapps/ROOT/index.jsp")).unwrap();
    let mut command = Command::new("/usr/share/tomcat10/bin/catalina.sh");
    command.arg("run").env("CATALINA_HOME", "/usr/share/tomcat10").env("CATALINA_BASE", folder);
    command
}

/// nginx, which keeps connections for 75 s unless it is told: here for 5, so that a minute has several
/// pauses. PHP is beside it, and ends with it.
fn php(folder: &Path, port: u16) -> Command {
    let fpm = format!(
        "[global]\ndaemonize = no\nerror_log = {0}/php.log\n[www]\nlisten = {0}/php.sock\npm = static\npm.max_children = 4\n",
        folder.display()
    );
    std::fs::write(folder.join("php.conf"), fpm).unwrap();
    let nginx = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error;\nevents {{}}\nhttp {{\naccess_log off; keepalive_timeout 5;\nserver {{ listen 127.0.0.1:{port}; location / {{ fastcgi_pass unix:{0}/php.sock; include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME {1}; fastcgi_param POSTS {0}/posts; }} }}\n}}\n",
        folder.display(),
        own("index.php").display(),
    );
    std::fs::write(folder.join("nginx.conf"), with_own_folders(&nginx, folder)).unwrap();
    let found = |program: &str| debian(program).get_program().to_string_lossy().into_owned();
    let mut command = Command::new("sh");
    let script = "\"$1\" --allow-to-run-as-root --fpm-config php.conf & exec \"$2\" -p . -c nginx.conf";
    command.args(["-c", script, "sh", &found(&php_fpm()), &found("nginx")]);
    command
}

/// Debian's has its version in its name.
fn php_fpm() -> String {
    let programs = std::fs::read_dir("/usr/sbin").unwrap().flatten();
    let names = programs.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .into_iter()
        .find(|name| name.starts_with("php-fpm"))
        .expect("php-fpm is missing: run `./dev applications`")
}
