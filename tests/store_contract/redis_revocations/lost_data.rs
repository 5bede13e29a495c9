//! What is answered by a Redis that lost its data, and how it is restored from the ledger.

use std::sync::Arc;
use std::time::Duration;

use gateway_clock::Stopwatch;
use gateway_identity::{InstallationId, TokenId};
use gateway_store::{RevocationLedger, Revocations, Subject, TokenStatus};
use gateway_store_redis::RedisSettings;

use super::{Gateway, generation_of, ledger, session_of, somebody, token_of, until};
use crate::support::ledger::MemoryLedger;
use crate::support::redis::Redis;
use crate::support::told::*;

#[tokio::test]
async fn a_flushed_redis_fails_closed_until_it_is_rebuilt_from_the_ledger() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (ada, other) = (somebody(), somebody());
    gateway.revoke(token_of(&ada)).await.unwrap();
    gateway.ledger.hold();

    redis.flushall();

    for _ in 0..20 {
        assert!(gateway.check(&ada).await.is_err());
        assert!(gateway.check(&other).await.is_err());
        assert!(gateway.revocations.ping().await.is_err());
    }
    gateway.ledger.release();
    gateway.comes_to(&other, TokenStatus::Active).await;
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    gateway.revocations.ping().await.unwrap();
    // One rebuild for the new Redis at the start, one for the flush, however many asked.
    assert_eq!(gateway.figures().rebuilds, 2);
}

#[tokio::test]
async fn an_older_epoch_fails_closed() {
    let redis = Redis::start();
    let short = |settings: &mut RedisSettings| {
        settings.publish_timeout = Duration::from_millis(500);
    };
    let gateway = Gateway::with(&redis.url(), &ledger(), short);
    let (ada, other) = (somebody(), somebody());
    gateway.check(&ada).await.unwrap();
    let before = redis.cli(&["GET", "revoked:epoch"]);
    gateway.revoke(token_of(&ada)).await.unwrap();
    let after = redis.cli(&["GET", "revoked:epoch"]);
    gateway.ledger.hold();

    // As a replica that had not heard of the publication when it took over.
    redis.cli(&["DEL", &format!("blacklist:{}", ada.token)]);
    redis.cli(&["SET", "revoked:epoch", &before]);

    assert!(gateway.check(&ada).await.is_err());
    // Nor do new publications raise it until it looks like the one that was acknowledged.
    for _ in 0..3 {
        assert!(gateway.revoke(token_of(&somebody())).await.is_err());
    }
    assert!(gateway.check(&ada).await.is_err());
    gateway.ledger.release();
    gateway.comes_to(&other, TokenStatus::Active).await;
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    let revision = |epoch: &str| {
        epoch.strip_prefix("3f6c0000-0000-4000-8000-000000000000:").unwrap().parse::<u64>().unwrap()
    };
    assert!(revision(&redis.cli(&["GET", "revoked:epoch"])) > revision(&after));
}

#[tokio::test]
async fn another_gateway_sees_a_publication_and_notices_a_loss_of_it() {
    let redis = Redis::start();
    let ledger = ledger();
    let (here, there) = (Gateway::at(&redis.url(), &ledger), Gateway::at(&redis.url(), &ledger));
    let ada = somebody();
    assert_eq!(there.check(&ada).await.unwrap(), TokenStatus::Active);
    here.revoke(session_of(&ada)).await.unwrap();
    assert_eq!(there.check(&ada).await.unwrap(), TokenStatus::Revoked);

    redis.flushall();

    here.comes_to(&somebody(), TokenStatus::Active).await;
    there.comes_to(&somebody(), TokenStatus::Active).await;
    assert_eq!(there.check(&ada).await.unwrap(), TokenStatus::Revoked);
}

