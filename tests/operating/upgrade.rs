//! Another binary takes the place of the one that runs, and no client notices.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use rustix::process::Signal;

use crate::support::authority::{Authority, Encrypted};
use crate::support::gateway::{Gateway, Setup};
use crate::support::raw::{Raw, exchange};
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually, in_parallel};

/// Sends SIGUSR2, and waits until the next one listens.
pub(super) fn upgrade(gateway: &Gateway) {
    let starts = || gateway.log().matches("\"message\":\"listening\"").count();
    let before = starts();
    gateway.signal(Signal::USR2);
    eventually("the next one listens", || starts() > before);
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[test]
fn no_request_fails_on_kept_connections_or_on_new_ones() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).unlimited().start();
    let token = gateway.user().access;
    let ask = get("/api/todos", &token);
    let (stop, asked, longest) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Duration::ZERO));
    let note = |begun: Stopwatch| {
        asked.fetch_add(1, Ordering::Relaxed);
        let mut longest = longest.lock().unwrap();
        *longest = begun.elapsed().max(*longest);
    };
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..4 {
            // One connection for the whole test: it is never closed.
            workers.push(scope.spawn(|| {
                let mut kept = Raw::connect(gateway.address);
                while !stop.load(Ordering::Relaxed) {
                    let begun = Stopwatch::start();
                    assert_eq!(kept.send(&ask).status(), Some(200), "on a kept connection");
                    note(begun);
                }
            }));
            workers.push(scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let begun = Stopwatch::start();
                    let reply = exchange(gateway.address, &ask);
                    assert_eq!(reply.map(|reply| reply.status), Some(200), "on a new connection");
                    note(begun);
                }
            }));
        }
        {
            let _stop = SetOnDrop(&stop);
            for _ in 0..5 {
                upgrade(&gateway);
                let so_far = asked.load(Ordering::Relaxed);
                eventually("requests go on", || asked.load(Ordering::Relaxed) > so_far + 200);
            }
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    println!("{asked:?} requests, none failed; the longest took {:?}", longest.lock().unwrap());
    assert_eq!(asked.load(Ordering::Relaxed), upstream.arrived().len());
}

#[test]
fn no_request_fails_on_new_encrypted_connections() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let gateway = Setup::new("").config(&crate::listening::https(&[&certified], "")).unlimited().start();
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let config = authority.client(&["http/1.1"]);
                        let mut client = Encrypted::connect(gateway.further[0], "localhost", config).unwrap();
                        assert_eq!(client.get("/nowhere").expect("an answer").status, 404);
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        {
            let _stop = SetOnDrop(&stop);
            for _ in 0..5 {
                upgrade(&gateway);
                let so_far = asked.load(Ordering::Relaxed);
                eventually("requests go on", || asked.load(Ordering::Relaxed) > so_far + 30);
            }
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn it_is_the_same_process_with_the_same_accounts_and_revocations() {
    let upstream = Upstream::start();
    let mut gateway = Setup::before(upstream.address).start();
    let (ada, ben) = (gateway.user(), gateway.user());
    let (pid, idle) = (gateway.pid(), Raw::connect(gateway.address));
    assert_eq!(ben.log_out().status, 200);
    for _ in 0..2 {
        upgrade(&gateway);
        assert!(gateway.try_wait().is_none());
        assert_eq!(gateway.pid(), pid);
        assert_eq!(ada.get("/api/todos").status, 200);
        assert_eq!(ben.get("/api/todos").status, 401);
        assert_eq!(gateway.ready().status, 200);
    }
    // One that never said a word was carried over twice.
    let mut idle = idle;
    assert_eq!(idle.send(get("/api/todos", &ada.access)).reply().unwrap().status, 200);
    assert_eq!(gateway.terminate().code(), Some(0));
}

#[test]
fn a_signal_to_stop_is_not_forgotten_over_it() {
    let codes = in_parallel(12, |number| {
        let mut gateway = Setup::new("").start();
        gateway.signal(Signal::USR2);
        // While the next one checks, drains, executes or begins.
        std::thread::park_timeout(Duration::from_millis(40 * u64::try_from(number).unwrap()));
        gateway.terminate().code()
    });
    assert_eq!(codes, [Some(0); 12]);
    // And closely around the moment when one program is gone and the next has not begun.
    let codes = in_parallel(12, |number| {
        let mut gateway = Setup::new("").start();
        gateway.signal(Signal::USR2);
        gateway.says("another binary takes over");
        std::thread::park_timeout(Duration::from_millis(8 * u64::try_from(number).unwrap()));
        gateway.terminate().code()
    });
    assert_eq!(codes, [Some(0); 12]);
}

#[test]
fn signals_that_come_while_the_next_one_begins_do_not_end_it() {
    let gateway = Setup::new("").start();
    let client = gateway.client();
    for _ in 0..3 {
        gateway.signal(Signal::USR2);
        for _ in 0..60 {
            gateway.signal(Signal::HUP);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        gateway.signal(Signal::USR2);
        assert_eq!(client.get("/nowhere").send().status, 404);
    }
}

#[test]
fn thousands_of_idle_connections_are_carried_over() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let gateway = Setup::new("").start();
    let mut idle: Vec<_> = (0..4_000).map(|_| Raw::connect(gateway.address)).collect();
    upgrade(&gateway);
    for connection in &mut idle {
        connection.send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    let answered = idle.iter_mut().filter_map(Raw::status).filter(|status| *status == 404).count();
    assert_eq!(answered, 4_000);
}

#[test]
fn running_requests_finish_first() {
    let (upstream, gate) = Upstream::gated();
    let gateway = Setup::before(upstream.address).env("GATEWAY__SERVER__UPGRADE_SECONDS", "60").start();
    let token = gateway.user().access;
    let mut running = Raw::connect(gateway.address);
    running.send(get("/api/todos", &token));
    eventually("it is at the upstream", || upstream.arrived().len() == 1);
    gateway.signal(Signal::USR2);
    gateway.says("another binary takes over");
    let mut waiting = Raw::connect(gateway.address);
    waiting.send(get("/nowhere", &token));
    gate.open();
    assert_eq!(running.reply().unwrap().status, 200);
    assert_eq!(waiting.reply().unwrap().status, 404, "it waited in the queue");
    assert_eq!(running.send(get("/api/todos", &token)).reply().unwrap().status, 200);
}

#[test]
fn a_stream_does_not_hold_it_up() {
    let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    let upstream = Upstream::answering(events);
    let gateway = Setup::before(upstream.address).env("GATEWAY__SERVER__UPGRADE_SECONDS", "3600").start();
    let mut stream = Raw::connect(gateway.address);
    stream.send(get("/api/todos", &gateway.user().access));
    assert_eq!(stream.head().unwrap().status, 200);
    upgrade(&gateway);
    assert!(stream.rest().contains("data: 1"), "and it was ended");
}

#[test]
fn a_configuration_that_the_next_one_cannot_use_changes_nothing() {
    let upstream = Upstream::start();
    let mut gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    std::fs::write(gateway.config(), "[server]\nlisten = 1").unwrap();
    gateway.signal(Signal::USR2);
    gateway.says("SIGUSR2 refused, nothing has changed");
    assert_eq!(ada.get("/api/todos").status, 200);
    assert!(gateway.try_wait().is_none());
    let mut demo = Setup::demo().start();
    demo.signal(Signal::USR2);
    demo.says("no other binary can take over from this command");
    assert_eq!(demo.terminate().code(), Some(0));
}
