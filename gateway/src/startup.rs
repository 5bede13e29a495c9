//! The composition root: the only file that knows every room. Adapters are made here and handed
//! on as ports.

mod figures;
mod first_admin;
mod housekeeping;
mod prepared;
mod reload;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use tokio::sync::watch;

pub(crate) use self::prepared::Prepared;

use crate::adapter::embedded::EmbeddedRevocations;
use crate::adapter::jwks::JwksBook;
use crate::adapter::redis::RedisRevocations;
use crate::adapter::sled::{SledOptions, SledStore};
use crate::api::{Api, Client, Services};
use crate::clock::{Clock, SystemClock};
use crate::config::{Checked, RevocationSettings, Source};
use crate::edge::{
    Bound, Configured, Connections, Gateway, GatewayParts, Operator, ServeApi, TrustedProxies,
    operator_service, outcomes, proxy_service,
};
use crate::limits::{Books, KnownPairs};
use crate::password::HashPool;
use crate::pipeline::Pipeline;
use crate::session::Lifecycle;
use crate::shutdown::{Drain, StopSignals};
use crate::store::{RevocationLedger, Revocations, Sessions, Users};
use crate::telemetry::Metrics;

/// More tries than any upstream's own setting allows: each says itself when to stop.
const UPSTREAM_TRIES: usize = 16;
/// Idle connections to upstreams that are kept, over all of them.
const UPSTREAM_POOL: usize = 512;
/// How many pairs of account and address are remembered as used by the owner.
const KNOWN_PAIRS_MAX: usize = 100_000;

/// Sockets that are bound before anything else is started.
pub struct Sockets {
    pub public: Bound,
    pub operations: Bound,
}

impl Sockets {
    pub fn bind(checked: &Checked) -> Result<Self, String> {
        Ok(Self { public: Bound::bind(checked.listen)?, operations: Bound::bind(checked.operations_listen)? })
    }
}

/// Told once the gateway listens.
pub struct Listening {
    pub public: std::net::SocketAddr,
    pub operations: std::net::SocketAddr,
    /// Whether this start made the first administrator.
    pub made_admin: bool,
}

/// The two shapes of the revocation view, for what is asked beyond the port.
enum View {
    Embedded(Arc<EmbeddedRevocations>),
    Redis(Arc<RedisRevocations>),
}