#[tokio::test]
async fn a_publication_during_a_rebuild_is_not_lost() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (ada, other) = (somebody(), somebody());
    gateway.check(&ada).await.unwrap();
    gateway.ledger.hold();
    redis.flushall();
    assert!(gateway.check(&ada).await.is_err());
    until("a claim", || redis.cli(&["GET", "revoked:epoch"]).starts_with("rebuilding:")).await;

    // The rebuild has read the ledger already, and does not know of this one.
    let (published, ()) = tokio::join!(gateway.revoke(token_of(&ada)), async {
        assert!(gateway.check(&ada).await.is_err());
        gateway.ledger.release();
    });

    published.unwrap();
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    gateway.comes_to(&other, TokenStatus::Active).await;
}

#[tokio::test]
async fn a_flush_in_the_middle_of_a_rebuild_begins_it_anew() {
    let redis = Redis::start();
    let ledger = ledger();
    let ada = somebody();
    let many: Vec<_> = (0..30_000).map(|_| token_of(&somebody())).collect();
    ledger.record(&[token_of(&ada)], work()).told().await.unwrap();
    ledger.record(&many, work()).told().await.unwrap();
    let gateway = Gateway::at(&redis.url(), &ledger);
    gateway.revocations.start();

    // Several batches are written, the first with Ada's, and several are still to come.
    until("a batch", || redis.cli(&["DBSIZE"]).parse::<u32>().unwrap() > 1_000).await;
    assert!(redis.cli(&["GET", "revoked:epoch"]).starts_with("rebuilding:"));
    redis.flushall();

    gateway.comes_to(&ada, TokenStatus::Revoked).await;
    gateway.comes_to(&somebody(), TokenStatus::Active).await;
    assert_eq!(redis.cli(&["DBSIZE"]), "30002");
    assert_eq!(gateway.figures().rebuilds, 1, "the first attempt was not counted as one");
}

#[tokio::test]
async fn the_claim_of_another_gateway_is_waited_for_and_outlived() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    let waited = Stopwatch::start();
    redis.cli(&["SET", "revoked:epoch", "rebuilding:another:0", "PX", "400"]);
    gateway.comes_to(&ada, TokenStatus::Active).await;
    assert!(waited.elapsed() > Duration::from_millis(300), "{:?}", waited.elapsed());
    assert_eq!(gateway.figures().rebuilds, 2);
}

#[tokio::test]
async fn a_large_ledger_is_rebuilt_in_batches() {
    let redis = Redis::start();
    let ledger = ledger();
    let many: Vec<_> = (0..2_500).map(|_| token_of(&somebody())).collect();
    let last = Subject { token: TokenId::random(), ..somebody() };
    ledger.record(&many, work()).told().await.unwrap();
    ledger.record(&[token_of(&last), generation_of(&last, 9)], work()).told().await.unwrap();
    let gateway = Gateway::at(&redis.url(), &ledger);
    assert_eq!(gateway.check(&last).await.unwrap(), TokenStatus::Revoked);
    assert_eq!(redis.cli(&["DBSIZE"]), "2503");
}

#[tokio::test]
async fn the_epoch_of_another_store_is_not_ours() {
    let redis = Redis::start();
    let theirs = Gateway::at(&redis.url(), &Arc::new(MemoryLedger::new(InstallationId::random())));
    let ada = somebody();
    theirs.revoke(generation_of(&ada, 9)).await.unwrap();
    drop(theirs);

    // User 7 of our store has nothing to do with theirs.
    let ours = Gateway::at(&redis.url(), &ledger());
    assert_eq!(ours.check(&ada).await.unwrap(), TokenStatus::Active);
    assert!(redis.cli(&["GET", "revoked:epoch"]).starts_with("3f6c"));
}

#[tokio::test]
async fn a_ledger_that_fails_keeps_a_new_redis_closed_and_an_intact_one_open() {
    let mut redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    gateway.ledger.set_failing(true);
    redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    gateway.comes_to(&ada, TokenStatus::Active).await;

    redis.restart();

    until("the new connection", || gateway.figures().data_losses == 2).await;
    for _ in 0..20 {
        assert!(gateway.check(&ada).await.is_err());
    }
    gateway.ledger.set_failing(false);
    gateway.comes_to(&ada, TokenStatus::Active).await;
}
