//! Redis is killed, stops, comes back, forgets everything: nobody revoked gets in, nobody good is
//! told to log in again, and it heals by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::forge::{claims, now};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::people::Person;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

const REDIS_PASSWORD: &str = "CANARY-redis-password";

pub(super) fn before(upstream: &Upstream, redis: &Redis) -> Setup {
    // A machine under load is slow: the time-out has a test of its own.
    let patience = ("GATEWAY__REDIS__CHECK_TIMEOUT_MS", "1000");
    Setup::before(upstream.address).unlimited().redis(&redis.url()).env(patience.0, patience.1)
}

pub(super) fn ask(gateway: &Gateway, token: &str) -> Reply {
    gateway.client().get("/api/todos").bearer(token).send()
}

#[track_caller]
pub(super) fn is_unavailable(reply: &Reply) {
    assert_eq!((reply.status, reply.code().as_str()), (503, "revocation_unavailable"), "{}", reply.text());
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(reply.header("www-authenticate"), "", "the token may be good: it is to be kept");
}

/// Everybody's answers while something happened to Redis, by status and code.
type Answers = BTreeMap<(u16, String), usize>;

/// Asks all the time for somebody good and for somebody revoked, while `trouble` happens.
fn under_load(
    gateway: &Gateway,
    good: &Person,
    revoked: &Person,
    trouble: impl FnOnce(),
) -> (Answers, Answers) {
    let (over, good_answers, revoked_answers) =
        (AtomicBool::new(false), Mutex::new(Answers::new()), Mutex::new(Answers::new()));
    std::thread::scope(|scope| {
        for (person, answers) in [(good, &good_answers), (revoked, &revoked_answers)] {
            for _ in 0..3 {
                let (over, client) = (&over, gateway.client());
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        let reply = client.get("/api/todos").bearer(&person.access).send();
                        if reply.status == 503 {
                            is_unavailable(&reply);
                        }
                        let code = if reply.status == 200 { String::new() } else { reply.code() };
                        *answers.lock().unwrap().entry((reply.status, code)).or_default() += 1;
                    }
                });
            }
        }
        let _over = SetOnDrop(&over);
        trouble();
        let healed =
            || ask(gateway, &good.access).status == 200 && ask(gateway, &revoked.access).status == 401;
        eventually("it heals by itself", healed);
    });
    (good_answers.into_inner().unwrap(), revoked_answers.into_inner().unwrap())
}

fn statuses(answers: &Answers) -> Vec<u16> {
    answers.keys().map(|(status, _)| *status).collect()
}

/// Nobody revoked got in, and nobody good was told that the token is bad.
fn assert_closed((good, revoked): &(Answers, Answers)) {
    assert!(statuses(good).iter().all(|status| [200, 503].contains(status)), "{good:?}");
    assert!(statuses(revoked).iter().all(|status| [401, 503].contains(status)), "{revoked:?}");
}

/// A gateway with somebody good and somebody who has logged out.
pub(super) fn ready(setup: Setup) -> (Gateway, Person, Person) {
    let gateway = setup.start();
    eventually("Redis is connected", || gateway.ready().status == 200);
    let (good, revoked) = (gateway.user(), gateway.user());
    assert_eq!(ask(&gateway, &good.access).status, 200);
    assert_eq!(revoked.log_out().status, 200);
    assert_eq!(ask(&gateway, &revoked.access).code(), "token_revoked");
    (gateway, good, revoked)
}

#[test]
fn a_killed_redis_fails_closed_and_one_that_comes_back_empty_is_rebuilt() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let (gateway, good, revoked) = ready(before(&upstream, &redis));
    let answers = under_load(&gateway, &good, &revoked, || {
        redis.kill();
        eventually("it is refused", || ask(&gateway, &good.access).status == 503);
        assert_eq!(ask(&gateway, &revoked.access).code(), "token_revoked", "that needs no Redis");
        redis.restart();
    });
    assert_closed(&answers);
    assert!(statuses(&answers.0).contains(&503) && statuses(&answers.0).contains(&200));
    println!("killed and restarted: {answers:?}");
    assert!(gateway.metric("gateway_revocation_store_rebuilds_total") >= 1.0);
}

#[test]
fn a_redis_that_hangs_fails_closed_within_the_time_for_a_check() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let setup = before(&upstream, &redis).env("GATEWAY__REDIS__CHECK_TIMEOUT_MS", "500");
    let (gateway, good, revoked) = ready(setup);
    let answers = under_load(&gateway, &good, &revoked, || {
        redis.pause();
        eventually("it is refused", || ask(&gateway, &good.access).status == 503);
        let asked = gateway_clock::Stopwatch::start();
        is_unavailable(&ask(&gateway, &good.access));
        assert!(asked.elapsed() < std::time::Duration::from_secs(3), "nobody waits for it");
        redis.resume();
    });
    assert_closed(&answers);
    let errors = ["timeout", "error"]
        .map(|result| gateway.metric(&format!("gateway_revocation_checks_total{{result=\"{result}\"}}")));
    assert!(errors.iter().sum::<f64>() >= 2.0, "{errors:?}");
}

#[test]
fn a_flush_does_not_let_anybody_in_again() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (gateway, good, revoked) = ready(before(&upstream, &redis));
    let jti = claims(&revoked.access)["jti"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        let answers = under_load(&gateway, &good, &revoked, || redis.flushall());
        assert_closed(&answers);
    }
    eventually("the entry is there again", || redis.cli(&["EXISTS", &format!("blacklist:{jti}")]) == "1");
    assert!(gateway.metric("gateway_revocation_store_data_losses_total") >= 1.0);
}

