//! The socket in the data folder: for its owner, and for nobody from the network.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::Machine;
use crate::support::people::{PASSWORD, Person};
use crate::support::redis::Redis;
use crate::support::{eventually, forge, stores};

#[test]
fn it_is_its_owners_alone_and_goes_with_the_gateway() {
    let machine = Machine::new();
    let mut gateway = machine.start();
    let socket = machine.data().join("operators.sock");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(&machine.data())), (0o600, 0o700));
    assert!(gateway.terminate().success());
    assert!(!socket.exists());
}

/// `kill -9` leaves its file behind.
#[test]
fn one_that_is_left_over_stands_in_nobodys_way() {
    let machine = Machine::new();
    let mut gateway = machine.start();
    gateway.kill();
    assert!(machine.data().join("operators.sock").exists());
    machine.says("user list --data");
    let gateway = machine.start();
    machine.says("user list --data");
    drop(gateway);
}

#[test]
fn no_request_from_the_network_is_an_operators() {
    let machine = Machine::new();
    let gateway = machine.start();
    let admin = gateway.admin();
    for (method, path) in [
        ("GET", "/operator/users?email=admin@example.com"),
        ("POST", "/operator/users"),
        ("GET", "/operator/users/export"),
        ("POST", "/operator/users/import"),
        ("PUT", "/operator/users/1/password"),
        ("GET", "/operator/audit/lines"),
        ("GET", "/operator/revocations?token=0"),
        ("GET", "/operator/audit/proof"),
        ("GET", "/api/auth/../../operator/users/export"),
        ("GET", "/api/auth/operator/users/export"),
    ] {
        let reply = admin.request(method, path).json(&json!({"email": "x@example.com"})).send();
        assert!([400, 404].contains(&reply.status), "{method} {path}: {}", reply.text());
        assert!(!reply.text().contains("argon2"), "{}", reply.text());
    }
}

#[test]
fn a_data_folder_with_a_long_path_has_one_too() {
    let machine = Machine::new();
    let long = machine.folder.path().join("x".repeat(120)).join("data");
    let gateway = crate::support::gateway::Setup::new("").data(&long).start();
    let (status, out, said) =
        crate::support::gateway::run(&["user", "list", "--data", super::path(&long)], &[]);
    assert_eq!(status, 0, "{said}");
    assert!(out.contains("admin@example.com"), "{out}");
    drop(gateway);
}

/// What was begun is durable and known, whoever waited for it: a session that is closed, and whose token
/// is accepted all the same, would be half closed.
#[test]
fn whoever_leaves_it_in_the_middle_leaves_nothing_half_done() {
    let machine = Machine::new();
    let gateway = machine.start();
    let ada = gateway.user();
    let logins: Vec<_> = (0..60).map(|_| gateway.log_in(&ada.email, PASSWORD)).collect();
    for (number, login) in logins.iter().enumerate() {
        let mut socket = UnixStream::connect(machine.data().join("operators.sock")).unwrap();
        let session = forge::claims(&login.access)["sid"].clone();
        let session = session.as_str().unwrap();
        write!(socket, "DELETE /operator/sessions/{session} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        // Before it is looked at, while the disk is waited for, and after that.
        std::thread::park_timeout(Duration::from_micros(number as u64 * 50));
    }
    let is_closed = |login: &Person| login.refresh(&login.refresh, false).status == 401;
    let is_whole = |login: &Person| is_closed(login) == (login.standing() == "token_revoked");
    eventually("each is closed or as it was", || logins.iter().all(is_whole));
    assert!(logins.iter().any(is_closed), "all of them were left before they began");
    assert_eq!(ada.standing(), "in force");
}

/// An orderly stop breaks nothing off in the middle: here Redis does not answer for as long as is waited.
#[test]
fn what_was_asked_for_before_an_orderly_stop_is_answered() {
    let redis = Redis::start();
    let mut gateway = stores::redis(&redis).start();
    let (ada, path) = (gateway.user(), gateway.data.join("operators.sock"));
    let session = forge::claims(&ada.access)["sid"].as_str().unwrap().to_owned();
    let mut socket = UnixStream::connect(&path).unwrap();
    redis.pause();
    write!(socket, "DELETE /operator/sessions/{session} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    eventually("it is durable", || gateway.log().contains("sessions_ended"));
    gateway.signal(Signal::TERM);
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("revocation_unavailable"), "{answer:?}");
    eventually("it has ended", || gateway.try_wait().is_some());
    assert!(!gateway.last_words().contains("were cut off"));
}

/// The command line looks at each line of a file; who speaks to the socket without it meets the same
/// bounds.
#[test]
fn names_that_come_through_it_have_the_bounds_of_a_registration() {
    let machine = Machine::new();
    let gateway = machine.start();
    for (name, why) in [("x".repeat(101), "at most 100 characters"), ("a\u{7}b".into(), "control characters")]
    {
        let account = json!({"id": null, "email": "eve@example.com", "password_hash": "$argon2id$", "role": "user",
            "first_name": "Eve", "last_name": name, "is_active": true, "created_at": 0, "email_verified": false});
        let body = json!({"dry_run": false, "accounts": [account]}).to_string();
        let mut socket = UnixStream::connect(machine.data().join("operators.sock")).unwrap();
        let (target, length) = ("POST /operator/users/import", body.len());
        write!(
            socket,
            "{target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("last_name must"), "{answer}");
        assert!(answer.contains(why), "{answer}");
    }
    drop(gateway);
}
