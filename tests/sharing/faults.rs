//! The database is frozen, killed, restarted: nobody revoked gets in, nobody waits for long, nothing that
//! was acknowledged is lost, and it heals by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::json;

use super::{ask, on};
use crate::support::gateway::Setup;
use crate::support::people::PASSWORD;
use crate::support::postgres::Postgres;
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

#[test]
fn a_frozen_database_stops_verification_within_the_bound_and_holds_nobody_up() {
    let (server, upstream) = (Postgres::start(), Upstream::start());
    let url = server.database();
    let gateway = on(&url, &upstream).env("GATEWAY__STORE__TIMEOUT_MS", "1500").start();
    let ada = gateway.user();
    assert_eq!(ask(&gateway, &ada.access).status, 200);
    let frozen = server.freeze();
    let clock = Stopwatch::start();
    // While the view is young enough, a look-up in memory decides.
    let mut accepted_last = Duration::ZERO;
    let refused = loop {
        let begun = clock.elapsed();
        let reply = ask(&gateway, &ada.access);
        if reply.status != 200 {
            break reply;
        }
        accepted_last = begun;
        assert!(begun < Duration::from_secs(5), "it is still accepted after {begun:?}");
    };
    assert!(accepted_last < Duration::from_millis(1_500), "accepted after {accepted_last:?}");
    assert_eq!((refused.status, refused.code().as_str()), (503, "revocation_unavailable"));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    // Nobody waits for longer than the time-out.
    let login = json!({"email": ada.email, "password": PASSWORD});
    for (what, ask) in [
        ("verification", gateway.client().get("/api/todos").bearer(&ada.access)),
        ("a login", gateway.client().post("/api/auth/login").json(&login)),
        ("a logout", gateway.client().post("/api/auth/logout").bearer(&ada.access)),
    ] {
        let clock = Stopwatch::start();
        assert_eq!(ask.send().status, 503, "{what}");
        assert!(clock.elapsed() < Duration::from_secs(6), "{what} took {:?}", clock.elapsed());
    }
    assert_eq!(gateway.ready().status, 503);
    assert_eq!(gateway.metric("gateway_revocation_store_up"), 0.0);
    drop(frozen);
    eventually("it is ready again", || gateway.ready().status == 200);
    assert_eq!(gateway.log_in(&ada.email, PASSWORD).id, ada.id);
}

#[test]
fn a_server_that_is_killed_loses_nothing_that_was_acknowledged_and_is_followed_again() {
    let (mut server, upstream) = (Postgres::start(), Upstream::start());
    let url = server.database();
    let [a, b] = [(); 2].map(|()| on(&url, &upstream).start());
    let ended = a.user();
    assert_eq!(ended.log_out().status, 200);
    let acknowledged = std::sync::Mutex::new(Vec::new());
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for gateway in [&a, &b] {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let email = crate::support::people::fresh_email();
                    let body = json!({"email": email, "password": PASSWORD});
                    let reply = gateway.client().post("/api/auth/register").json(&body).send();
                    assert!([201, 503].contains(&reply.status), "{} {}", reply.status, reply.text());
                    if reply.status == 201 {
                        acknowledged.lock().unwrap().push(email);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let _over = SetOnDrop(&over);
        for _ in 0..3 {
            let before = count.load(Ordering::Relaxed);
            eventually("they register", || count.load(Ordering::Relaxed) > before + 3);
            server.restart();
        }
        let before = count.load(Ordering::Relaxed);
        eventually("they register again", || count.load(Ordering::Relaxed) > before + 3);
    });
    for email in acknowledged.into_inner().unwrap() {
        b.log_in(&email, PASSWORD);
    }
    for gateway in [&a, &b] {
        assert_eq!(ask(gateway, &ended.access).status, 401, "what was revoked stays so");
        assert_eq!(gateway.ready().status, 200);
    }
    let (status, out, errors) = a.run(&["audit", "verify"]);
    assert_eq!(status, 0, "{out} {errors}");
}

#[test]
fn each_answered_act_is_in_the_trail_after_a_gateway_was_killed() {
    let (server, upstream) = (Postgres::shared(), Upstream::start());
    let url = server.database();
    let stays = on(&url, &upstream).start();
    let answered = std::sync::Mutex::new(Vec::new());
    for _ in 0..3 {
        let mut killed = on(&url, &upstream).start();
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let email = crate::support::people::fresh_email();
                        let body = json!({"email": email, "password": PASSWORD});
                        let request = killed.client().post("/api/auth/register").json(&body);
                        let Ok(reply) = request.try_send() else { return };
                        assert_eq!(reply.status, 201, "{}", reply.text());
                        answered.lock().unwrap().push(reply.header("x-request-id").to_owned());
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            eventually("they register", || count.load(Ordering::Relaxed) >= 6);
            killed.signal(rustix::process::Signal::KILL);
        });
        killed.kill();
    }
    let (status, out, errors) = stays.run(&["audit", "verify"]);
    assert_eq!(status, 0, "{out} {errors}");
    let database = url.rsplit('/').next().unwrap();
    let lines = server.sql(database, "SELECT line FROM gateway.audit ORDER BY seq");
    for id in answered.into_inner().unwrap() {
        assert!(lines.contains(&id), "{id} was answered, and is not recorded");
    }
}

#[test]
fn a_password_that_was_changed_is_read_anew_without_a_restart() {
    let (server, upstream, folder) = (Postgres::start(), Upstream::start(), tempfile::tempdir().unwrap());
    let url = server.database();
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let gateway = Setup::before(upstream.address).env("DATABASE_URL_FILE", file.to_str().unwrap()).start();
    let ada = gateway.user();
    std::fs::write(&file, url.replace("tests-only", "CANARY-next-password")).unwrap();
    server.sql("postgres", "ALTER ROLE gateway PASSWORD 'CANARY-next-password'");
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE application_name = 'gateway'";
    server.sql("postgres", others);
    eventually("it is followed again", || ask(&gateway, &ada.access).status == 200);
    assert_eq!(gateway.log_in(&ada.email, PASSWORD).id, ada.id);
    assert!(!gateway.log().contains("CANARY-next-password"));
}

#[test]
fn another_server_takes_over_and_what_was_revoked_stays_so() {
    let (first, upstream) = (Postgres::start(), Upstream::start());
    let standby = first.standby();
    let url = first.url_with(&standby, &first.database());
    let [a, b] = [(); 2].map(|()| on(&url, &upstream).start());
    let (ada, ended) = (a.user(), b.user());
    assert_eq!(ended.log_out().status, 200);
    let behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()";
    eventually("the standby has it all", || {
        first.sql("postgres", "SELECT count(*) FROM pg_stat_replication") == "1"
            && first.sql("postgres", behind) == "0"
    });
    drop(first);
    standby.promote();
    let clock = Stopwatch::start();
    for gateway in [&a, &b] {
        eventually("it goes on", || ask(gateway, &ada.access).status == 200);
        assert_eq!(ask(gateway, &ended.access).status, 401);
    }
    println!("verified again {:?} after the promotion", clock.elapsed());
    eventually("they log in", || {
        let login = json!({"email": ada.email, "password": PASSWORD});
        a.client().post("/api/auth/login").json(&login).send().status == 200
    });
    println!("logged in again {:?} after the promotion", clock.elapsed());
    let again = b.user();
    assert_eq!(again.log_out().status, 200);
    eventually("the new one is followed", || ask(&a, &again.access).status == 401);
}
