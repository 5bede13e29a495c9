//! How HAProxy finds out whether the gateway is there, where it was told nothing but to ask.

use std::net::SocketAddr;
use std::process::Stdio;

use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::http::Client;
use crate::support::raw::Raw;
use crate::support::tools::{Running, debian};
use crate::support::upstream::Upstream;

/// HAProxy before this gateway, which it asks at this port.
fn haproxy(gateway: SocketAddr, asked: u16) -> (Running, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("haproxy.cfg");
    let (running, address) = Running::listening(|port| {
        let text = format!(
            "defaults\nmode http\ntimeout connect 5s\ntimeout client 60s\ntimeout server 60s\nfrontend web\nbind 127.0.0.1:{port}\nstats enable\nstats uri /stats\ndefault_backend gateway\nbackend gateway\noption httpchk\nserver gateway {gateway} check port {asked} inter 100ms fall 1 rise 1 init-addr last\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = debian("haproxy");
        command.arg("-db").arg("-f").arg(&file).stderr(Stdio::null());
        command
    });
    (running, address, folder)
}

#[test]
fn its_plain_check_finds_the_gateway_up_by_clients_and_by_operators() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).route("open", "/", "todo", "auth = \"public\"").start();
    for asked in [gateway.address, gateway.operations] {
        let (_running, front, _folder) = haproxy(gateway.address, asked.port());
        let mut found = String::new();
        eventually("it has asked", || {
            let all = Client::new(front).get("/stats;csv").send().text();
            found = all.lines().find(|line| line.starts_with("gateway,gateway,")).unwrap().to_owned();
            found.contains(",L7")
        });
        assert!(found.contains(",UP,") && found.contains(",L7OK,"), "asked at {asked}: {found}");
        assert_eq!(Client::new(front).get("/x").send().status, 200);
    }
    assert!(upstream.arrived().iter().any(|arrived| arrived.line.starts_with("OPTIONS / ")));
}

#[test]
fn what_it_asks_operators_is_answered_as_get_is_and_has_no_content() {
    let gateway = Setup::new("").start();
    for (target, status) in [("/", 200), ("*", 200), ("/healthz", 200), ("/readyz", 200), ("/nowhere", 404)] {
        let mut raw = Raw::connect(gateway.operations);
        let reply = raw.send(format!("OPTIONS {target} HTTP/1.0\r\n\r\n")).reply().unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (status, ""), "{target}");
        assert_eq!(reply.field("allow").as_deref(), Some("GET, HEAD, OPTIONS"), "{target}");
        // Nothing else would end the answer for some clients of HTTP/1.0.
        assert_eq!(reply.field("connection").as_deref(), Some("close"), "{target}");
        assert!(raw.is_closed(), "{target}");
    }
}