/// Runs the gateway until it is told to stop; everything acknowledged is durable then.
pub fn run(
    checked: Checked,
    source: Option<Source>,
    books: Books,
    sockets: Sockets,
    announce: impl FnOnce(Listening) + Send + Sync + 'static,
) -> Result<(), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Metrics::new().map_err(|fault| format!("metrics cannot be made: {fault}"))?;
    // A series that appeared with its first event would have no rate for it.
    for (decision, reason) in outcomes() {
        metrics.decision(decision, reason);
    }
    let options = SledOptions { min_free_bytes: checked.store_min_free_bytes, ..SledOptions::default() };
    let store = SledStore::open(&checked.store_path, options).map_err(|fault| fault.to_string())?;
    let users: Arc<dyn Users> = Arc::new(store.clone());
    let sessions: Arc<dyn Sessions> = Arc::new(store.clone());
    let ledger: Arc<dyn RevocationLedger> = Arc::new(store.clone());
    let hashing = HashPool::start(checked.hashing).map_err(|fault| format!("password: {fault}"))?;

    // A runtime for the few steps before the server has its own.
    let before = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let before = before.map_err(|fault| format!("no runtime can be made: {fault}"))?;
    let signals = before.block_on(async { StopSignals::listen() });
    let signals = signals.map_err(|fault| format!("SIGTERM and SIGINT cannot be waited for: {fault}"))?;
    let made_admin = match checked.first_admin {
        Some(admin) => before.block_on(first_admin::ensure(&*users, &hashing, &*clock, admin))?,
        None => false,
    };
    let view = before.block_on(view(checked.revocations, &ledger, &clock))?;
    let revocations: Arc<dyn Revocations> = match &view {
        View::Embedded(embedded) => Arc::clone(embedded) as Arc<dyn Revocations>,
        View::Redis(redis) => Arc::clone(redis) as Arc<dyn Revocations>,
    };

    let issuer_keys = Arc::new(JwksBook::new(Arc::clone(&clock)));
    let Prepared { snapshot, limits, issuer } = Prepared::new(checked.reloadable, &books, &issuer_keys)?;
    let pipeline =
        Arc::new(Pipeline::new(Arc::clone(&snapshot), Arc::clone(&revocations), Arc::clone(&clock)));
    let services = Arc::new(Services {
        users,
        sessions: Lifecycle {
            sessions: Arc::clone(&sessions),
            revocations: Arc::clone(&revocations),
            ledger: Arc::clone(&ledger),
            issuer: ArcSwap::from_pointee(issuer),
            clock: Arc::clone(&clock),
            grace: checked.grace,
        },
        pipeline: Arc::clone(&pipeline),
        hashing,
        limits: ArcSwap::from_pointee(limits),
        known: KnownPairs::new(KNOWN_PAIRS_MAX),
        rotate_always: checked.rotate_always,
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
    });

    let trusted = Arc::new(TrustedProxies::new(checked.trusted_proxies));
    let connections = Connections::new(checked.connections, Arc::clone(&trusted));
    let configured = before.block_on(Configured::prepare(snapshot, None, &metrics))?;
    let configured = Arc::new(ArcSwap::from_pointee(configured));
    let gateway = Gateway::new(GatewayParts {
        pipeline: Arc::clone(&pipeline),
        api: serve_api(Api::new(Arc::clone(&services))),
        trusted,
        metrics: Arc::clone(&metrics),
        access_log: checked.access_log,
        explain_to: checked.explain_to,
        configured: Arc::clone(&configured),
    });
    let draining = Arc::new(AtomicBool::new(false));
    let view = Arc::new(view);
    let operator = Operator {
        metrics: Arc::clone(&metrics),
        gauges: figures::gauges(&services, &pipeline, &view, &connections, &configured, &issuer_keys),
        readiness: figures::readiness(&store, &revocations),
        draining: Arc::clone(&draining),
    };
    let carrier = Arc::new(OnceLock::new());
    let mut reloader = reload::Reloader::start(reload::Reload {
        source,
        written: checked.written,
        books,
        issuer_keys: Arc::clone(&issuer_keys),
        pipeline: Arc::clone(&pipeline),
        services: Arc::clone(&services),
        configured: Arc::clone(&configured),
        metrics: Arc::clone(&metrics),
        carrier: Arc::clone(&carrier),
    })?;
    let mut keeper = housekeeping::Keeper::start(housekeeping::Work {
        clock,
        sessions,
        ledger,
        pipeline,
        services: Arc::clone(&services),
        embedded: match &*view {
            View::Embedded(embedded) => Some(Arc::clone(embedded)),
            View::Redis(_) => None,
        },
    })?;

    let (drain, drained) = watch::channel(false);
    let listening =
        Listening { public: sockets.public.address, operations: sockets.operations.address, made_admin };
    let ready: crate::edge::OnReady = {
        let view = Arc::clone(&view);
        Box::new(move || {
            // On the proxy's runtime: the connection's driver then shares its threads.
            if let View::Redis(redis) = &*view {
                redis.start();
            }
            // It is there only once.
            let _ = carrier.set(tokio::runtime::Handle::current());
            configured.load().start(None);
            issuer_keys.start();
            announce(listening);
        })
    };
    let conf = server_conf(checked.threads);
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let conf = Arc::clone(&server.configuration);
    let public = proxy_service(
        &conf,
        gateway,
        Arc::clone(&connections),
        sockets.public,
        checked.threads,
        drained.clone(),
        ready,
    );
    server.add_boxed_service(public);
    server.add_boxed_service(operator_service(operator, sockets.operations, drained));
    server.run(RunArgs {
        shutdown_signal: Box::new(Drain::new(signals, drain, draining, connections, checked.shutdown)),
    });
    reloader.stop();
    keeper.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Pingora's settings, by name: its defaults are one thread, sixteen tries, and five minutes of
/// grace.
fn server_conf(threads: usize) -> ServerConf {
    ServerConf {
        threads,
        max_retries: UPSTREAM_TRIES,
        upstream_keepalive_pool_size: UPSTREAM_POOL,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        max_blocking_threads: Some(8),
        ..ServerConf::default()
    }
}

async fn view(
    settings: RevocationSettings,
    ledger: &Arc<dyn RevocationLedger>,
    clock: &Arc<dyn Clock>,
) -> Result<View, String> {
    match settings {
        RevocationSettings::Embedded => {
            let view = EmbeddedRevocations::load(&**ledger, clock.now()).await;
            Ok(View::Embedded(Arc::new(view.map_err(|fault| fault.to_string())?)))
        }
        RevocationSettings::Redis(settings) => {
            let redis = RedisRevocations::new(settings, Arc::clone(ledger), Arc::clone(clock));
            Ok(View::Redis(Arc::new(redis.map_err(|fault| format!("redis: {fault}"))?)))
        }
    }
}

fn serve_api(api: Api) -> ServeApi {
    Box::new(move |request, client| {
        let api = api.clone();
        let client = Client {
            address: client.address,
            peer_is_trusted: client.peer_is_trusted,
            request_id: client.request_id,
        };
        Box::pin(async move { api.serve(request, client).await })
    })
}
