//! Ways to a Redis: passwords, rights, TLS, database numbers, sockets.

use std::sync::Arc;

use gateway_identity::InstallationId;
use gateway_store::{Revocations, TokenStatus};
use gateway_store_redis::RedisSettings;

use super::{Gateway, generation_of, ledger, somebody, token_of};
use crate::support::ledger::MemoryLedger;
use crate::support::redis::Redis;

#[tokio::test]
async fn a_password_never_shows_in_errors() {
    let redis = Redis::with_password("open-sesame");
    let ledger = ledger();
    let ada = somebody();
    assert_eq!(Gateway::at(&redis.url(), &ledger).check(&ada).await.unwrap(), TokenStatus::Active);
    for (login, advice) in [("", "asks for a password"), (":hunter2@", "refuses")] {
        let url = format!("redis://{login}localhost:{}/1", redis.port());
        let gateway = Gateway::at(&url, &ledger);
        let refused = gateway.check(&ada).await.unwrap_err();
        assert!(refused.0.contains(advice), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
    }
}

#[tokio::test]
async fn a_password_that_redis_accepts_later_needs_no_restart() {
    let redis = Redis::with_password("open-sesame");
    let url = format!("redis://:new-word@localhost:{}", redis.port());
    let gateway = Gateway::at(&url, &ledger());
    let ada = somebody();
    assert!(gateway.check(&ada).await.is_err());
    redis.cli(&["ACL", "SETUSER", "default", ">new-word"]);
    gateway.comes_to(&ada, TokenStatus::Active).await;
}

#[tokio::test]
async fn the_rights_that_are_asked_for_are_enough() {
    let redis = Redis::start();
    let theirs = Gateway::at(&redis.url(), &Arc::new(MemoryLedger::new(InstallationId::random())));
    theirs.check(&somebody()).await.unwrap();
    drop(theirs);
    let gateway = Gateway::at(&redis.url_of_a_user_with(&["+info"]), &ledger());
    let ada = somebody();
    gateway.revoke(generation_of(&ada, 4)).await.unwrap();
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
    gateway.revocations.ping().await.unwrap();
}

#[tokio::test]
async fn rediss_verifies_the_certificate() {
    // As the program does at its start: two providers are compiled in, and none is a default.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let redis = Redis::with_tls();
    let (trusted, ledger, ada) = (redis.ca_file(), ledger(), somebody());
    let trusting = |settings: &mut RedisSettings| settings.ca_file = Some(trusted.clone());
    let gateway = Gateway::with(&redis.url(), &ledger, trusting);
    gateway.revoke(token_of(&ada)).await.unwrap();
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);

    // Signed by nobody whom the public roots know.
    let refused = Gateway::at(&redis.url(), &ledger).check(&ada).await.unwrap_err();
    assert!(refused.0.contains("certificate"), "{refused}");
    // The right authority, and another name.
    let url = redis.url().replace("localhost", "127.0.0.1");
    let refused = Gateway::with(&url, &ledger, trusting).check(&ada).await.unwrap_err();
    assert!(refused.0.contains("certificate"), "{refused}");
}

#[tokio::test]
async fn a_database_number_is_honoured() {
    let redis = Redis::start();
    let gateway = Gateway::at(&format!("{}/5", redis.url()), &ledger());
    let ada = somebody();
    gateway.revoke(token_of(&ada)).await.unwrap();
    let key = format!("blacklist:{}", ada.token);
    assert_eq!(redis.cli_in(5, &["EXISTS", &key]), "1");
    assert_eq!(redis.cli_in(0, &["DBSIZE"]), "0");

    let beyond = Gateway::at(&format!("{}/99", redis.url()), &ledger());
    assert!(beyond.check(&ada).await.unwrap_err().0.contains("out of range"));
}

#[tokio::test]
async fn a_socket_is_as_good_as_a_port() {
    let redis = Redis::with_password("open-sesame");
    let gateway = Gateway::at(&redis.socket_url(), &ledger());
    let ada = somebody();
    gateway.revoke(token_of(&ada)).await.unwrap();
    assert_eq!(gateway.check(&ada).await.unwrap(), TokenStatus::Revoked);
}
