//! Whole requests: the gateway itself under Valgrind, between a client and a service that are in this
//! process, by either way. One connection has one request at a time, so that a count is what one costs alone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use gateway_store_sled::{Importing, SledOptions, SledStore};
use serde_json::json;
use tempfile::TempDir;

use crate::baseline::{Counts, WHOLE};
use crate::in_process::HOST;
use crate::profile::instructions;
use crate::support::{self, ACCESS_KEY, REFRESH_KEY};

/// Requests that are counted, and as many before that fill what a running gateway has filled.
const REQUESTS: u64 = 300;
/// Users that ask in turn.
const TOKENS: u64 = 100;
/// So high that nobody is refused: what is counted is the counting.
const UNREACHED: &str = "{ requests = 1000000000, window_seconds = 3600 }";

/// What is asked in turn, and how each answer begins.
struct Scenario {
    name: &'static str,
    requests: Vec<String>,
    answer: &'static str,
}

/// The gateway under Valgrind, until it is dropped.
struct Gateway {
    child: Child,
    client: BufReader<TcpStream>,
    /// So often it was asked for what it counted.
    dumps: usize,
    folder: TempDir,
}

/// Instructions for one request, by scenario and by way.
pub(crate) fn count() -> Result<Counts, String> {
    let service = serve()?;
    let mut counts = Counts::new();
    for (way, fast_path) in [("lane", true), ("Pingora's way", false)] {
        let mut gateway = Gateway::start(service, fast_path)?;
        for scenario in scenarios() {
            gateway.ask(&scenario)?;
            gateway.counted()?;
            gateway.ask(&scenario)?;
            counts.insert(format!("{WHOLE}{way}, {}", scenario.name), gateway.counted()? / REQUESTS);
        }
    }
    Ok(counts)
}

fn scenarios() -> [Scenario; 3] {
    let tokens = support::tokens(&support::issuer(), TOKENS);
    let with = |token: &str| request("/api/todos/42", &format!("Authorization: Bearer {token}\r\n"));
    let (good, bad) = ("HTTP/1.1 200 ", "HTTP/1.1 401 ");
    let forged = tokens.iter().map(|token| with(&support::with_bad_signature(token))).collect();
    [
        Scenario { name: "public route", requests: vec![request("/public/42", "")], answer: good },
        Scenario {
            name: "HS256, revocation and limit",
            requests: tokens.iter().map(|token| with(token)).collect(),
            answer: good,
        },
        Scenario { name: "HS256, bad signature", requests: forged, answer: bad },
    ]
}

