//! What many ask at once goes to Redis together: each has its own answer, and nobody hangs on another.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use gateway_store::{Revocations, Subject, TokenStatus, Unreachable};
use gateway_store_redis::RedisSettings;

use super::{Gateway, ledger, somebody, token_of};
use crate::support::redis::Redis;

/// All ask in the same turn of the loop; answers in their order.
async fn ask_at_once(gateway: &Arc<Gateway>, subjects: &[Subject]) -> Vec<Result<TokenStatus, Unreachable>> {
    let asking: Vec<_> = subjects
        .iter()
        .map(|subject| {
            let (gateway, subject) = (Arc::clone(gateway), *subject);
            tokio::spawn(async move { gateway.check(&subject).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asking {
        answers.push(one.await.unwrap());
    }
    answers
}

/// A figure of `INFO`.
fn figure(redis: &Redis, section: &str, name: &str) -> u64 {
    let told = redis.cli(&["INFO", section]);
    let found = told.lines().find_map(|line| line.trim().strip_prefix(name)?.split([',', '\r']).next());
    found.map_or(0, |figure| figure.parse().unwrap())
}

#[tokio::test]
async fn those_who_ask_in_one_turn_share_a_round_trip_and_each_has_its_own_answer() {
    let redis = Redis::start();
    let gateway = Arc::new(Gateway::at(&redis.url(), &ledger()));
    let subjects: Vec<_> = (0..300).map(|_| somebody()).collect();
    let revoked: Vec<_> = subjects.iter().step_by(3).map(token_of).collect();
    gateway.revocations.publish(&revoked).await.unwrap();
    redis.cli(&["CONFIG", "RESETSTAT"]);

    let answers = ask_at_once(&gateway, &subjects).await;

    for (number, answer) in answers.into_iter().enumerate() {
        let expected = if number % 3 == 0 { TokenStatus::Revoked } else { TokenStatus::Active };
        assert_eq!(answer.unwrap(), expected, "{number}");
    }
    // The loop looks at its connections every sixty-one tasks or so.
    let asked = figure(&redis, "commandstats", "cmdstat_mget:calls=");
    assert!((1..=12).contains(&asked), "{asked} commands for 300 checks");
}

#[tokio::test]
async fn what_is_asked_twice_in_one_turn_is_looked_up_once() {
    let redis = Redis::start();
    let gateway = Arc::new(Gateway::at(&redis.url(), &ledger()));
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    redis.cli(&["CONFIG", "RESETSTAT"]);
    let answers = ask_at_once(&gateway, &[ada; 50]).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == TokenStatus::Active));
    // The epoch is there; the keys of one who is not revoked are not.
    let missed = figure(&redis, "stats", "keyspace_misses:");
    assert!((3..=9).contains(&missed), "{missed} keys were looked up");
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_answer_of_others_along() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (ada, bob) = (somebody(), somebody());
    gateway.check(&ada).await.unwrap();
    let mut staying = pin!(gateway.check(&bob));
    {
        // It asks first, so that it is for it that the batch was begun; then it goes.
        let mut leaving = pin!(gateway.check(&ada));
        let mut context = Context::from_waker(Waker::noop());
        assert!(leaving.as_mut().poll(&mut context).is_pending());
        assert!(staying.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(staying.await.unwrap(), TokenStatus::Active);
}

#[tokio::test]
async fn a_redis_that_breaks_off_fails_all_who_wait_for_it() {
    let mut redis = Redis::start();
    let patient = |settings: &mut RedisSettings| settings.check_timeout = Duration::from_secs(60);
    let gateway = Arc::new(Gateway::with(&redis.url(), &ledger(), patient));
    gateway.check(&somebody()).await.unwrap();
    redis.pause();
    let subjects: Vec<_> = (0..100).map(|_| somebody()).collect();
    let waiting = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move { ask_at_once(&gateway, &subjects).await }
    });
    super::until("they ask", || gateway.figures().checks > 100).await;
    redis.kill();
    let answers = waiting.await.unwrap();
    let why: HashSet<_> = answers.into_iter().map(|answer| answer.unwrap_err().0).collect();
    assert!(!why.iter().any(|why| why.contains("within 60000 ms")), "{why:?}");
    assert_eq!((gateway.figures().errors, gateway.figures().timeouts), (100, 0));
}
