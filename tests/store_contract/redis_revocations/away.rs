//! What is answered while Redis is away, silent, or no primary any more; and how soon after it is back.

use std::time::Duration;

use gateway_clock::Stopwatch;
use gateway_store::{Revocations, TokenStatus};
use gateway_store_redis::{OnFailure, RedisSettings};

use super::{Gateway, PATIENCE, ledger, somebody, token_of, until};
use crate::support::redis::Redis;

#[tokio::test]
async fn a_restarted_redis_is_rebuilt_by_itself() {
    let mut redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (ada, other) = (somebody(), somebody());
    gateway.revoke(token_of(&ada)).await.unwrap();

    redis.restart();

    let took = gateway.comes_to(&other, TokenStatus::Active).await;
    println!("answers again {took:?} after Redis");
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_redis_that_was_long_away_is_found_soon_after_it_is_back() {
    let mut redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    redis.kill();
    // Longer than the first, short pauses between attempts take together.
    let away = Stopwatch::start();
    while away.elapsed() < Duration::from_secs(4) {
        assert!(gateway.check(&ada).await.is_err());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    redis.restart();
    let took = gateway.comes_to(&ada, TokenStatus::Active).await;
    println!("answers again {took:?} after Redis");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn without_redis_a_check_fails_at_once_and_says_why() {
    let mut redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    redis.kill();
    let said = |text: &str| text.contains("nothing listens");
    let waited = Stopwatch::start();
    while !gateway.check(&ada).await.is_err_and(|error| said(&error.0)) {
        assert!(waited.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let asked = Stopwatch::start();
    for _ in 0..100 {
        assert!(gateway.check(&ada).await.is_err());
    }
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?} for 100", asked.elapsed());
    assert!(!gateway.figures().connected);
}

#[tokio::test]
async fn a_paused_redis_is_answered_within_the_timeout() {
    let redis = Redis::start();
    let short = |settings: &mut RedisSettings| settings.check_timeout = Duration::from_millis(50);
    let gateway = Gateway::with(&redis.url(), &ledger(), short);
    let ada = somebody();
    gateway.comes_to(&ada, TokenStatus::Active).await;

    redis.pause();

    let paused = Stopwatch::start();
    let mut longest = Duration::ZERO;
    while paused.elapsed() < Duration::from_secs(3) {
        let asked = Stopwatch::start();
        assert!(gateway.check(&ada).await.is_err());
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    println!("no answer took at most {longest:?}");
    // Without the timeout it would be the whole pause.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(gateway.figures().timeouts > 0);
    redis.resume();
    let took = gateway.comes_to(&ada, TokenStatus::Active).await;
    println!("answers again {took:?} after the pause");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_publication_that_failed_is_caught_up_when_redis_is_back() {
    let redis = Redis::start();
    let short = |settings: &mut RedisSettings| {
        settings.check_timeout = Duration::from_millis(100);
        settings.publish_timeout = Duration::from_millis(100);
    };
    let gateway = Gateway::with(&redis.url(), &ledger(), short);
    let ada = somebody();
    gateway.comes_to(&ada, TokenStatus::Active).await;
    redis.pause();
    // This is never sent: the connection is given up before Redis goes on.
    until("the loss", || !gateway.figures().connected).await;
    assert!(gateway.revoke(token_of(&ada)).await.is_err());
    redis.resume();
    gateway.comes_to(&ada, TokenStatus::Revoked).await;
    assert_eq!(gateway.figures().rebuilds, 1, "the data was there all the time");
}

#[tokio::test]
async fn failing_open_must_be_asked_for_by_name() {
    let mut redis = Redis::start();
    let ledger = ledger();
    let closed = Gateway::at(&redis.url(), &ledger);
    let open = |settings: &mut RedisSettings| {
        settings.on_failure = OnFailure::Open;
        settings.publish_timeout = Duration::from_millis(100);
    };
    let open = Gateway::with(&redis.url(), &ledger, open);
    let ada = somebody();
    closed.check(&ada).await.unwrap();
    assert_eq!(open.check(&ada).await.unwrap(), TokenStatus::Active);
    redis.kill();
    assert!(closed.check(&ada).await.is_err());
    assert_eq!(open.check(&ada).await.unwrap(), TokenStatus::FailedOpen);
    // A logout is never confirmed that did not happen.
    assert!(open.revoke(token_of(&ada)).await.is_err());
    assert!(open.revocations.ping().await.is_err());
    assert_eq!(open.figures().failed_open, 1);
    assert_eq!(closed.figures().failed_open, 0);
}

#[tokio::test]
async fn a_read_only_replica_is_not_asked() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    // Nobody is at that port, so the replica keeps its data, epoch and all.
    redis.cli(&["REPLICAOF", "localhost", "1"]);
    until("the replica is left", || !gateway.figures().connected).await;
    assert!(gateway.check(&ada).await.is_err());
    redis.cli(&["REPLICAOF", "NO", "ONE"]);
    gateway.comes_to(&ada, TokenStatus::Active).await;
}
