//! What the endpoints and the pipeline are made of, for a gateway that listens, and for the command
//! line beside one that does not.

use std::sync::Arc;
use std::time::Duration;

use super::View;
use super::prepared::Prepared;
use super::store::{Place, Ports, Store};
use gateway_api::{Api, AskingProxy, Registration, Services};
use gateway_clock::{Clock, SharedClock};
use gateway_config::{Checked, Reloadable, RevocationSettings};
use gateway_edge::outcomes;
use gateway_jwks::JwksBook;
use gateway_limits::{FailedLogins, Limiters};
use gateway_password::{HashPool, OnHashed, PoolSettings};
use gateway_pipeline::Pipeline;
use gateway_session::{Announcements, Lifecycle};
use gateway_store::{Announce, RevocationLedger, Revocations, UnderWay};
use gateway_store_memory::{EmbeddedRevocations, MirroredRevocations, OwnFirst};
use gateway_store_redis::RedisRevocations;
use gateway_telemetry::Metrics;

/// How many pairs of account and address are remembered as failing.
const PAIRS_MAX: usize = 100_000;

/// About as many as may wait for the store's writer: what clients that left asked for is bounded, too.
const COMMITS_MAX: u16 = 1_024;

/// As long as any access token may live: what a stopped gateway's tokens lose must be remembered so
/// long.
const ACCESS_LIFETIME_MAX: Duration = Duration::from_secs(86_400);

/// What of the configuration is needed.
pub(super) struct Needed {
    pub(super) place: Place,
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
    pub(super) store: Store,
    pub(super) services: Arc<Services>,
    pub(super) view: View,
    pub(super) issuer_keys: Arc<JwksBook>,
}

impl Assembly {
    pub(super) async fn new(
        needed: Needed,
        limiters: &Limiters,
        shared: Arc<SharedClock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let clock = Arc::clone(&shared) as Arc<dyn Clock>;
        let store = Store::open(needed.place).await?;
        let installation = store.installation().await.map_err(|fault| fault.to_string())?;
        let Ports { users, sessions, ledger, tickets, outbox, audit } = store.ports();
        let hashing = HashPool::start(needed.hashing, on_hashed(&metrics))
            .map_err(|fault| format!("password: {fault}"))?;
        // Nobody knows here how long the tokens live that are out.
        let is_stopped = needed.revocations.is_none();
        let view = view(needed.revocations, &store, &ledger, &shared).await?;
        let own = Arc::clone(&view.own) as Arc<dyn Revocations>;
        let revocations: Arc<dyn Revocations> = match (&view.redis, &view.mirrored) {
            (Some(redis), _) => Arc::new(OwnFirst::new(own, Arc::clone(redis) as _)),
            (None, Some((mirrored, _))) => Arc::clone(mirrored) as Arc<dyn Revocations>,
            (None, None) => own,
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
            users,
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
            tickets,
            outbox,
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
            place: Place::from_checked(&checked),
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
        let assembly = Assembly::new(needed, &Limiters::default(), Arc::default(), metrics).await?;
        Ok(Self { api: Api::new(assembly.services) })
    }
}

async fn view(
    settings: Option<RevocationSettings>,
    store: &Store,
    ledger: &Arc<dyn RevocationLedger>,
    shared: &Arc<SharedClock>,
) -> Result<View, String> {
    let Some(settings) = settings else {
        return Ok(View { own: Arc::default(), redis: None, mirrored: None });
    };
    if let (RevocationSettings::Mirrored(bounds), Some(database)) = (&settings, store.database()) {
        let own = Arc::new(EmbeddedRevocations::default());
        let mirrored = Arc::new(MirroredRevocations::new(Arc::clone(&own), *bounds));
        let follower = Arc::new(database.follower(Arc::clone(shared)));
        mirrored.refresh(&*follower).await.map_err(|fault| fault.to_string())?;
        return Ok(View { own, redis: None, mirrored: Some((mirrored, follower)) });
    }
    let clock = Arc::clone(shared) as Arc<dyn Clock>;
    let own = EmbeddedRevocations::load(&**ledger, clock.now()).await;
    let own = Arc::new(own.map_err(|fault| fault.to_string())?);
    let redis = match settings {
        RevocationSettings::Embedded | RevocationSettings::Mirrored(_) => None,
        RevocationSettings::Redis(settings) => {
            let redis = RedisRevocations::new(settings, Arc::clone(ledger), clock);
            Some(Arc::new(redis.map_err(|fault| format!("redis: {fault}"))?))
        }
    };
    Ok(View { own, redis, mirrored: None })
}

fn on_hashed(metrics: &Arc<Metrics>) -> OnHashed {
    let metrics = Arc::clone(metrics);
    Arc::new(move |waited, took| metrics.hashing.hashed(waited, took))
}
