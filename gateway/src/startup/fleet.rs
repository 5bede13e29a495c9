//! This gateway among those that share its database.

use std::sync::Arc;
use std::time::Duration;

use super::background::Background;
use gateway_clock::Timestamp;
use gateway_config::Reloadable;
use gateway_identity::TokenId;
use gateway_store_memory::MirroredRevocations;
use gateway_store_postgres::{HeldKeys, Member, PostgresStore};
use gateway_token::KeyRing;

const REPORT_EVERY: Duration = Duration::from_secs(2);

/// Its place in the list of gateways.
#[derive(Clone)]
pub(super) struct Fleet {
    store: PostgresStore,
    view: Arc<MirroredRevocations>,
    id: String,
    name: String,
}

impl Fleet {
    pub(super) fn new(store: PostgresStore, view: Arc<MirroredRevocations>) -> Self {
        let uname = rustix::system::uname();
        let host = uname.nodename().to_string_lossy().into_owned();
        Self {
            store,
            view,
            id: TokenId::random().to_string(),
            name: format!("{host}:{}", std::process::id()),
        }
    }

    /// Says which keys it holds from now on; an error where they do not go together with those of another
    /// gateway that lives.
    pub(super) async fn join(&self, keys: Vec<HeldKeys>) -> Result<(), String> {
        let member = Member {
            id: self.id.clone(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            keys,
            staleness: self.view.staleness(),
        };
        self.store.join(member).await.map_err(|fault| fault.to_string())?
    }

    /// Says that it lives, until it is told to end.
    pub(super) fn report(self) -> Result<Background, String> {
        Background::start("reporting", |mut stopped| async move {
            while tokio::time::timeout(REPORT_EVERY, &mut stopped).await.is_err() {
                if let Err(fault) = self.store.report(&self.id, self.view.staleness()).await {
                    tracing::debug!(error = %fault, "this gateway could not report itself");
                }
            }
            if let Err(fault) = self.store.leave(&self.id).await {
                tracing::debug!(error = %fault, "this gateway could not say that it ends");
            }
        })
    }
}

/// The keys that a configuration has, by their names.
pub(super) fn held(settings: &Reloadable, now: Timestamp) -> Vec<HeldKeys> {
    let rings = [("access", &settings.tokens.access_keys), ("refresh", &settings.tokens.refresh_keys)];
    rings.map(|(usage, ring)| of_ring(usage, ring, now)).into()
}

fn of_ring(usage: &str, ring: &KeyRing, now: Timestamp) -> HeldKeys {
    let (signs, accepts) = ring.names(now);
    HeldKeys { usage: usage.to_owned(), signs, accepts }
}
