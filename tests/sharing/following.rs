//! How a gateway follows the ledger: it misses nothing, in whatever order transactions commit.

use std::sync::Arc;
use std::time::Duration;

use gateway_clock::Timestamp;
use gateway_identity::{Generation, InstallationId, SessionId, TokenId, UserId};
use gateway_store::{
    Revocation, RevocationFeed, RevocationLedger, Revocations, StalenessBounds, Subject, TokenStatus,
};
use gateway_store_memory::{EmbeddedRevocations, MirroredRevocations};
use gateway_store_postgres::{PostgresSettings, PostgresStore};

use crate::support::postgres::Postgres;
use crate::support::told::*;

const BOUNDS: StalenessBounds =
    StalenessBounds { max_staleness: Duration::from_secs(1), check_timeout: Duration::from_millis(200) };

async fn opened(url: &str) -> PostgresStore {
    let timeout = Duration::from_secs(30);
    let settings = PostgresSettings {
        url: url.into(),
        url_file: None,
        ca_file: None,
        timeout,
        connections_max: 4,
        lease: timeout,
    };
    PostgresStore::open(settings).await.unwrap()
}

fn until() -> Timestamp {
    Timestamp::from_seconds(4_000_000_000)
}

fn token() -> Revocation {
    Revocation::Token { id: TokenId::random(), until: until() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_is_not_passed_over() {
    let server = Postgres::shared();
    let url = server.database();
    let store = opened(&url).await;
    let follower = store.follower(Arc::default());
    assert_eq!(follower.changes().await.unwrap(), []);
    // It has its id, and so a place in the ledger, before the one that commits first.
    let (late, driver) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(driver);
    let id = TokenId::random();
    late.batch_execute("BEGIN").await.unwrap();
    let insert = "INSERT INTO gateway.revocations (kind, id, minimum, until) VALUES ('t', $1, 0, $2)";
    let millis = i64::try_from(until().millis()).unwrap();
    late.execute(insert, &[&id.as_bytes().as_slice(), &millis]).await.unwrap();
    let early = token();
    store.record(&[early], work()).told().await.unwrap();
    assert_eq!(follower.changes().await.unwrap(), [early]);
    let again = token();
    store.record(&[again], work()).told().await.unwrap();
    assert!(follower.changes().await.unwrap().contains(&again));
    late.batch_execute("COMMIT").await.unwrap();
    assert!(follower.changes().await.unwrap().contains(&Revocation::Token { id, until: until() }));
    // Nothing runs any more: what was seen is not told again and again.
    follower.changes().await.unwrap();
    assert_eq!(follower.changes().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_widened_later_is_told_again() {
    let server = Postgres::shared();
    let store = opened(&server.database()).await;
    let follower = store.follower(Arc::default());
    let user = UserId::new(7).unwrap();
    for minimum in [1, 5] {
        let revoked = Revocation::Generation { user, minimum: Generation(minimum), until: until() };
        store.record(&[revoked], work()).told().await.unwrap();
        assert_eq!(follower.changes().await.unwrap(), [revoked]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_woken_by_what_another_gateway_revokes() {
    let server = Postgres::shared();
    let url = server.database();
    let (here, there) = (opened(&url).await, opened(&url).await);
    let follower = here.follower(Arc::default());
    follower.changes().await.unwrap();
    let revoked = token();
    there.record(&[revoked], work()).told().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), follower.woken()).await.expect("it is woken");
    assert_eq!(follower.changes().await.unwrap(), [revoked]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_whose_connection_ends_asks_for_everything_again() {
    let server = Postgres::shared();
    let url = server.database();
    let store = opened(&url).await;
    let follower = store.follower(Arc::default());
    let revoked = token();
    store.record(&[revoked], work()).told().await.unwrap();
    assert_eq!(follower.changes().await.unwrap(), [revoked]);
    let database = url.rsplit('/').next().unwrap();
    server.sql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    let told = loop {
        match follower.changes().await {
            Ok(told) => break told,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(told, [revoked]);
}

/// A ledger that answers, or does not.
#[derive(Default)]
struct Feed {
    changes: std::sync::Mutex<Vec<Revocation>>,
    is_down: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl RevocationFeed for Feed {
    async fn changes(&self) -> Result<Vec<Revocation>, gateway_store::StoreError> {
        if self.is_down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(gateway_store::StoreError::Unavailable("on purpose".to_owned()));
        }
        Ok(std::mem::take(&mut *self.changes.lock().unwrap()))
    }

    async fn woken(&self) {
        std::future::pending().await
    }
}

fn subject(token: TokenId) -> Subject {
    let (session, user) = (SessionId::random(), UserId::new(1).unwrap());
    Subject { token, session, user, generation: Generation(0) }
}

#[tokio::test]
async fn a_view_that_was_never_answered_decides_nothing() {
    let view = MirroredRevocations::new(Arc::<EmbeddedRevocations>::default(), BOUNDS);
    assert!(view.check(&subject(TokenId::random())).answer().await.is_err());
    assert!(view.ping().await.is_err());
    view.refresh(&Feed::default()).await.unwrap();
    assert_eq!(view.check(&subject(TokenId::random())).answer().await.unwrap(), TokenStatus::Active);
}

#[tokio::test]
async fn a_view_beyond_its_bound_waits_for_an_answer_and_refuses_without_one() {
    let bounds = StalenessBounds { max_staleness: Duration::from_millis(20), ..BOUNDS };
    let view = Arc::new(MirroredRevocations::new(Arc::<EmbeddedRevocations>::default(), bounds));
    let feed = Arc::new(Feed::default());
    let revoked = TokenId::random();
    view.publish(&[Revocation::Token { id: revoked, until: until() }]).await.unwrap();
    feed.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(view.refresh(&*feed).await.is_err());
    assert!(view.check(&subject(TokenId::random())).answer().await.is_err());
    assert_eq!(
        view.check(&subject(revoked)).answer().await.unwrap(),
        TokenStatus::Revoked,
        "what is known to be revoked needs no answer"
    );
    // One that comes while the check waits decides it, with what came with it.
    let late = TokenId::random();
    feed.changes.lock().unwrap().push(Revocation::Token { id: late, until: until() });
    feed.is_down.store(false, std::sync::atomic::Ordering::SeqCst);
    let (late, good) = (subject(late), subject(TokenId::random()));
    let (late, good, ()) = tokio::join!(view.check(&late).answer(), view.check(&good).answer(), async {
        view.refresh(&*feed).await.unwrap()
    },);
    assert_eq!((late.unwrap(), good.unwrap()), (TokenStatus::Revoked, TokenStatus::Active));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_gateways_of_a_database_are_one_installation() {
    let server = Postgres::shared();
    let url = server.database();
    let ids: Vec<InstallationId> = vec![
        opened(&url).await.installation().await.unwrap(),
        opened(&url).await.installation().await.unwrap(),
    ];
    assert_eq!(ids[0], ids[1]);
    let other = opened(&server.database()).await;
    assert_ne!(other.installation().await.unwrap(), ids[0]);
}
