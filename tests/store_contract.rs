//! What every adapter of the store's ports promises. A law is written once, against the port, and is
//! a test for each adapter that `laws!` names; those of a whole store are in `store_laws!`.

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::support::postgres::Postgres;
use crate::support::told::*;
use gateway_clock::Timestamp;
use gateway_identity::{Email, Network, Role, SessionId, TokenId, UserAgent, UserId};
use gateway_store::{
    AuditEvent, AuditTrail, Event, NewUser, Outbox, RefreshToken, Revocation, RevocationLedger, Revocations,
    Session, SessionLimit, Sessions, StoredHash, Tickets, User, Users,
};
use gateway_store_memory::EmbeddedRevocations;
use gateway_store_memory::OwnFirst;
use gateway_store_postgres::{PostgresSettings, PostgresStore};
use gateway_store_sled::{SledOptions, SledStore};
use tempfile::TempDir;

/// One test for each adapter and law. A law that is missing in the list is dead code: a warning.
macro_rules! laws {
    ($($adapter:ident = $make:expr),+ => $laws:tt) => { $(laws!(@of $adapter, $make, $laws);)+ };
    (@of $adapter:ident, $make:expr, { $($law:ident),+ $(,)? }) => {
        mod $adapter {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                super::$law(&$make.await).await;
            })+
        }
    };
}

/// The laws of what keeps everything: each driver is one line here.
macro_rules! store_laws {
    ($($law:ident),+ $(,)?) => {
        laws! {
            sled = crate::store_contract::Stores::sled(),
            postgres = crate::store_contract::Stores::postgres(crate::support::postgres::Postgres::shared()),
            newest_postgres =
                crate::store_contract::Stores::postgres(crate::support::postgres::Postgres::shared_newest())
                => { $($law),+ }
        }
    };
}

mod accounts;
mod audit;
mod drivers;
mod durability;
mod largest;
mod opening;
mod outbox;
mod redis_revocations;
mod revocations;
mod rotation_model;
mod sessions;
mod tickets;
mod transfer;
mod users;
mod views;

/// The ports of one store, which is empty at first.
struct Stores {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    ledger: Arc<dyn RevocationLedger>,
    tickets: Arc<dyn Tickets>,
    outbox: Arc<dyn Outbox>,
    trail: Arc<dyn AuditTrail>,
    killed: Box<dyn Fn() -> Pin<Box<dyn Future<Output = Self> + Send>> + Send + Sync>,
    /// Dropped last, as the fields are dropped in turn.
    _folder: Option<TempDir>,
}

impl Stores {
    async fn sled() -> Self {
        Self::sled_in(tempfile::tempdir().unwrap())
    }

    fn sled_in(folder: TempDir) -> Self {
        let store = SledStore::open(folder.path(), SledOptions::default()).unwrap();
        let place = folder.path().to_owned();
        Self {
            users: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            ledger: Arc::new(store.clone()),
            tickets: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            trail: Arc::new(store),
            killed: Box::new(move || {
                let copy = copy_of(&place);
                Box::pin(async { Self::sled_in(copy) })
            }),
            _folder: Some(folder),
        }
    }

    async fn postgres(server: &Postgres) -> Self {
        Self::postgres_at(server.database()).await
    }

    /// Boxed, as it is asked for by what it makes.
    fn postgres_at(url: String) -> Pin<Box<dyn Future<Output = Self> + Send>> {
        Box::pin(async move {
            let settings = PostgresSettings {
                url: url.as_str().into(),
                url_file: None,
                ca_file: None,
                timeout: Duration::from_secs(30),
                connections_max: 4,
                // What is asked for again is there again.
                lease: Duration::ZERO,
            };
            let store = PostgresStore::open(settings).await.unwrap();
            Self {
                users: Arc::new(store.clone()),
                sessions: Arc::new(store.clone()),
                ledger: Arc::new(store.clone()),
                tickets: Arc::new(store.clone()),
                outbox: Arc::new(store.clone()),
                trail: Arc::new(store),
                killed: Box::new(move || Self::postgres_at(url.clone())),
                _folder: None,
            }
        })
    }

    /// The store as it is found by the next process, where this one is killed now.
    async fn after_a_kill(&self) -> Self {
        (self.killed)().await
    }

    /// Gives the writer something to do for a while: what is asked for next waits behind it.
    async fn occupied(&self) -> tokio::task::JoinHandle<()> {
        let until = at(10);
        let many: Vec<_> = (0..1_000).map(|_| Revocation::Token { id: TokenId::random(), until }).collect();
        let ledger = Arc::clone(&self.ledger);
        let mut occupying =
            Box::pin(async move { assert!(ledger.record(&many, work()).told().await.unwrap()) });
        // Polled once here, so that it is the next in the queue.
        tokio::select! {
            biased;
            () = &mut occupying => panic!("the writer has done it at once"),
            () = std::future::ready(()) => tokio::spawn(occupying),
        }
    }

    /// An account, which is the first where none was made before.
    async fn user(&self, name: &str, role: Role) -> User {
        let new = new_user(&format!("{name}@example.org"), role);
        self.users.create(new, work()).told().await.unwrap()
    }
}

/// The files of a store, copied while it is open: what a killed process leaves behind.
fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// An empty view of revocations.
struct View(Arc<dyn Revocations>);

impl View {
    async fn embedded() -> Self {
        Self(Arc::new(EmbeddedRevocations::default()))
    }

    async fn own_first() -> Self {
        let (own, shared) = (Self::embedded().await, Self::embedded().await);
        Self(Arc::new(OwnFirst::new(own.0, shared.0)))
    }
}

/// A moment, in seconds after the laws' common beginning.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn network(address: &str) -> Network {
    address.parse::<std::net::IpAddr>().unwrap().into()
}

fn user_id(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn new_user(address: &str, role: Role) -> NewUser {
    NewUser {
        email: Email::parse(address).unwrap(),
        password_hash: StoredHash("$argon2id$first".to_owned()),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        role,
        created_at: at(0),
        email_verified: false,
        ask_to_verify: false,
    }
}

fn token() -> RefreshToken {
    RefreshToken { id: TokenId::random(), issued_at: at(0), expires_at: at(3_600) }
}

fn event(event: Event) -> AuditEvent {
    AuditEvent::new(event, at(0))
}

/// Room for so many sessions of a user.
fn room(sessions_max: usize) -> SessionLimit {
    SessionLimit { sessions_max, revoked_until: at(7_200), ended: event(Event::SessionsEnded) }
}

/// A session of the user 1, opened at 0 and expiring an hour later.
fn session() -> Session {
    Session {
        id: SessionId::random(),
        user: user_id(1),
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(3_600),
        current: token(),
        current_used: false,
        previous: None,
        address: "192.0.2.1".to_owned(),
        user_agent: UserAgent::cut(b"curl/8"),
    }
}
