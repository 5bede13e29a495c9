//! What the endpoints and the pipeline are made of, for a gateway that listens, and for the command
//! line beside one that does not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::View;
use super::prepared::Prepared;
use gateway_api::{Api, AskingProxy, Registration, Services};
use gateway_clock::{Clock, SystemClock};
use gateway_config::{Checked, Reloadable, RevocationSettings};
use gateway_edge::outcomes;
use gateway_jwks::JwksBook;
use gateway_limits::{FailedLogins, Limiters};
use gateway_password::{HashPool, OnHashed, PoolSettings};
use gateway_pipeline::Pipeline;
use gateway_session::{Announcements, Lifecycle};
use gateway_store::{Announce, AuditTrail, RevocationLedger, Revocations, Sessions, UnderWay};
use gateway_store_memory::EmbeddedRevocations;
use gateway_store_memory::OwnFirst;
use gateway_store_redis::RedisRevocations;
use gateway_store_sled::{SledOptions, SledStore};
use gateway_telemetry::Metrics;

/// How many pairs of account and address are remembered as failing.
const PAIRS_MAX: usize = 100_000;

/// About as many as may wait for the store's writer: what clients that left asked for is bounded, too.
const COMMITS_MAX: u16 = 1_024;

/// As long as any access token may live: what a stopped gateway's tokens lose must be remembered so
/// long.
const ACCESS_LIFETIME_MAX: Duration = Duration::from_secs(86_400);

/// What of the configuration is needed.
pub(super) struct Needed<'a> {
    pub(super) store_path: &'a Path,
    pub(super) store_min_free_bytes: u64,
    /// None: nobody asks whether tokens are in force, and what is revoked stands in the ledger, from
    /// which the view is brought up at the next start.
    pub(super) revocations: Option<RevocationSettings>,
    pub(super) hashing: PoolSettings,
    pub(super) reloadable: Reloadable,
    pub(super) grace: Duration,
    pub(super) sessions_max: usize,
    pub(super) rotate_always: bool,
    pub(super) docs: bool,
    pub(super) asking_proxy: AskingProxy,
    pub(super) registration: Registration,
}

/// Everything, put together.
pub(super) struct Assembly {
    pub(super) store: SledStore,
    pub(super) services: Arc<Services>,
    pub(super) view: View,
    pub(super) issuer_keys: Arc<JwksBook>,
}

impl Assembly {
    pub(super) async fn new(
        needed: Needed<'_>,
        limiters: &Limiters,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let options = SledOptions { min_free_bytes: needed.store_min_free_bytes, ..SledOptions::default() };
        let store = SledStore::open(needed.store_path, options).map_err(|fault| fault.to_string())?;
        let installation = store.installation().await.map_err(|fault| fault.to_string())?;
        let sessions: Arc<dyn Sessions> = Arc::new(store.clone());
        let audit: Arc<dyn AuditTrail> = Arc::new(store.clone());
        let ledger: Arc<dyn RevocationLedger> = Arc::new(store.clone());
        let hashing = HashPool::start(needed.hashing, on_hashed(&metrics))
            .map_err(|fault| format!("password: {fault}"))?;
        // Nobody knows here how long the tokens live that are out.
        let is_stopped = needed.revocations.is_none();
        let view = view(needed.revocations, &ledger, &clock).await?;
        let own = Arc::clone(&view.own) as Arc<dyn Revocations>;
        let revocations = match &view.redis {
            None => own,
            Some(redis) => Arc::new(OwnFirst::new(own, Arc::clone(redis) as _)),
        };
        let issuer_keys = Arc::new(JwksBook::new(Arc::clone(&clock)));
        let Prepared { snapshot, limits, mut issuer } =
            Prepared::new(needed.reloadable, installation, limiters, &issuer_keys)?;
        if is_stopped {
            issuer.terms.access_lifetime = ACCESS_LIFETIME_MAX;
        }
        let relay = Arc::default();
        let announce: Arc<Announce> = Arc::new(Announcements {
            revocations: Arc::clone(&revocations),
            metrics: Arc::clone(&metrics),
            relay: Arc::clone(&relay),
            under_way: UnderWay::at_most(COMMITS_MAX),
        });
        let pipeline = Pipeline::new(Arc::clone(&revocations), Arc::clone(&clock), Arc::clone(&metrics));
        let pipeline = pipeline.recording_to(Arc::clone(&audit), Arc::clone(&announce));
        let pipeline = pipeline.asking_for_sessions(Arc::clone(&sessions));
        let services = Arc::new(Services {
            users: Arc::new(store.clone()),
            sessions: Lifecycle {
                sessions,
                revocations,
                ledger,
                announce,
                issuer: Arc::new(issuer),
                clock: Arc::clone(&clock),
                grace: needed.grace,
                sessions_max: needed.sessions_max,
            },
            tickets: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            audit,
            relay,
            pipeline: Arc::new(pipeline),
            hashing,
            config: snapshot,
            limits: Arc::new(limits),
            failed_logins: Arc::new(FailedLogins::new(PAIRS_MAX)),
            long_answers: Arc::default(),
            registration: needed.registration,
            rotate_always: needed.rotate_always,
            docs: needed.docs,
            asking_proxy: needed.asking_proxy,
            clock,
            metrics,
        });
        Ok(Self { store, services, view, issuer_keys })
    }
}

/// The endpoints over the store of a gateway that does not run, for the command line.
pub(crate) struct Stopped {
    pub(crate) api: Api,
}

impl Stopped {
    /// Mails that are caused by what is done wait for the next start.
    pub(crate) async fn open(checked: Checked) -> Result<Self, String> {
        let metrics = Metrics::new(outcomes()).map_err(|fault| format!("metrics cannot be made: {fault}"))?;
        let needed = Needed {
            store_path: &checked.store_path,
            store_min_free_bytes: checked.store_min_free_bytes,
            revocations: None,
            hashing: checked.hashing,
            reloadable: checked.reloadable,
            grace: checked.grace,
            sessions_max: checked.sessions_max,
            rotate_always: checked.rotate_always,
            docs: checked.docs,
            asking_proxy: checked.asking_proxy,
            registration: checked.registration,
        };
        let assembly = Assembly::new(needed, &Limiters::default(), Arc::new(SystemClock), metrics).await?;
        Ok(Self { api: Api::new(assembly.services) })
    }
}

async fn view(
    settings: Option<RevocationSettings>,
    ledger: &Arc<dyn RevocationLedger>,
    clock: &Arc<dyn Clock>,
) -> Result<View, String> {
    let Some(settings) = settings else {
        return Ok(View { own: Arc::default(), redis: None });
    };
    let own = EmbeddedRevocations::load(&**ledger, clock.now()).await;
    let own = Arc::new(own.map_err(|fault| fault.to_string())?);
    let redis = match settings {
        RevocationSettings::Embedded => None,
        RevocationSettings::Redis(settings) => {
            let redis = RedisRevocations::new(settings, Arc::clone(ledger), Arc::clone(clock));
            Some(Arc::new(redis.map_err(|fault| format!("redis: {fault}"))?))
        }
    };
    Ok(View { own, redis })
}

fn on_hashed(metrics: &Arc<Metrics>) -> OnHashed {
    let metrics = Arc::clone(metrics);
    Arc::new(move |waited, took| metrics.hashing.hashed(waited, took))
}
