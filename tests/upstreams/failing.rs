//! A server that is gone, ill, or breaks off.

use std::net::SocketAddr;

use serde_json::json;

use super::{before, three, upstream};
use crate::support::eventually;
use crate::support::farm::Instance;
use crate::support::gateway::Gateway;

/// The series of one server.
fn series(name: &str, server: &Instance) -> String {
    format!("gateway_upstream_server_{name}{{server=\"{}\",upstream=\"app\"}}", server.address)
}

/// Of as many clients: what one alone meets takes no server out.
fn statuses(gateway: &Gateway, count: usize) -> Vec<u16> {
    let client = gateway.client();
    let of = |at: usize| client.get("/app").header("x-forwarded-for", &format!("192.0.2.{at}"));
    (0..count).map(|at| of(at).send().status).collect()
}

#[test]
fn no_get_fails_when_a_server_is_killed() {
    let mut servers = three();
    let gateway = before(&servers, "").start();
    let client = gateway.client();
    for round in 0..60 {
        if round == 20 {
            servers[1].kill();
        }
        let reply = client.get("/app").send();
        assert_eq!(reply.status, 200, "{round}: {}", reply.text());
    }
    assert!(gateway.metric("gateway_upstream_retries_total{upstream=\"app\"}") >= 1.0);
}

#[test]
fn a_get_whose_connection_breaks_is_asked_of_another_server() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers[0].hang_up(true);
    let gateway = before(&servers, "").start();
    assert_eq!(statuses(&gateway, 6), [200; 6]);
    assert!(servers[0].count() >= 1);
}

#[test]
fn a_post_that_may_have_been_received_is_not_repeated() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers.iter().for_each(|server| server.hang_up(true));
    let gateway = before(&servers, "eject_after = 0").start();
    for number in 1..=6 {
        let reply = gateway.client().post("/app").body("x").send();
        assert_eq!((reply.status, reply.code().as_str()), (502, "upstream_unreachable"));
        assert_eq!(servers.iter().map(Instance::count).sum::<usize>(), number);
    }
}

#[test]
fn a_post_that_was_never_sent_goes_to_another_server() {
    let mut servers = three();
    servers[0].kill();
    let gateway = before(&servers, "eject_after = 0").start();
    for _ in 0..9 {
        assert_eq!(gateway.client().post("/app").body("x").send().status, 200);
    }
    let bodies: Vec<_> = servers.iter().flat_map(Instance::arrived).map(|arrived| arrived.body).collect();
    assert_eq!(bodies, vec![b"x".to_vec(); 9]);
}

#[test]
fn without_retries_each_failure_is_told() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers[0].hang_up(true);
    let gateway = before(&servers, "retries = 0\neject_after = 0").start();
    let mut statuses = statuses(&gateway, 4);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
}

#[test]
fn a_server_that_fails_its_checks_gets_no_requests_until_it_passes_them() {
    let servers = [Instance::start("a"), Instance::start("b")];
    let health = "health = { path = \"/healthz\", interval_ms = 50, unhealthy_after = 2, healthy_after = 2 }";
    let gateway = before(&servers, health).start();
    let healthy = series("healthy", &servers[0]);
    eventually("it is healthy", || gateway.metric(&healthy) == 1.0);
    servers[0].ill(true);
    eventually("it is unhealthy", || gateway.metric(&healthy) == 0.0);
    let before = servers[0].count();
    assert_eq!(statuses(&gateway, 10), [200; 10]);
    assert_eq!(servers[0].count(), before);
    let line = gateway.line("a server fails its health checks");
    let address = servers[0].address.to_string();
    assert_eq!((&line["upstream"], &line["server"]), (&json!("app"), &json!(address)));
    assert_eq!(line["error"], "it answered 503, and 200 is expected");
    servers[0].ill(false);
    eventually("it is healthy again", || gateway.metric(&healthy) == 1.0);
    assert_eq!(gateway.line("a server passes its health checks again")["server"], address);
    assert_eq!(statuses(&gateway, 10), [200; 10]);
    assert!(servers[0].count() > before);
}

#[test]
fn a_check_without_a_path_is_that_a_connection_is_accepted() {
    let mut servers = [Instance::start("a"), Instance::start("b")];
    let gateway =
        before(&servers, "health = { interval_ms = 50, unhealthy_after = 1, healthy_after = 1 }").start();
    servers[0].kill();
    let healthy = series("healthy", &servers[0]);
    eventually("it is unhealthy", || gateway.metric(&healthy) == 0.0);
    servers[0].revive();
    eventually("it is healthy again", || gateway.metric(&healthy) == 1.0);
}

