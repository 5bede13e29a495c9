//! Revocations in a real Redis: what a check answers, and what a publication leaves there.

use std::sync::Arc;
use std::time::Duration;

use gateway_clock::{Clock, Stopwatch, SystemClock, Timestamp};
use gateway_identity::{Generation, InstallationId, SessionId, TokenId, UserId};
use gateway_store::{Revocation, RevocationLedger, Revocations, Subject, TokenStatus, Unreachable};
use gateway_store_redis::{RedisReading, RedisRevocations, RedisSettings};
use secrecy::SecretString;

use crate::support::ledger::MemoryLedger;
use crate::support::redis::Redis;
use crate::support::told::*;

mod access;
mod away;
mod lost_data;
mod together;

const HOUR: Duration = Duration::from_secs(3_600);

/// Longer than the recoveries that are promised, for machines under load.
const PATIENCE: Duration = Duration::from_secs(15);

/// A gateway, as far as it has to do with Redis.
struct Gateway {
    revocations: RedisRevocations,
    ledger: Arc<MemoryLedger>,
}

impl Gateway {
    fn at(url: &str, ledger: &Arc<MemoryLedger>) -> Self {
        Self::with(url, ledger, |_| {})
    }

    fn with(url: &str, ledger: &Arc<MemoryLedger>, change: impl FnOnce(&mut RedisSettings)) -> Self {
        let mut settings = RedisSettings::new(SecretString::from(url));
        // Only the tests that are about this time-out have the short one: machines are slow.
        settings.check_timeout = Duration::from_secs(2);
        settings.publish_timeout = Duration::from_secs(5);
        change(&mut settings);
        let ledger = Arc::clone(ledger);
        let known: Arc<dyn RevocationLedger> = Arc::clone(&ledger) as _;
        let revocations = RedisRevocations::new(settings, known, Arc::new(SystemClock)).unwrap();
        Self { revocations, ledger }
    }

    async fn check(&self, subject: &Subject) -> Result<TokenStatus, Unreachable> {
        self.revocations.check(subject).answer().await
    }

    /// As the gateway does it: into the ledger first, then into the view.
    async fn revoke(&self, revocation: Revocation) -> Result<(), Unreachable> {
        self.ledger.record(&[revocation], work()).told().await.unwrap();
        self.revocations.publish(&[revocation]).await
    }

    fn figures(&self) -> RedisReading {
        self.revocations.figures().read()
    }

    /// Asks until the answer is this one; answers how long that took.
    async fn comes_to(&self, subject: &Subject, standing: TokenStatus) -> Duration {
        let waited = Stopwatch::start();
        loop {
            let answer = self.check(subject).await;
            if answer.as_ref().is_ok_and(|answer| *answer == standing) {
                return waited.elapsed();
            }
            assert!(waited.elapsed() < PATIENCE, "still {answer:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn ledger() -> Arc<MemoryLedger> {
    let ours = InstallationId::parse("3f6c0000-0000-4000-8000-000000000000");
    Arc::new(MemoryLedger::new(ours.unwrap()))
}

fn somebody() -> Subject {
    Subject {
        token: TokenId::random(),
        session: SessionId::random(),
        user: UserId::new(7).unwrap(),
        generation: Generation(3),
    }
}

fn in_an_hour() -> Timestamp {
    SystemClock.now().plus(HOUR)
}

fn token_of(subject: &Subject) -> Revocation {
    Revocation::Token { id: subject.token, until: in_an_hour() }
}

fn session_of(subject: &Subject) -> Revocation {
    Revocation::Session { id: subject.session, until: in_an_hour() }
}

fn generation_of(subject: &Subject, minimum: u64) -> Revocation {
    let minimum = Generation(minimum);
    Revocation::Generation { user: subject.user, minimum, until: in_an_hour() }
}

/// Waits for something that Redis or the adapter does by itself.
async fn until(what: &str, happened: impl Fn() -> bool) {
    let waited = Stopwatch::start();
    while !happened() {
        assert!(waited.elapsed() < PATIENCE, "{what}: never happened");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_next_check() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (ada, other) = (somebody(), somebody());
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Active);

    gateway.revoke(token_of(&ada)).await.unwrap();

    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    assert_eq!(gateway.check(&other).await.unwrap(), TokenStatus::Active);
    let beside = Subject { token: TokenId::random(), ..ada };
    assert_eq!(gateway.check(&beside).await.unwrap(), TokenStatus::Active);
}

#[tokio::test]
async fn a_token_of_another_issuer_is_revoked_by_itself() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let (one, other) = (TokenId::derived([1; 16]), TokenId::derived([2; 16]));
    assert_eq!(gateway.revocations.check_token(one).answer().await.unwrap(), TokenStatus::Active);
    gateway.revoke(Revocation::Token { id: one, until: in_an_hour() }).await.unwrap();
    assert_eq!(gateway.revocations.check_token(one).answer().await.unwrap(), TokenStatus::Revoked);
    assert_eq!(gateway.revocations.check_token(other).answer().await.unwrap(), TokenStatus::Active);
    redis.cli(&["FLUSHALL"]);
    assert_ne!(gateway.revocations.check_token(one).answer().await.ok(), Some(TokenStatus::Active));
}

#[tokio::test]
async fn all_tokens_of_a_revoked_session_are_refused() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.revoke(session_of(&ada)).await.unwrap();
    let later = Subject { token: TokenId::random(), ..ada };
    assert_eq!(gateway.check(&later).await.unwrap(), TokenStatus::Revoked);
    let elsewhere = Subject { session: SessionId::random(), ..ada };
    assert_eq!(gateway.check(&elsewhere).await.unwrap(), TokenStatus::Active);
}

#[tokio::test]
async fn a_generation_revokes_what_is_older_and_is_never_lowered() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    let at = |generation| Subject { generation: Generation(generation), ..ada };
    gateway.revoke(generation_of(&ada, 5)).await.unwrap();
    gateway.revoke(generation_of(&ada, 4)).await.unwrap();
    assert_eq!(gateway.check(&at(4)).await.unwrap(), TokenStatus::Revoked);
    assert_eq!(gateway.check(&at(5)).await.unwrap(), TokenStatus::Active);
    assert_eq!(redis.cli(&["GET", "revoked:generation:7"]), "5");
}

