//! A Redis that may throw keys away, that has, or that takes none: it is not believed, and whom this
//! gateway logged out stays out whatever becomes of Redis.

use std::sync::atomic::AtomicBool;

use super::redis_faults::{ask, before, is_unavailable, ready};
use crate::support::forge::claims;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::Person;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

fn evicting(policy: &str) -> Redis {
    Redis::with_arguments(&["--maxmemory-policy", policy])
}

/// As far as a managed service lets its customers ask.
fn managed(upstream: &Upstream, redis: &Redis) -> Setup {
    before(upstream, redis).redis(&redis.url_of_a_user_with(&["+info"]))
}

fn tolerating(setup: Setup) -> Setup {
    setup.env("GATEWAY__REDIS__EVICTION", "tolerate")
}

fn blacklisted(person: &Person) -> String {
    format!("blacklist:{}", claims(&person.access)["jti"].as_str().unwrap())
}

fn is_there(redis: &Redis, person: &Person) -> bool {
    redis.cli(&["EXISTS", &blacklisted(person)]) == "1"
}

/// People who have logged out, and are known to Redis.
fn logged_out<const COUNT: usize>(gateway: &Gateway, redis: &Redis) -> [Person; COUNT] {
    eventually("Redis is connected", || gateway.ready().status == 200);
    std::array::from_fn(|_| {
        let person = gateway.user();
        assert_eq!(person.log_out().status, 200);
        assert!(is_there(redis, &person));
        person
    })
}

#[track_caller]
fn is_not_believed(gateway: &Gateway, person: &Person, policy: &str) {
    is_unavailable(&ask(gateway, &person.access));
    let ready = gateway.ready();
    assert_eq!(ready.status, 503);
    for words in [policy, "noeviction", "redis.eviction"] {
        assert!(ready.text().contains(words), "{words}: {}", ready.text());
    }
}

#[test]
fn a_redis_that_may_evict_is_not_ready_and_fails_closed_until_it_may_not() {
    for (policy, allowed) in [("volatile-lru", "+info"), ("allkeys-lru", "+config|get")] {
        let (upstream, redis) = (Upstream::start(), evicting(policy));
        let url = redis.url_of_a_user_with(&[allowed]);
        let gateway = before(&upstream, &redis).redis(&url).start();
        let ada = gateway.user();
        is_not_believed(&gateway, &ada, policy);
        is_unavailable(&ada.log_out());
        gateway.says("Redis may evict revocations");
        let ada = gateway.user();
        redis.set("maxmemory-policy", "noeviction");
        eventually("it is believed", || ask(&gateway, &ada.access).status == 200);
        assert_eq!((gateway.ready().status, upstream.arrived().len()), (200, 1));
    }
}

#[test]
fn a_policy_that_is_changed_while_it_runs_is_noticed() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (gateway, good, revoked) = ready(managed(&upstream, &redis));
    let losses = || gateway.metric("gateway_revocation_store_data_losses_total");
    for policy in ["allkeys-random", "volatile-ttl"] {
        let before = losses();
        redis.set("maxmemory-policy", policy);
        eventually("it is noticed", || ask(&gateway, &good.access).status == 503);
        is_not_believed(&gateway, &good, policy);
        assert_eq!(ask(&gateway, &revoked.access).code(), "token_revoked");
        redis.set("maxmemory-policy", "noeviction");
        eventually("it is believed again", || ask(&gateway, &good.access).status == 200);
        assert_eq!(losses(), before + 1.0, "what it did meanwhile is not known");
    }
}

#[test]
fn a_policy_that_nobody_tells_is_warned_of_and_served() {
    let (upstream, redis) = (Upstream::start(), evicting("volatile-lru"));
    let (gateway, ..) = ready(before(&upstream, &redis).redis(&redis.url_of_a_user_with(&[])));
    gateway.says("the maxmemory-policy of Redis cannot be read");
    let line = gateway.log();
    let line = line.lines().find(|line| line.contains("cannot be read")).unwrap();
    for words in ["\"WARN\"", "INFO", "CONFIG GET", "noeviction"] {
        assert!(line.contains(words), "{words}: {line}");
    }
}