#[test]
fn when_no_server_is_healthy_requests_get_503_until_one_is() {
    let servers = [Instance::start("a"), Instance::start("b")];
    let health = "health = { path = \"/healthz\", interval_ms = 50, unhealthy_after = 1, healthy_after = 1 }";
    let gateway = before(&servers, health).start();
    servers.iter().for_each(|server| server.ill(true));
    eventually("no server is healthy", || gateway.client().get("/app").send().status == 503);
    let reply = gateway.client().get("/app").send();
    assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("no_healthy_upstream", "1"));
    assert_eq!(gateway.ready().status, 200, "the gateway itself is ready");
    servers[1].ill(false);
    eventually("a server is healthy", || gateway.client().get("/app").send().status == 200);
}

#[test]
fn a_server_that_fails_several_times_in_a_row_is_left_out_for_a_while() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers[0].hang_up(true);
    let gateway = before(&servers, "eject_after = 3\neject_ms = 5000").start();
    let (healthy, ejections) = (series("healthy", &servers[0]), series("ejections_total", &servers[0]));
    eventually("it is left out", || {
        assert_eq!(statuses(&gateway, 2), [200; 2]);
        gateway.metric(&ejections) == 1.0
    });
    let failed = servers[0].count();
    assert_eq!(failed, 3);
    assert_eq!(statuses(&gateway, 10), [200; 10]);
    assert_eq!(servers[0].count(), failed);
    assert_eq!(gateway.metric(&healthy), 0.0);
    let line = gateway.line("a server is left out");
    assert_eq!((&line["upstream"], &line["server"]), (&json!("app"), &json!(servers[0].address.to_string())));
    servers[0].hang_up(false);
    eventually("it is back", || gateway.metric(&healthy) == 1.0);
    assert_eq!(statuses(&gateway, 4), [200; 4]);
    assert!(servers[0].count() > failed);
}

/// A server of HTTP/2 that resets the stream of `/app/boom`, and answers all others.
fn resetting() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, mut answer))) = connection.accept().await {
                        if request.uri().path() == "/app/boom" {
                            answer.send_reset(h2::Reason::INTERNAL_ERROR);
                        } else {
                            let head = http::Response::new(());
                            let mut body = answer.send_response(head, false).unwrap();
                            body.send_data("fine".into(), true).unwrap();
                        }
                    }
                });
            }
        });
    });
    address
}

#[test]
fn the_reset_of_one_stream_does_not_count_against_its_server() {
    let servers = [resetting(), resetting()].map(|address| format!("{{ address = \"{address}\" }}"));
    let gateway = upstream(&servers.join(", "), "protocol = \"http2\"\neject_after = 1").start();
    for _ in 0..6 {
        assert_eq!(gateway.client().get("/app/boom").send().status, 502);
        assert_eq!(gateway.client().get("/app/else").send().text(), "fine");
    }
    let metrics = gateway.metrics();
    let ejections: Vec<_> =
        metrics.lines().filter(|line| line.starts_with("gateway_upstream_server_ejections_total")).collect();
    assert!(ejections.len() == 2 && ejections.iter().all(|line| line.ends_with(" 0")), "{ejections:?}");
}

#[test]
fn statuses_count_as_failures_only_where_that_is_asked_for() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers[0].answer_with(503);
    let lenient = before(&servers, "eject_after = 2").start();
    let strict = before(&servers, "eject_after = 2\neject_statuses = [503]").start();
    let bad = |gateway: &Gateway| statuses(gateway, 20).iter().filter(|status| **status == 503).count();
    assert_eq!((bad(&lenient), bad(&strict)), (10, 2));
}

#[test]
fn the_last_server_is_never_left_out() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers.iter().for_each(|server| server.answer_with(503));
    let gateway = before(&servers, "eject_after = 1\neject_statuses = [503]").start();
    assert_eq!(statuses(&gateway, 10), [503; 10]);
    assert_eq!(servers.iter().map(Instance::count).sum::<usize>(), 10);
    let ejected: f64 = servers.iter().map(|server| gateway.metric(&series("ejections_total", server))).sum();
    assert_eq!(ejected, 1.0);
}
