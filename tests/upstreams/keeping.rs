//! Which connections are kept for the next request, and for how long: by what their server says, and by
//! what it does with them.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::keeper::{Keeper, Temper, Then, pass};
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

/// Connections that were closed for what their server said on them.
fn unasked(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_unclean_connections_total", &[("reason", "unasked_bytes")])
}

/// Connections to the server on which something has come that was not read yet.
fn unread(server: &Keeper) -> usize {
    let to_it = format!(":{:04X}", server.address.port());
    let has_come = |line: &&str| {
        let mut words = line.split_ascii_whitespace().skip(2);
        let is_to_it = words.next().is_some_and(|remote| remote.ends_with(&to_it));
        is_to_it && words.nth(1).is_some_and(|queues| !queues.ends_with(":00000000"))
    };
    std::fs::read_to_string("/proc/net/tcp").unwrap().lines().filter(has_come).count()
}

fn failures(gateway: &Gateway) -> f64 {
    gateway.total("gateway_upstream_server_failures_total", &[])
}

/// The same, on four threads.
fn on_threads(server: &Keeper, more: &str) -> Gateway {
    Setup::new("[server]\nthreads = 4\n")
        .config(&format!("[[upstreams]]\nname = \"app\"\naddress = \"{}\"\n{more}", server.address))
        .route("app", "/", "app", "auth = \"public\"")
        .unlimited()
        .start()
}