#[tokio::test]
async fn the_blacklist_entry_dies_with_its_token() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    let key = format!("blacklist:{}", ada.token);
    gateway.revoke(token_of(&ada)).await.unwrap();

    assert_eq!(redis.cli(&["GET", &key]), "1");
    let left: u64 = redis.cli(&["PTTL", &key]).parse().unwrap();
    assert!((3_500_000..=3_600_000).contains(&left), "{left} ms");

    // A second revocation with an earlier end does not shorten the first one.
    let soon = SystemClock.now().plus(Duration::from_secs(60));
    gateway.revoke(Revocation::Token { id: ada.token, until: soon }).await.unwrap();
    let left: u64 = redis.cli(&["PTTL", &key]).parse().unwrap();
    assert!(left > 3_500_000, "{left} ms");
}

#[tokio::test]
async fn a_check_is_one_round_trip() {
    let redis = Redis::start();
    let gateway = Gateway::at(&redis.url(), &ledger());
    let ada = somebody();
    gateway.check(&ada).await.unwrap();
    redis.cli(&["CONFIG", "RESETSTAT"]);

    for _ in 0..100 {
        gateway.check(&ada).await.unwrap();
    }

    let asked = redis.cli(&["INFO", "commandstats"]);
    assert!(asked.contains("cmdstat_mget:calls=100,"), "{asked}");
    // Besides, only the heartbeat of the adapter and this test were there.
    let others = asked.lines().filter(|line| line.starts_with("cmdstat_"));
    let foreign: Vec<_> = others
        .filter(|line| {
            !["mget", "getex", "config", "info"]
                .iter()
                .any(|name| line.starts_with(&format!("cmdstat_{name}")))
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[tokio::test]
async fn what_the_ledger_held_before_the_start_is_refused_by_the_first_check() {
    let redis = Redis::start();
    let ledger = ledger();
    let (ada, other) = (somebody(), somebody());
    ledger.record(&[token_of(&ada)], work()).told().await.unwrap();
    let gateway = Gateway::at(&redis.url(), &ledger);
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);

    // Also by a gateway that finds an epoch of its store and all in order.
    ledger.record(&[token_of(&other)], work()).told().await.unwrap();
    let second = Gateway::at(&redis.url(), &ledger);
    assert_eq!(second.check(&other).await.unwrap(), TokenStatus::Revoked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn checks_are_answered_while_others_publish() {
    let redis = Redis::start();
    let gateway = Arc::new(Gateway::at(&redis.url(), &ledger()));
    gateway.check(&somebody()).await.unwrap();
    let publishers: Vec<_> = (0..2)
        .map(|_| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                for _ in 0..500 {
                    gateway.revoke(token_of(&somebody())).await.unwrap();
                }
            })
        })
        .collect();
    while publishers.iter().any(|publisher| !publisher.is_finished()) {
        assert_eq!(gateway.check(&somebody()).await.unwrap(), TokenStatus::Active);
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert_eq!(gateway.figures().publishes, 1_000);
}
