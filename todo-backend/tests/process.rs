//! The program as an operator meets it: what it prints, how it ends, what survives it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

fn todo_backend(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_todo-backend"));
    command.args(arguments).arg("--data").arg(data).env_remove("RUST_LOG");
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
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child = todo_backend(&["--listen", "127.0.0.1:0"], data)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("todo-backend listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address }
    }

    /// As user 7, behind a sound gateway.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        self.ask_as(7, method, path, body)
    }

    fn ask_as(&self, user: u64, method: &str, path: &str, body: &str) -> String {
        let identity = format!("X-User-Id: {user}\r\nX-User-Email: ann@example.org\r\nX-User-Role: user\r\n");
        self.send(method, path, &identity, body)
    }

    /// The gateway's message that the account is gone, signed with this secret.
    fn tell_deleted(&self, user: u64, secret: &str) -> String {
        let body = format!(
            "{{\"type\":\"user.deleted\",\"timestamp\":\"2026-05-04T03:02:01Z\",\"data\":{{\"user_id\":{user}}}}}"
        );
        let at = jiff::Timestamp::now().as_second();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, format!("msg_1.{at}.{body}").as_bytes()));
        let signed =
            format!("Webhook-Id: msg_1\r\nWebhook-Timestamp: {at}\r\nWebhook-Signature: v1,{signature}\r\n");
        self.send("POST", "/webhooks/gateway", &signed, &body)
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: todo\r\nConnection: close\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
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
fn refused(arguments: &[&str], data: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = todo_backend(arguments, data).output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
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
        let server = Server::start(data.path());
        let answer = server.ask("POST", "/api/todos", r#"{"title":"Milk"}"#);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        drop(server);

        let answer = Server::start(data.path()).ask("GET", "/api/todos", "");
        assert!(answer.contains(&format!(r#""total":{round},"#)), "{answer}");
    }
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let data = TempDir::new().unwrap();
    let _first = Server::start(data.path());

    let (code, said) = refused(&["--listen", "127.0.0.1:0"], data.path());

    assert_eq!(code, Some(1));
    assert!(said.contains("is in use by another process"), "{said}");
}

#[test]
fn a_taken_port_is_refused_at_once() {
    let (data, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = Server::start(data.path());

    let (code, said) = refused(&["--listen", &first.address], other.path());

    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("{} is in use", first.address)), "{said}");
}

#[test]
fn an_address_open_to_others_is_a_bad_configuration() {
    let data = TempDir::new().unwrap();

    let (code, said) = refused(&["--listen", "0.0.0.0:0"], data.path());

    assert_eq!(code, Some(78));
    assert!(said.contains("--allow-non-loopback"), "{said}");
}

#[test]
fn a_damaged_store_is_one_clear_message() {
    let data = TempDir::new().unwrap();
    Server::start(data.path()).ask("POST", "/api/todos", r#"{"title":"Milk"}"#);
    let db = data.path().join("db");
    let length = std::fs::metadata(&db).unwrap().len();
    std::fs::write(&db, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();

    let (code, said) = refused(&["--listen", "127.0.0.1:0"], data.path());

    assert_eq!(code, Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&data.path().display().to_string()), "{said}");
    assert!(said.contains("todo-backend import"), "{said}");
}

#[test]
fn an_export_is_imported_elsewhere() {
    let (data, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    Server::start(data.path()).ask("POST", "/api/todos", r#"{"title":"Milk"}"#);
    let export = todo_backend(&["export"], data.path()).output().unwrap();
    assert!(export.status.success());
    let file = other.path().join("export.jsonl");
    std::fs::write(&file, export.stdout).unwrap();
    let fresh = other.path().join("data");

    let imported = todo_backend(&["import", file.to_str().unwrap()], &fresh).output().unwrap();

    assert!(imported.status.success(), "{imported:?}");
    let answer = Server::start(&fresh).ask("GET", "/api/todos/1", "");
    assert!(answer.contains(r#""title":"Milk""#), "{answer}");
}

#[test]
fn an_export_of_a_folder_that_is_not_there_makes_none() {
    let parent = TempDir::new().unwrap();
    let missing = parent.path().join("missing");

    let (code, said) = refused(&["export"], &missing);

    assert_eq!(code, Some(1));
    assert!(said.contains("there is no folder") && !missing.exists(), "{said}");
}

/// An export of this many todos of user 7, and one of user 8.
fn export_of(todos: usize) -> String {
    let mut text =
        format!("{{\"format\":\"todo-backend/1\",\"todos\":{},\"next_todo_id\":{}}}\n", todos + 1, todos + 2);
    for (user, id) in (1..=todos).map(|id| (7, id)).chain([(8, todos + 1)]) {
        text += &format!(
            "{{\"user_id\":{user},\"id\":{id},\"title\":\"x\",\"description\":null,\"completed\":{},\
             \"created_at\":\"2026-01-01T00:00:00Z\"}}\n",
            id % 3 == 0
        );
    }
    text
}

const SECRET: &str = "CANARY-secret-of-the-gateway-and-the-todos";

#[test]
fn an_account_with_a_hundred_thousand_todos_goes_for_good_while_others_are_served() {
    const TODOS: usize = 100_000;
    let parent = TempDir::new().unwrap();
    let (file, data) = (parent.path().join("export.jsonl"), parent.path().join("data"));
    std::fs::write(&file, export_of(TODOS)).unwrap();
    let imported = todo_backend(&["import", file.to_str().unwrap()], &data).output().unwrap();
    assert!(imported.status.success(), "{imported:?}");
    let server = Server::start_with(&data, &[("TODO_WEBHOOK_SECRET", SECRET)]);
    let total = |server: &Server, user, total: usize| {
        let list = server.ask_as(user, "GET", "/api/todos?per_page=1", "");
        assert!(list.contains(&format!("\"total\":{total},")), "{list}");
    };
    total(&server, 7, TODOS);

    let mut served = 0;
    std::thread::scope(|scope| {
        let telling = scope.spawn(|| server.tell_deleted(7, SECRET));
        while !telling.is_finished() {
            let made = server.ask_as(8, "POST", "/api/todos", r#"{"title":"Milk"}"#);
            assert!(made.starts_with("HTTP/1.1 201"), "{made}");
            served += 1;
        }
        let told = telling.join().unwrap();
        assert!(told.starts_with("HTTP/1.1 204"), "{told}");
    });
    assert!(served >= 10, "others were served {served} times only");
    total(&server, 7, 0);
    drop(server);

    // That was `kill -9`.
    let server = Server::start_with(&data, &[("TODO_WEBHOOK_SECRET", SECRET)]);
    total(&server, 7, 0);
    total(&server, 8, 1 + served);
    let again = server.tell_deleted(7, SECRET);
    assert!(again.starts_with("HTTP/1.1 204"), "{again}");
    let other = server.tell_deleted(8, "another-secret-that-is-as-long");
    assert!(other.starts_with("HTTP/1.1 401"), "{other}");
    total(&server, 8, 1 + served);
    let (_, said) = server.stop();
    assert!(!said.contains("CANARY"), "{said}");
}

#[test]
fn a_bad_secret_is_a_bad_configuration_and_is_not_shown() {
    let data = TempDir::new().unwrap();
    let mut command = todo_backend(&["--listen", "127.0.0.1:0"], data.path());
    let output = command.env("TODO_WEBHOOK_SECRET", "CANARY-short").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();

    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("TODO_WEBHOOK_SECRET: 24 bytes or more") && !said.contains("CANARY"), "{said}");
}