/// So many clients ask at a time, each so often, on connections of their own.
#[track_caller]
fn ask_at_once(gateway: &Gateway, clients: usize, times: usize) {
    let all = |_| (0..times).all(|_| gateway.client().get("/").send().text() == "own");
    let (begun, answered) = (Barrier::new(clients), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..clients {
            let (begun, answered) = (&begun, &answered);
            scope.spawn(move || {
                begun.wait();
                answered.fetch_add(usize::from(all(number)), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(answered.into_inner(), clients, "clients whose answers were their own");
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
    let before = server.asked().len();
    ask(&gateway, &[GET; 8]);
    // Those of eight more requests, but for one that shows what the server does now, and is held for minutes.
    eventually("its server has closed the others", || held(&gateway) <= 1.0);
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
        let server = Keeper::start(Temper { fields, reads, then, ..Temper::EVEN });
        let gateway = gateway(&server, LONG);
        ask(&gateway, &[POST, POST, GET, POST, ("PUT", "content"), GET]);
        assert_eq!(server.asked(), [0, 1, 2, 3, 4, 5], "{fields:?}");
        assert_eq!(failures(&gateway), 0.0);
    }
}

#[test]
fn what_a_server_answers_to_a_body_is_nobodys_answer() {
    let server = Keeper::start(Temper { reads: false, then: Then::AnswersContent, ..Temper::EVEN });
    let gateway = gateway(&server, LONG);
    let hidden = ("POST", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n");
    ask(&gateway, &[hidden, GET, hidden, GET, GET]);
    assert_eq!(failures(&gateway), 0.0);
}

#[test]
fn no_request_follows_content_that_a_quiet_server_left_unread() {
    let hidden = "GET /x HTTP/1.1\r\nX-Pad: ";
    for status in [200, 404] {
        let then = Then::StaysUnread;
        let server = Keeper::start(Temper { status, reads: false, then, ..Temper::EVEN });
        let gateway = gateway(&server, LONG);
        for (method, content) in [GET, GET, ("POST", hidden), GET, ("PUT", hidden), GET, POST, GET] {
            let reply = gateway.client().request(method, "/").body(content).send();
            assert_eq!((reply.status, reply.text().as_str()), (status, "own"), "{method}");
            if !content.is_empty() {
                // Longer than a server is given to show what it does: silence shows nothing.
                pass(Duration::from_millis(250));
            }
        }
        let [.., put, second, post, third] = server.asked()[..] else { panic!("{:?}", server.asked()) };
        let used: BTreeSet<_> = server.asked().into_iter().collect();
        assert!(put != second && post != third && put != post && used.len() >= 4, "{:?}", server.asked());
        assert_eq!(server.asked().len(), 8, "none was swallowed");
    }
}

#[test]
fn a_server_is_asked_to_close_behind_content_and_ends_the_connection_itself() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = gateway(&server, LONG);
    ask(&gateway, &[POST; 8]);
    // Whoever ends a connection keeps its port for a minute (TIME_WAIT, which is 06).
    let theirs = format!(":{:04X} 06", server.address.port());
    let lingering = || std::fs::read_to_string("/proc/net/tcp").unwrap().matches(&theirs).count();
    eventually("all are closed", || held(&gateway) == 0.0);
    pass(Duration::from_millis(250));
    assert_eq!((server.asked(), lingering()), ((0..8).collect(), 0));
}

#[test]
fn where_the_operator_says_so_bodies_cost_a_server_no_connections_but_refused_ones_do() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = gateway(&server, &format!("{LONG}\nreuse_after_body = true"));
    ask(&gateway, &[GET, GET]);
    ask(&gateway, &[POST; 20]);
    let used: BTreeSet<_> = server.asked().into_iter().collect();
    assert!(used.len() < 3, "{used:?}");
    server.becomes(Temper { status: 422, ..Temper::EVEN });
    for _ in 0..4 {
        assert_eq!(gateway.client().request("POST", "/").body("content").send().status, 422);
    }
    let last: BTreeSet<_> = server.asked().into_iter().rev().take(4).collect();
    assert_eq!(last.len(), 4, "{last:?}");
}

#[test]
fn what_is_said_of_bodies_has_to_make_sense() {
    let complaint = |more: &str| {
        let upstream = format!("[[upstreams]]\nname = \"app\"\naddress = \"127.0.0.1:1\"\n{more}");
        Setup::new("").config(&upstream).try_start().err().expect("it does not start").stderr
    };
    let said = complaint("reuse_after_body = true\nprotocol = \"http2\"");
    assert!(said.contains("upstream `app`: reuse_after_body is about connections of HTTP/1.1"), "{said}");
    let said = complaint("reuse_after_body = \"yes\"");
    assert!(said.contains("reuse_after_body") && said.contains("true or false"), "{said}");
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

#[test]
fn what_a_server_says_on_connections_that_wait_is_nobodys_answer_and_ends_them() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = on_threads(&server, LONG);
    ask_at_once(&gateway, 8, 1);
    let before: BTreeSet<_> = server.asked().into_iter().collect();
    server.speaks_up();
    eventually("it has come", || unasked(&gateway) as usize + unread(&server) == before.len());
    ask_at_once(&gateway, 8, 4);
    assert!(server.asked()[8..].iter().all(|connection| !before.contains(connection)));
    eventually("each of them is closed", || unasked(&gateway) as usize == before.len());
}

#[test]
fn no_request_is_refused_while_a_connection_waits_for_another_thread() {
    // By Pingora's way a connection comes back after its client has the answer, and may have asked again.
    let most = if std::env::var("FAST_PATH").is_ok_and(|open| open == "false") { 8 } else { 4 };
    let server = Keeper::start(Temper::EVEN);
    let gateway = on_threads(&server, &format!("idle_timeout_ms = 600000\nconnections_max = {most}"));
    ask_at_once(&gateway, 4, 50);
    let used: BTreeSet<_> = server.asked().into_iter().collect();
    assert!(used.len() <= most, "{used:?}");
}

#[test]
fn connections_that_waited_long_enough_are_closed_whichever_thread_they_wait_for() {
    let server = Keeper::start(Temper::EVEN);
    let gateway = on_threads(&server, "");
    ask_at_once(&gateway, 8, 2);
    eventually("all are closed", || server.open() == 0 && held(&gateway) == 0.0);
}

#[test]
fn connections_that_their_server_is_to_close_are_counted_and_make_room() {
    let closing = Temper { fields: "Connection: close\r\n", then: Then::StaysUnread, ..Temper::EVEN };
    let server = Keeper::start(closing);
    let gateway = gateway(&server, "connections_max = 2");
    let mut client = Raw::connect(gateway.address);
    let mut most = 0;
    for _ in 0..30 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").reply().unwrap().status, 200);
        most = most.max(server.open());
    }
    // Who makes room is seen for a moment longer.
    assert!(most <= 10, "{most} were open at once");
    eventually("all are closed", || held(&gateway) == 0.0 && server.open() == 0);
}