#[test]
fn a_logout_while_redis_is_away_is_503_and_closes_the_session_all_the_same() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let folder = tempfile::tempdir().unwrap();
    let (mut gateway, good, _) = ready(before(&upstream, &redis).data(folder.path()));
    let other = gateway.user();
    redis.kill();
    for person in [&good, &other] {
        is_unavailable(&person.log_out());
    }
    let renew = |gateway: &Gateway, person: &Person| {
        let body = json!({"refresh_token": person.refresh});
        gateway.client().post("/api/auth/refresh").json(&body).send().status
    };
    assert_eq!(renew(&gateway, &good), 401, "the session is closed at once");
    redis.restart();
    assert_eq!(ask(&gateway, &good.access).code(), "token_revoked");
    let key = format!("blacklist:{}", claims(&good.access)["jti"].as_str().unwrap());
    eventually("it is known to Redis, too", || redis.cli(&["EXISTS", &key]) == "1");
    // And it was durable: another start, without any Redis, knows it as well.
    gateway.kill();
    let again = Setup::before(upstream.address).data(folder.path()).start();
    assert_eq!(ask(&again, &other.access).code(), "token_revoked");
    assert_eq!(renew(&again, &other), 401);
}

#[test]
fn a_gateway_that_starts_without_its_redis_waits_for_it() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    redis.kill();
    let gateway = before(&upstream, &redis).start();
    assert_eq!(gateway.ready().status, 503);
    assert_eq!(gateway.operator().get("/healthz").send().status, 200);
    assert_eq!(gateway.client().get("/api/todos").send().code(), "token_missing", "that needs no Redis");
    let ada = gateway.user();
    is_unavailable(&ask(&gateway, &ada.access));
    redis.restart();
    eventually("it serves", || ask(&gateway, &ada.access).status == 200);
}

#[test]
fn failing_open_must_be_asked_for_and_is_counted_and_warned_of() {
    let (upstream, mut redis) = (Upstream::start(), Redis::start());
    let setup = before(&upstream, &redis).env("GATEWAY__REDIS__FAIL", "open");
    let (gateway, good, revoked) = ready(setup);
    gateway.says("redis.fail = \\\"open\\\"");
    assert_eq!(gateway.metric("gateway_revocation_fail_open_total"), 0.0);
    redis.kill();
    eventually("it passes", || {
        let passed = gateway.metric("gateway_revocation_fail_open_total") > 0.0;
        assert_eq!(ask(&gateway, &good.access).status, 200);
        passed
    });
    eventually("it is warned of", || gateway.log().contains("requests pass without a check for revocation"));
    let leaving = gateway.user();
    is_unavailable(&leaving.log_out());
    for person in [&revoked, &leaving] {
        assert_eq!(
            ask(&gateway, &person.access).code(),
            "token_revoked",
            "what is known here needs no Redis"
        );
    }
    assert_eq!(gateway.ready().status, 503);
    redis.restart();
    eventually("it checks again", || gateway.ready().status == 200);
    assert_eq!(ask(&gateway, &good.access).status, 200);
}

#[test]
fn the_blacklist_holds_the_token_for_as_long_as_it_could_be_used() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let setup = before(&upstream, &redis).env("GATEWAY__TOKENS__ACCESS_LIFETIME_SECONDS", "600");
    let (_gateway, _, revoked) = ready(setup);
    let claims = claims(&revoked.access);
    let key = format!("blacklist:{}", claims["jti"].as_str().unwrap());
    let left = claims["exp"].as_u64().unwrap() - now();
    let ttl: u64 = redis.cli(&["TTL", &key]).parse().unwrap();
    assert!((left.saturating_sub(2)..=left + 10).contains(&ttl), "TTL {ttl}, the token lives {left} s");
    assert!(!redis.cli(&["KEYS", "*"]).contains("eyJ"), "no token is in Redis");
}

#[test]
fn a_redis_with_a_password_and_a_database_number_is_used() {
    let (upstream, redis) = (Upstream::start(), Redis::with_password(REDIS_PASSWORD));
    let url = format!("{}/3", redis.url());
    let (gateway, good, revoked) = ready(before(&upstream, &redis).redis(&url));
    let key = format!("blacklist:{}", claims(&revoked.access)["jti"].as_str().unwrap());
    assert_eq!(redis.cli_in(3, &["EXISTS", &key]), "1");
    assert_eq!(redis.cli_in(0, &["DBSIZE"]), "0");
    assert_eq!(ask(&gateway, &good.access).status, 200);
}

#[test]
fn a_wrong_password_for_redis_fails_closed_and_is_never_told() {
    let (upstream, redis) = (Upstream::start(), Redis::with_password(REDIS_PASSWORD));
    let url = redis.url().replace(REDIS_PASSWORD, "CANARY-wrong-password");
    let gateway = before(&upstream, &redis).redis(&url).start();
    let ada = gateway.user();
    is_unavailable(&ask(&gateway, &ada.access));
    let ready = gateway.ready();
    assert_eq!(ready.status, 503);
    assert_ne!(ready.json()["checks"]["revocations"], "ok");
    assert!(!ready.text().contains("CANARY"), "{}", ready.text());
    assert!(!gateway.metrics().contains("CANARY"));
}
