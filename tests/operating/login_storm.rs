//! Logins at many times what can be hashed: the excess is shed, and verified requests do not notice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;

use serde_json::json;

use crate::support::gateway::{Gateway, Setup};
use crate::support::people::{PASSWORD, Person};
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

/// Clients that log in all the time. One password thread and a queue of eight are their match.
const STORMERS: usize = 24;
const VERIFIED: usize = 400;

/// A short queue, so that a test can fill it; the time of waiting in it is long.
fn storm_setup(upstream: &Upstream) -> Setup {
    Setup::before(upstream.address)
        .unlimited()
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("GATEWAY__PASSWORD__THREADS", "1")
        .env("GATEWAY__PASSWORD__QUEUE", "8")
}

#[derive(Default)]
struct Storm {
    over: AtomicBool,
    served: AtomicUsize,
    shed: AtomicUsize,
}

impl Storm {
    /// Logs in until the storm is over. Whoever is shed asks again at once, as an attacker would.
    fn rage(&self, gateway: &Gateway, from: &str, email: &str) {
        while !self.over.load(Ordering::Relaxed) {
            let reply = gateway.try_log_in_from(from, email, PASSWORD);
            if reply.status == 200 {
                self.served.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            assert_eq!((reply.status, reply.code().as_str()), (503, "hashing_overloaded"));
            assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
            self.shed.fetch_add(1, Ordering::Relaxed);
            // Our own threads share the machine with the gateway: they must not be what is measured.
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// Verified requests, one after the other: how long each took, in order of length.
fn verified(person: &Person) -> Vec<Duration> {
    let one = || {
        let begun = Stopwatch::start();
        let reply = person.get("/api/todos");
        assert_eq!(reply.status, 200, "{}", reply.text());
        begun.elapsed()
    };
    let mut times: Vec<_> = (0..VERIFIED).map(|_| one()).collect();
    times.sort();
    times
}

fn mean_hash(gateway: &Gateway) -> Duration {
    let busy = gateway.metric("gateway_password_hash_duration_seconds_sum");
    Duration::from_secs_f64(busy / gateway.metric("gateway_password_hash_jobs_total{result=\"done\"}"))
}

#[test]
fn a_login_storm_is_shed_and_does_not_delay_verified_requests() {
    let upstream = Upstream::start();
    let gateway = storm_setup(&upstream).start();
    let ada = gateway.user();
    let alone = verified(&ada);
    let storm = Storm::default();
    let stormy = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..STORMERS {
            scope.spawn(|| storm.rage(&gateway, "203.0.113.1", &ada.email));
        }
        let _over = SetOnDrop(&storm.over);
        eventually("logins are shed", || storm.shed.load(Ordering::Relaxed) > STORMERS);
        *stormy.lock().unwrap() = verified(&ada);
    });
    let stormy = stormy.into_inner().unwrap();
    let (served, shed) = (storm.served.into_inner(), storm.shed.into_inner());
    let hash = mean_hash(&gateway);
    let figures = |times: &[Duration]| (times[VERIFIED / 2], times[VERIFIED * 99 / 100]);
    let ((median, p99), (median_storm, p99_storm)) = (figures(&alone), figures(&stormy));
    println!(
        "verified requests: median {median:?} and p99 {p99:?} alone, {median_storm:?} and {p99_storm:?} \
         in a storm of {STORMERS} clients; {served} logins served, {shed} shed; a hash took {hash:?}"
    );
    assert!(served > 0, "the storm starved every login");
    assert!(median_storm < hash, "a verified request waits as long as a hash takes");
    assert!(gateway.metric("gateway_password_hash_jobs_total{result=\"shed\"}") >= 1.0);
    assert_eq!(gateway.log_in(&ada.email, PASSWORD).id, ada.id, "it is over");
    assert_eq!(gateway.metric("gateway_password_hash_queue_depth"), 0.0);
}

/// Many networks of one /48 are one of those who wait.
#[test]
fn a_storm_from_elsewhere_leaves_everybody_a_turn() {
    let upstream = Upstream::start();
    let gateway = storm_setup(&upstream).start();
    let ada = gateway.user();
    let (storm, email) = (&Storm::default(), ada.email.as_str());
    let served = std::thread::scope(|scope| {
        let _over = SetOnDrop(&storm.over);
        for number in 0..STORMERS {
            let many = || format!("2001:db8:1:{number:x}::1");
            let from = if number.is_multiple_of(2) { many() } else { "203.0.113.1".to_owned() };
            let gateway = &gateway;
            scope.spawn(move || storm.rage(gateway, &from, email));
        }
        eventually("logins are shed", || storm.shed.load(Ordering::Relaxed) > STORMERS);
        let log_in = |_| gateway.try_log_in_from("192.0.2.1", email, PASSWORD).status;
        (0..8).map(log_in).collect::<Vec<_>>()
    });
    assert_eq!(served, [200; 8]);
}

#[test]
fn who_waited_too_long_for_a_hash_is_shed_as_well() {
    let upstream = Upstream::start();
    let setup = storm_setup(&upstream)
        .env("GATEWAY__PASSWORD__QUEUE", "64")
        .env("GATEWAY__PASSWORD__WAIT_MAX_MS", "1");
    let gateway = setup.env("GATEWAY_ADMIN_EMAIL", "").env("GATEWAY_ADMIN_PASSWORD", "").start();
    let body = json!({"email": "nobody@example.com", "password": PASSWORD});
    let answers = crate::support::in_parallel(16, |_| {
        let reply = gateway.client().post("/api/auth/login").json(&body).send();
        (reply.status, reply.code())
    });
    let shed = answers.iter().filter(|answer| **answer == (503, "hashing_overloaded".to_owned())).count();
    let answered = answers.iter().filter(|answer| answer.0 == 401).count();
    assert!(shed >= 1 && shed + answered == answers.len(), "{answers:?}");
}

#[test]
fn registrations_are_shed_in_a_storm_too() {
    let upstream = Upstream::start();
    let gateway = storm_setup(&upstream).env("GATEWAY__PASSWORD__QUEUE", "1").start();
    let answers = crate::support::in_parallel(24, |number| {
        let body = json!({"email": format!("stormer{number}@example.com"), "password": PASSWORD});
        let reply = gateway.client().post("/api/auth/register").json(&body).send();
        assert!(reply.status == 201 || reply.code() == "hashing_overloaded", "{}", reply.text());
        reply.status
    });
    assert!(answers.contains(&201) && answers.contains(&503), "{answers:?}");
    let known = gateway.admin().get("/api/auth/users").json()["users"].as_array().unwrap().len();
    let made = answers.iter().filter(|status| **status == 201).count();
    assert_eq!(known, made + 1, "who was shed has no account");
}
