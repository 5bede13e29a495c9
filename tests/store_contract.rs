//! What every adapter of the store's ports promises. A law is written once, against the port, and is
//! a test for each adapter that `laws!` names.

use std::sync::Arc;

use gateway::adapter::embedded::EmbeddedRevocations;
use gateway::adapter::own_first::OwnFirst;
use gateway::adapter::sled::{SledOptions, SledStore};
use gateway::clock::Timestamp;
use gateway::identity::{Email, Network, Role, SessionId, TokenId, UserAgent, UserId};
use gateway::store::{
    Entry, NewUser, RefreshToken, RevocationLedger, Revocations, Room, Session, Sessions, StoredHash, Users,
};
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

mod durability;
mod largest;
mod opening;
mod redis_revocations;
mod revocations;
mod rotation_model;
mod sessions;
mod transfer;
mod users;
mod views;

/// The ports of one fresh, empty store.
struct Stores {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    ledger: Arc<dyn RevocationLedger>,
    /// Dropped last, as the fields are dropped in turn.
    _folder: TempDir,
}

impl Stores {
    async fn sled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), SledOptions::default()).unwrap();
        Self {
            users: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            ledger: Arc::new(store),
            _folder: folder,
        }
    }
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

/// A session of the user 1, opened at 0 and expiring an hour later.
/// Room for so many sessions of a user.
fn room(sessions_max: usize) -> Room {
    Room { sessions_max, revoked_until: at(7_200), ended: Entry::of("sessions_ended") }
}

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
