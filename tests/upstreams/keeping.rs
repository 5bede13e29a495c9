//! Which connections are kept for the next request, and for how long: by what their server says, and by
//! what it does with them.

use std::collections::BTreeSet;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::keeper::{Keeper, Temper, Then};
use crate::support::raw::Raw;

/// Longer than a test waits: what ends earlier ends for another reason.
const LONG: &str = "idle_timeout_ms = 600000";

fn gateway(server: &Keeper, more: &str) -> Gateway {
    Setup::new("")
        .config(&format!("[[upstreams]]\nname = \"app\"\naddress = \"{}\"\n{more}", server.address))
        .route("app", "/", "app", "auth = \"public\"")
        .unlimited()
        .start()
}

fn held(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_connections", &[])
}

fn failures(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_failures_total", &[])
}

/// Each asks in its turn; all are to be answered.
#[track_caller]
fn ask(gateway: &Gateway, requests: &[(&str, &str)]) {
    for (at, (method, content)) in requests.iter().enumerate() {
        let reply = gateway.client().request(method, "/").body(*content).send();
        assert_eq!((reply.status, reply.text().as_str()), (200, "own"), "request {at}: {method}");
    }
}

const GET: (&str, &str) = ("GET", "");
const POST: (&str, &str) = ("POST", "content");

#[test]
fn by_default_no_connection_waits_as_long_as_the_shortest_of_common_servers() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = gateway(&server, "");
    ask(&gateway, &[GET]);
    eventually("it is closed", || held(&gateway) == 0.0);
}

#[test]
fn a_connection_waits_a_little_less_than_its_server_says() {
    let fields = "Keep-Alive: timeout=1, max=100\r\n";
    let server = Keeper::start(Temper { fields, ..Temper::EVEN });
    let gateway = gateway(&server, LONG);
    ask(&gateway, &[GET]);
    eventually("it is closed", || held(&gateway) == 0.0);
}

#[test]
fn a_connection_carries_no_more_requests_than_its_server_says() {
    for (fields, most) in [
        ("Keep-Alive: max=2\r\n", 2),
        ("Keep-Alive: timeout=0\r\n", 1),
        ("Connection: close\r\n", 1),
        ("Keep-Alive: timeout=9\r\nkeep-alive: MAX = 2\r\n", 2),
    ] {
        let server = Keeper::start(Temper { fields, ..Temper::EVEN });
        ask(&gateway(&server, LONG), &[GET; 12]);
        let asked = server.asked();
        let on = |connection| asked.iter().filter(|other| *other == connection).count();
        let busiest = asked.iter().map(on).max();
        assert!(busiest <= Some(most), "{fields:?}: {asked:?}");
    }
}

#[test]
fn a_post_goes_on_no_connection_of_a_server_that_was_not_seen_to_keep_them() {
    let server = Keeper::start(Temper { then: Then::Leaves, ..Temper::EVEN });
    let gateway = gateway(&server, LONG);
    for _ in 0..4 {
        ask(&gateway, &[GET, ("POST", ""), ("POST", "")]);
    }
    assert_eq!(failures(&gateway), 0.0);
}

#[test]
fn who_closes_after_each_answer_without_a_word_is_learned_and_unlearned() {
    let server = Keeper::start(Temper { then: Then::Leaves, ..Temper::EVEN });
    let gateway = gateway(&server, LONG);
    ask(&gateway, &[GET; 8]);
    gateway.says("it closes connections after each answer");
    // Those of eight more requests, but for one that shows what the server does now.
    let before = server.asked().len();
    ask(&gateway, &[GET; 8]);
    assert!(held(&gateway) <= 1.0, "{}", held(&gateway));
    assert_eq!(server.asked().len(), before + 8, "none was sent on a connection that was closed");
    server.becomes(Temper::EVEN);
    eventually("connections are used again", || {
        ask(&gateway, &[GET, GET]);
        matches!(server.asked()[..], [.., one, other] if one == other)
    });
    ask(&gateway, &[POST, GET, POST]);
    assert_eq!(failures(&gateway), 0.0);
}

#[test]
fn a_connection_on_which_a_body_may_be_unread_is_not_used_again() {
    let (reads, then) = (false, Then::Leaves);
    for fields in ["", "Connection: keep-alive\r\n", "Keep-Alive: timeout=60\r\n"] {
        let server = Keeper::start(Temper { fields, reads, then });
        let gateway = gateway(&server, LONG);
        ask(&gateway, &[POST, POST, GET, POST, ("PUT", "content"), GET]);
        assert_eq!(server.asked(), [0, 1, 2, 3, 4, 5], "{fields:?}");
        assert_eq!(failures(&gateway), 0.0);
    }
}

#[test]
fn what_a_server_answers_to_a_body_is_nobodys_answer() {
    let server = Keeper::start(Temper { fields: "", reads: false, then: Then::AnswersContent });
    let gateway = gateway(&server, LONG);
    let hidden = ("POST", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n");
    ask(&gateway, &[hidden, GET, hidden, GET, GET]);
    assert_eq!(failures(&gateway), 0.0);
}

#[test]
fn bodies_do_not_cost_a_server_that_reads_them_its_connections() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = gateway(&server, LONG);
    eventually("a connection is used again", || {
        ask(&gateway, &[POST, POST]);
        matches!(server.asked()[..], [.., one, other] if one == other)
    });
    ask(&gateway, &[POST; 20]);
    let used: BTreeSet<_> = server.asked().into_iter().rev().take(20).collect();
    assert!(used.len() < 6, "{used:?}");
}

#[test]
fn an_answer_that_came_before_the_body_was_sent_ends_its_connection() {
    let server = Keeper::start(Temper { reads: false, ..Temper::EVEN });
    let gateway = gateway(&server, LONG);
    let mut raw = Raw::connect(gateway.address);
    raw.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncon");
    let reply = raw.reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "own"));
    raw.send("tent");
    let unclean = [("reason", "unfinished_request")];
    let ended = || gateway.total("gateway_upstream_unclean_connections_total", &unclean) == 1.0;
    eventually("it is closed", ended);
    ask(&gateway, &[GET]);
    assert_eq!(server.asked(), [0, 1]);
}

#[test]
fn connections_that_may_not_be_used_make_room_for_others() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = gateway(&server, "idle_timeout_ms = 600000\nconnections_max = 1");
    for request in [GET, ("POST", ""), POST, POST, GET, POST] {
        ask(&gateway, &[request]);
        let running = || gateway.total("gateway_upstream_server_requests_running", &[]);
        eventually("the request has left its place", || running() == 0.0);
    }
}