#[test]
fn whom_this_gateway_logged_out_stays_out_although_redis_evicted_it() {
    let (upstream, redis) = (Upstream::start(), evicting("volatile-lru"));
    let gateway = tolerating(managed(&upstream, &redis)).start();
    let people: [Person; 5] = logged_out(&gateway, &redis);
    redis.fill();
    for person in &people {
        assert!(!is_there(&redis, person));
        assert_eq!(ask(&gateway, &person.access).code(), "token_revoked");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn an_eviction_that_is_seen_is_a_loss_of_data_and_the_view_is_rebuilt() {
    let (upstream, redis) = (Upstream::start(), evicting("volatile-lru"));
    let gateway = tolerating(managed(&upstream, &redis)).start();
    gateway.says("redis.eviction = \\\"tolerate\\\"");
    let good = gateway.user();
    let people: [Person; 2] = logged_out(&gateway, &redis);
    let losses = || gateway.metric("gateway_revocation_store_data_losses_total");
    let before = losses();
    redis.fill();
    eventually("it is noticed", || ask(&gateway, &good.access).status == 503);
    assert_eq!(gateway.ready().status, 503, "there is no room to rebuild it in");
    redis.set("maxmemory", "0");
    eventually("it is whole", || ask(&gateway, &good.access).status == 200);
    assert!(people.iter().all(|person| is_there(&redis, person)));
    assert!(losses() > before);
    gateway.says("Redis evicted keys to make room");
}

#[test]
fn evictions_that_never_end_are_made_up_for_each_time() {
    let (upstream, redis) = (Upstream::start(), evicting("allkeys-random"));
    let gateway = tolerating(managed(&upstream, &redis)).start();
    let good = gateway.user();
    let [revoked]: [Person; 1] = logged_out(&gateway, &redis);
    let rebuilt = || gateway.metric("gateway_revocation_store_rebuilds_total");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| redis.churn(&over));
        let _over = SetOnDrop(&over);
        let before = rebuilt();
        eventually("it is rebuilt again and again", || {
            assert_eq!(ask(&gateway, &revoked.access).code(), "token_revoked");
            rebuilt() > before + 3.0
        });
        eventually("it is believed in between", || ask(&gateway, &good.access).status == 200);
    });
    eventually("it is whole", || gateway.ready().status == 200 && is_there(&redis, &revoked));
}

/// Each of them leaves the epoch as it is, so that nothing in Redis shows the loss.
#[test]
fn whom_this_gateway_logged_out_stays_out_although_another_program_took_the_key() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (gateway, good, revoked) = ready(before(&upstream, &redis));
    let key = blacklisted(&revoked);
    let session = format!("revoked:session:{}", claims(&revoked.access)["sid"].as_str().unwrap());
    for loss in [
        vec!["EXPIRE", &key, "-1"],
        vec!["RPUSH", &key, "no longer a text"],
        vec!["RENAME", &key, "elsewhere"],
        vec!["DEL", &session],
    ] {
        redis.cli(&loss);
        assert_eq!(ask(&gateway, &revoked.access).code(), "token_revoked", "{loss:?}");
    }
    assert_eq!(redis.cli(&["EXISTS", &key, &session]), "0");
    assert_eq!(ask(&gateway, &good.access).status, 200);
}

#[test]
fn a_redis_that_is_full_refuses_a_logout_and_nothing_else() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let (gateway, good, _) = ready(before(&upstream, &redis));
    let leaving = gateway.user();
    redis.fill();
    let refused = leaving.log_out();
    is_unavailable(&refused);
    for _ in 0..200 {
        assert_eq!(ask(&gateway, &leaving.access).code(), "token_revoked", "here it is out all the same");
        assert_eq!(ask(&gateway, &good.access).status, 200, "others go on");
    }
    gateway.says("Redis is out of memory");
    redis.set("maxmemory", "0");
    eventually("it is made up for", || is_there(&redis, &leaving));
}

#[test]
fn who_may_no_longer_ask_for_the_policy_does_not_believe_a_redis_that_evicted() {
    let (upstream, redis) = (Upstream::start(), evicting("volatile-lru"));
    let gateway = managed(&upstream, &redis).start();
    let ada = gateway.user();
    eventually("it is not ready", || gateway.ready().text().contains("noeviction"));
    redis.url_of_a_user_with(&["-info"]);
    let refused = || {
        let told = redis.cli(&["INFO", "commandstats"]);
        let line = told.lines().find(|line| line.starts_with("cmdstat_info:")).unwrap_or_default().to_owned();
        line.rsplit_once("rejected_calls=").and_then(|(_, rest)| rest.split(',').next()?.parse::<u32>().ok())
    };
    eventually("it was told no more than once", || refused().is_some_and(|times| times >= 2));
    is_not_believed(&gateway, &ada, "volatile-lru");
}