fn request(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: curl/8.10.1\r\nAccept: */*\r\n{fields}\r\n")
}

impl Gateway {
    fn start(service: SocketAddr, fast_path: bool) -> Result<Self, String> {
        let fault = |fault: std::io::Error| fault.to_string();
        let folder = tempfile::tempdir().map_err(fault)?;
        let (file, data) = (folder.path().join("gateway.toml"), folder.path().join("data"));
        std::fs::write(&file, config(service, fast_path)).map_err(fault)?;
        make_store(&data)?;
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out(&folder).display()));
        command.arg(env!("CARGO_BIN_EXE_gateway")).args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--ops", "127.0.0.1:0", "--config"]).arg(file).env("GATEWAY__STORE__PATH", data);
        command.env("JWT_SECRET_KEY", ACCESS_KEY).env("JWT_REFRESH_SECRET_KEY", REFRESH_KEY);
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|why| format!("valgrind cannot be started: {why}"))?;
        match listening(&mut child).map(TcpStream::connect) {
            Some(Ok(client)) => {
                client.set_nodelay(true).map_err(fault)?;
                Ok(Self { child, client: BufReader::new(client), dumps: 0, folder })
            }
            _ => {
                child.kill().ok();
                Err("the gateway does not start under Valgrind".to_owned())
            }
        }
    }

    /// Asks as often as is counted.
    fn ask(&mut self, scenario: &Scenario) -> Result<(), String> {
        let requests = scenario.requests.iter().cycle();
        for request in requests.take(usize::try_from(REQUESTS).unwrap_or(usize::MAX)) {
            let answer = self.exchange(request).map_err(|why| format!("`{}`: {why}", scenario.name))?;
            if !answer.starts_with(scenario.answer) {
                return Err(format!("`{}` was answered {}", scenario.name, answer.trim()));
            }
        }
        Ok(())
    }

    /// The first line of the answer, whose content is passed over.
    fn exchange(&mut self, request: &str) -> std::io::Result<String> {
        self.client.get_mut().write_all(request.as_bytes())?;
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            self.client.read_line(&mut line)?;
            let line = line.to_ascii_lowercase();
            if let Some(said) = line.strip_prefix("content-length:") {
                length = said.trim().parse().unwrap_or(0);
            }
            match line.trim() {
                "" => break,
                line if first.is_empty() => first = line.to_ascii_uppercase(),
                _ => {}
            }
        }
        self.client.read_exact(&mut vec![0; length])?;
        Ok(first)
    }

    /// What was counted since this was asked last.
    fn counted(&mut self) -> Result<u64, String> {
        let pid = self.child.id().to_string();
        let asked = Command::new("callgrind_control").args(["-d", "whole", &pid]).output();
        let asked = asked.map_err(|why| format!("callgrind_control cannot be started: {why}"))?;
        self.dumps += 1;
        let file = out(&self.folder).with_extension(self.dumps.to_string());
        let written = std::fs::read_to_string(file).ok();
        written.and_then(|written| instructions(&written)).ok_or_else(|| {
            format!("callgrind does not say what it counted: {}", String::from_utf8_lossy(&asked.stdout))
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Valgrind numbers what it writes before the end.
fn out(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("callgrind")
}

/// Valgrind is asked from outside, so that it must be possible to look into the process.
fn config(service: SocketAddr, fast_path: bool) -> String {
    format!(
        "server = {{ threads = 1, core_dumps = true, fast_path = {fast_path} }}\n\
         log = {{ access = false, level = \"warn\" }}\n\
         limits = {{ user = {UNREACHED}, failed_authentication_address = {UNREACHED} }}\n\
         [[upstreams]]\nname = \"service\"\naddress = \"{service}\"\nidle_timeout_ms = 60000\n\
         [[routes]]\nname = \"public\"\npath = \"/public\"\nupstream = \"service\"\nauth = \"public\"\n\
         [[routes]]\nname = \"todos\"\npath = \"/api/todos\"\nupstream = \"service\"\n"
    )
}

/// Of the installation that the tokens are of.
fn make_store(data: &Path) -> Result<(), String> {
    let header = json!({ "format": "gateway-store", "version": 2, "store_id": support::installation() });
    let end = json!({ "record": "end", "users": 0, "sessions": 0, "revocations": 0 });
    let store = SledStore::open(data, SledOptions::default()).map_err(|fault| fault.to_string())?;
    let imported = store.import(&mut format!("{header}\n{end}\n").as_bytes(), Importing::Restore);
    imported.map(drop).map_err(|fault| fault.to_string())
}

/// Where it says that it listens.
fn listening(child: &mut Child) -> Option<SocketAddr> {
    let mut line = String::new();
    BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
    line.rsplit("listening on http://").next()?.split_whitespace().next()?.parse().ok()
}

/// The service: answers each request alike, and lives as long as this process.
fn serve() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|fault| fault.to_string())?;
    let address = listener.local_addr().map_err(|fault| fault.to_string())?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream).ok());
        }
    });
    Ok(address)
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let body = "{\"id\": 42, \"title\": \"Measure it\", \"completed\": false}";
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 {
        if line == "\r\n" {
            stream.get_mut().write_all(answer.as_bytes())?;
        }
        line.clear();
    }
    Ok(())
}
