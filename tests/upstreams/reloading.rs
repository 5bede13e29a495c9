//! What a reload keeps of upstreams, and what it changes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{before, upstream};
use crate::support::farm::Instance;
use crate::support::keeper::{Keeper, Temper};
use crate::support::raw::Raw;
use crate::support::{SetOnDrop, eventually};

fn ejected(server: &Instance) -> String {
    format!("gateway_upstream_server_healthy{{server=\"{}\",upstream=\"app\"}}", server.address)
}

#[test]
fn an_unchanged_upstream_keeps_what_it_knows_of_its_servers() {
    let servers = [Instance::start("a"), Instance::start("b")];
    servers[0].hang_up(true);
    let setup = before(&servers, "eject_after = 1\neject_ms = 300000");
    let gateway = setup.clone().start();
    let client = gateway.client();
    let mut clients = 1..;
    eventually("the broken one is left out", || {
        // What one client alone meets is not enough.
        let address = format!("192.0.2.{}", clients.next().unwrap() % 250);
        assert_eq!(client.get("/app").header("x-forwarded-for", &address).send().status, 200);
        gateway.metric(&ejected(&servers[0])) == 0.0
    });
    assert!(gateway.reload(&setup.clone().route("more", "/more", "app", "auth = \"public\"")));
    assert_eq!(client.get("/more").send().status, 200);
    assert_eq!(gateway.metric(&ejected(&servers[0])), 0.0, "it is left out still");
    // With other settings it is another one, that begins anew.
    assert!(gateway.reload(&before(&servers, "eject_after = 2\neject_ms = 300000")));
    assert_eq!(gateway.metric(&ejected(&servers[0])), 1.0);
}

#[test]
fn requests_that_run_end_where_they_began() {
    let (old, new) = (Instance::start("old"), Instance::start("new"));
    let to = |server: &Instance| upstream(&format!("{{ address = \"{}\" }}", server.address), "");
    let gateway = to(&old).start();
    std::thread::scope(|scope| {
        let held = scope.spawn(|| gateway.client().get("/app/hold").send().text());
        eventually("the request is held", || old.count() == 1);
        assert!(gateway.reload(&to(&new)));
        assert_eq!(gateway.client().get("/app").send().text(), "new");
        old.release();
        assert_eq!(held.join().unwrap(), "old");
    });
}

#[test]
fn connections_that_wait_end_with_their_upstream_whatever_runs_on_it() {
    let server = Keeper::start(Temper::EVEN);
    let with = |more: &str| {
        let settings = format!("idle_timeout_ms = 600000\nreuse_after_body = true\n{more}");
        upstream(&format!("{{ address = \"{}\" }}", server.address), &settings)
    };
    let gateway = with("").start();
    let mut long = Raw::connect(gateway.address);
    long.send("PUT /app HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncon");
    eventually("it is under way", || server.asked() == [0]);
    assert_eq!(gateway.client().get("/app").send().status, 200);
    assert_eq!((server.asked(), server.open()), (vec![0, 1], 2));
    assert!(gateway.reload(&with("retries = 2")));
    eventually("the one that waits is closed", || server.open() == 1);
    assert_eq!(long.send("tent").reply().unwrap().status, 200);
    eventually("and none is kept later", || server.open() == 0);
}

#[test]
fn no_connection_of_an_upstream_that_was_replaced_carries_a_request_of_the_next_one() {
    let server = Keeper::start(Temper::EVEN);
    let with = |more: &str| {
        let settings = format!("idle_timeout_ms = 600000\n{more}");
        upstream(&format!("{{ address = \"{}\" }}", server.address), &settings)
    };
    let gateway = with("").start();
    let ask = || {
        std::thread::scope(|scope| {
            (0..8).for_each(|_| drop(scope.spawn(|| gateway.client().get("/app").send())));
        });
        let asked: BTreeSet<_> = server.asked().into_iter().collect();
        asked
    };
    let old = ask();
    assert!(gateway.reload(&with("retries = 2")));
    let both = ask();
    let last = &server.asked()[8..];
    assert!(last.iter().all(|connection| !old.contains(connection)), "{old:?}, {last:?}");
    eventually("the old ones are closed", || server.open() <= both.len() - old.len());
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    let servers = [Instance::start("a"), Instance::start("b"), Instance::start("c")];
    let some = |count: usize, more: &str| before(&servers[..count], more);
    let gateway = some(3, "").start();
    let token = gateway.user().access;
    let setups = [
        some(3, "balance = \"least_connections\"").route("mine", "/mine", "app", ""),
        some(2, "").route("mine", "/mine", "app", ""),
        some(3, "retries = 2").route("mine", "/mine", "app", "roles = [\"user\"]"),
        some(1, "health = { interval_ms = 100 }").route("mine", "/mine", "app", ""),
    ];
    assert!(gateway.reload(&setups[0]));
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let client = gateway.client();
                    while !stop.load(Ordering::Relaxed) {
                        let open = client.get("/app").send();
                        let mine = client.get("/mine").bearer(&token).send();
                        assert_eq!((open.status, mine.status), (200, 200), "{} {}", open.text(), mine.text());
                        asked.fetch_add(2, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        {
            let _stop = SetOnDrop(&stop);
            for number in 0..100 {
                assert!(gateway.reload(&setups[number % setups.len()]));
            }
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    assert!(asked.load(Ordering::Relaxed) > 500, "{asked:?}");
}
