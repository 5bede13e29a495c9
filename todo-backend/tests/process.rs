//! The program as an operator meets it: what it prints, how it ends, what survives it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

fn todo_backend(listen: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_todo-backend"));
    command.args(["--listen", listen, "--data"]).arg(data).env_remove("RUST_LOG");
    command.env_remove("RUST_BACKTRACE").env_remove("TODO_WEBHOOK_SECRET");
    command
}

/// A running server and the address that it printed; killed with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut command = todo_backend("127.0.0.1:0", data);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("todo-backend listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address }
    }

    /// As user 7, behind a sound gateway.
    fn ask(&self, method: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} /api/todos HTTP/1.1\r\nHost: todo\r\nConnection: close\r\nX-User-Id: 7\r\n\
             X-User-Email: ann@example.org\r\nX-User-Role: user\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// SIGTERM, and what came of it; all of stderr with it.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The exit code, and stderr; nothing may be on stdout of what did not start.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn sigterm_ends_it_with_success_and_tcp_comes_with_a_warning() {
    let data = TempDir::new().unwrap();
    let (code, said) = Server::start(data.path()).stop();
    assert_eq!(code, Some(0));
    assert!(said.contains("can claim any identity"), "{said}");
}

#[test]
fn a_created_todo_survives_kill_9() {
    let data = TempDir::new().unwrap();
    for round in 1..=5 {
        let answer = Server::start(data.path()).ask("POST", r#"{"title":"Milk"}"#);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let answer = Server::start(data.path()).ask("GET", "");
        assert!(answer.contains(&format!(r#""total":{round}"#)), "{answer}");
    }
}

#[test]
fn a_second_process_on_the_same_folder_or_port_is_refused() {
    let (data, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = Server::start(data.path());
    let (code, said) = refused(&mut todo_backend("127.0.0.1:0", data.path()));
    assert_eq!(code, Some(1));
    assert!(said.contains("is in use by another process"), "{said}");
    let (code, said) = refused(&mut todo_backend(&first.address, other.path()));
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("{} is in use", first.address)), "{said}");
}

#[test]
fn a_damaged_store_is_one_clear_message() {
    let data = TempDir::new().unwrap();
    Server::start(data.path()).ask("POST", r#"{"title":"Milk"}"#);
    let db = data.path().join("db");
    let length = std::fs::metadata(&db).unwrap().len();
    std::fs::write(&db, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    let (code, said) = refused(&mut todo_backend("127.0.0.1:0", data.path()));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains(&data.path().display().to_string()) && said.contains("damaged"), "{said}");
}

#[test]
fn a_bad_configuration_is_told_as_one_and_no_secret_is_shown() {
    let data = TempDir::new().unwrap();
    for (listen, words) in [
        ("0.0.0.0:0", "--allow-non-loopback"),
        ("[::]:0", "--allow-non-loopback"),
        ("[::ffff:192.0.2.1]:0", "--allow-non-loopback"),
        ("localhost:8081", "expected unix:/path or IP:PORT"),
        ("unix:", "expected unix:/path or IP:PORT"),
    ] {
        let (code, said) = refused(&mut todo_backend(listen, data.path()));
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(words), "{said}");
    }
    for (name, value, words) in [
        ("TODO_WEBHOOK_SECRET", "CANARY-short", "TODO_WEBHOOK_SECRET: 24 bytes or more"),
        ("TODO_WEBHOOK_SECRET_FILE", "/CANARY/no/file", "which cannot be read"),
        ("TODO_WEBHOOK_SECRET_FILE", "/dev/null", "TODO_WEBHOOK_SECRET_FILE: 24 bytes or more"),
    ] {
        let (code, said) = refused(todo_backend("127.0.0.1:0", data.path()).env(name, value));
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(words) && !said.contains("CANARY-"), "{said}");
    }
}
