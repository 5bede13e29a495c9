//! An account that is gone takes with it what a service behind keeps of the person: the service is
//! told by a signed message, until it says that it has taken note.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::people::{PASSWORD, Person};
use crate::support::upstream::{Arrived, Upstream};

mod config;
mod giving_up;
mod message;
mod receivers;

/// Marked, so that no log may have it. 32 bytes in Base64.
const SECRET: &str = "whsec_CANARYCANARYCANARYCANARYCANARYCANARYCANARYA=";

/// A gateway that sends its messages to this URL.
fn telling(url: &str) -> Setup {
    Setup::new("")
        .unlimited()
        .config(&format!("[webhook]\nurl = \"{url}\""))
        .env("GATEWAY_WEBHOOK_SECRET", SECRET)
}

fn telling_upstream(upstream: &Upstream) -> Setup {
    telling(&format!("http://{}/hooks?of=gateway", upstream.address))
}

/// Somebody deletes their own account.
fn leave(person: &Person) {
    let request = person.request("DELETE", "/api/auth/profile");
    let reply = request.json(&json!({"current_password": PASSWORD})).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn remove(gateway: &Gateway, person: &Person) {
    let reply = gateway.admin().request("DELETE", &format!("/api/auth/users/{}", person.id)).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// How many todos a user has, asked behind the gateway's back.
fn todos(socket: &Path, user: u64) -> u64 {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = format!(
        "GET /api/todos HTTP/1.1\r\nHost: todo\r\nConnection: close\r\nX-User-Id: {user}\r\n\
         X-User-Email: a@example.org\r\nX-User-Role: user\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["pagination"]["total"].as_u64().unwrap()
}

fn add_todos(person: &Person, count: usize) {
    for _ in 0..count {
        let made = person.request("POST", "/api/todos").json(&json!({"title": "x"})).send();
        assert_eq!(made.status, 201, "{}", made.text());
    }
}

/// Tries that were made with this result.
fn tries(gateway: &Gateway, result: &str) -> f64 {
    gateway.metric(&format!("gateway_deliveries_total{{errand=\"user_deleted\",result=\"{result}\"}}"))
}

fn body(arrived: &Arrived) -> String {
    String::from_utf8(arrived.body.clone()).unwrap()
}
