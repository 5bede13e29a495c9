//! The composition root: the only file that knows every room. Adapters are made here and handed
//! on as ports.

mod assembly;
mod background;
mod current;
pub(crate) mod dumps;
mod figures;
mod first_admin;
mod fleet;
mod housekeeping;
mod operators;
mod prepared;
mod relay;
mod reload;
mod signal_thread;
mod store;
mod upgrade;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};

use self::assembly::{Assembly, Needed};
use self::background::Background;
use self::current::{ActiveConfiguration, Current, endpoints};
use self::figures::Figures;
use self::fleet::Fleet;
use self::signal_thread::SignalThread;
use self::store::Place;
use self::upgrade::Successor;

pub(crate) use self::assembly::Stopped;
pub(crate) use self::operators::SOCKET;
pub(crate) use self::prepared::Prepared;
pub(crate) use self::signal_thread::{hold_signals_back, let_signals_through};

use crate::shutdown::{CheckSuccessor, Drain, Signals};
use gateway_api::{Api, Services};
use gateway_clock::{Clock, SharedClock};
use gateway_config::{Checked, Source};
use gateway_edge::{
    Bound, Browsers, Caps, Configured, Connections, Descriptors, Gateway, GatewayParts, Handover, Inherited,
    Operator, Parts, Public, Streams, TrustedProxies, operator_service, outcomes, proxy_service,
};
use gateway_limits::Limiters;
use gateway_pipeline::Cookies;
use gateway_store::{AuditEvent, Event, StoreError, record_at_least_in_the_log};
use gateway_store_memory::{EmbeddedRevocations, MirroredRevocations};
use gateway_store_postgres::Follower;
use gateway_store_redis::RedisRevocations;
use gateway_telemetry::{Metrics, Traces};

/// More tries than any upstream's own setting allows: each says itself when to stop.
const UPSTREAM_TRIES: usize = 16;
/// Idle connections of HTTP/2 to upstreams that Pingora keeps, over all of them, for each thread.
const UPSTREAM_POOL: usize = 512;
/// How long the last spans may take to the collector when the gateway stops, and while another binary
/// takes over.
const LAST_SPANS_MAX: Duration = Duration::from_secs(2);
const LAST_SPANS_UPGRADING_MAX: Duration = Duration::from_millis(100);

/// Sockets that are bound before anything else is started, or were by the process before.
pub struct Sockets {
    /// Of each listener, in their order.
    pub public: Vec<Bound>,
    pub operations: Bound,
    inherited: Inherited,
    handover: Arc<Handover>,
}

impl Sockets {
    pub fn bind(checked: &Checked, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut inherited = upgrade::inherited(environment);
        let handover = Arc::new(Handover::default());
        let mut bind = |address| Bound::inherit_or_bind(address, &mut inherited, &handover);
        let public = checked.listeners.iter().map(|listener| bind(listener.address));
        let public = public.collect::<Result<_, _>>()?;
        let operations = bind(checked.operations_listen)?;
        Ok(Self { public, operations, inherited, handover })
    }
}

/// Told once the gateway listens.
pub struct Listening {
    /// Each listener, and whether it has TLS; at least one.
    pub public: Vec<(std::net::SocketAddr, bool)>,
    pub operations: std::net::SocketAddr,
    /// Whether this start made the first administrator.
    pub made_admin: bool,
}

/// The revocation views, for what is asked beyond the port.
struct View {
    /// What the ledger holds.
    own: Arc<EmbeddedRevocations>,
    /// What others hold as well.
    redis: Option<Arc<RedisRevocations>>,
    /// How the ledger is followed, where others write it.
    mirrored: Option<(Arc<MirroredRevocations>, Arc<Follower>)>,
}

impl View {
    /// Follows the ledger until it is stopped.
    fn follow(&self) -> Result<Option<Background>, String> {
        let Some((view, follower)) = self.mirrored.clone() else { return Ok(None) };
        let following = Background::start("following", |stopped| async move {
            tokio::select! {
                () = view.follow(&*follower) => {}
                _ = stopped => {}
            }
        })?;
        Ok(Some(following))
    }
}

/// Runs the gateway until it is told to stop; everything acknowledged is durable then.
pub fn run(
    checked: Checked,
    source: Option<Source>,
    limiters: Arc<Limiters>,
    sockets: Sockets,
    announce: impl FnOnce(Listening) + Send + Sync + 'static,
) -> Result<(), String> {
    let descriptors = Descriptors::of_this_process()?;
    let shared = Arc::new(SharedClock::default());
    let clock = Arc::clone(&shared) as Arc<dyn Clock>;
    let metrics = Metrics::new(outcomes()).map_err(|fault| format!("metrics cannot be made: {fault}"))?;
    // A runtime for the few steps before the server has its own.
    let before = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let before = before.map_err(|fault| format!("no runtime can be made: {fault}"))?;
    // First of all: from here on no signal ends the process but in order.
    let signals = before.block_on(async { Ok((Signals::listen()?, signal(SignalKind::hangup())?)) });
    let (signals, hangup) =
        signals.map_err(|fault: std::io::Error| format!("signals cannot be waited for: {fault}"))?;
    let signal_thread = SignalThread::start()?;
    let successor = source.clone().map(Successor::of_this);
    let successor = successor.transpose().map_err(|fault| format!("this binary has no path: {fault}"))?;
    let place = Place::from_checked(&checked);
    let held = fleet::held(&checked.reloadable, clock.now());
    let keys = reload::key_names(&checked.reloadable, clock.now());
    let needed = Needed {
        place,
        revocations: Some(checked.revocations),
        hashing: checked.hashing,
        reloadable: checked.reloadable,
        grace: checked.grace,
        sessions_max: checked.sessions_max,
        rotate_always: checked.rotate_always,
        docs: checked.docs,
        asking_proxy: checked.asking_proxy,
        registration: checked.registration,
    };
    let assembly = before.block_on(Assembly::new(needed, &limiters, shared, Arc::clone(&metrics)))?;
    let Assembly { store, services, view, issuer_keys } = assembly;
    store.tell_which();
    let mut following = view.follow()?;
    let mut keeping = store.keep()?;
    let fleet = view.mirrored.as_ref().zip(store.database());
    let fleet = fleet.map(|((view, _), database)| Fleet::new(database.clone(), Arc::clone(view)));
    if let Some(fleet) = &fleet {
        before.block_on(fleet.join(held))?;
    }
    let mut reporting = fleet.clone().map(Fleet::report).transpose()?;
    let made_admin = match checked.first_admin {
        Some(admin) => before.block_on(first_admin::ensure(&services, admin))?,
        None => false,
    };
    let revocations = Arc::clone(&services.sessions.revocations);
    before.block_on(record_start(&services))?;
    let mut relay = relay::start(&services, checked.mail, checked.webhook)?;

    let trusted = Arc::new(TrustedProxies::new(checked.trusted_proxies, checked.trusted_headers));
    let caps = caps_within(&descriptors, checked.caps);
    let connections = Connections::new(caps, Arc::clone(&trusted));
    let (pipeline, audit) = (Arc::clone(&services.pipeline), Arc::clone(&services.audit));
    let told = Arc::clone(&services.sessions.announce);
    let api = Api::new(services);
    let parts = Parts {
        decision: Arc::clone(&api.services().config),
        endpoints: endpoints(&api),
        tls: checked.listeners.iter().map(|listener| listener.tls.clone()).collect(),
    };
    let configured = before.block_on(Configured::prepare(parts, None, &metrics, &descriptors))?;
    let current = Current::new(ActiveConfiguration { api, edge: Arc::new(configured) });
    if store.database().is_some() {
        operators::refuse_second(&checked.store_path)?;
    }
    let socket = operators::Socket::listen(&checked.store_path, Arc::clone(&current))?;
    let socket = Arc::new(parking_lot::Mutex::new(socket));
    let streams = Streams::new(Arc::clone(&pipeline), current.of_edge(), Arc::clone(&metrics));
    let traces = Arc::new(Traces::new(&checked.traces)?);
    let browsers = match checked.cookies {
        Some(same_site) => {
            let key = before.block_on(store.csrf_key(&checked.store_path))?;
            let cookies = Arc::new(Cookies::new(same_site, key.expose_secret()));
            Some(Browsers { cookies })
        }
        None => None,
    };
    let gateway = Gateway::new(GatewayParts {
        pipeline,
        browsers,
        trusted,
        metrics: Arc::clone(&metrics),
        traces: Arc::clone(&traces),
        explain_to: checked.explain_to,
        abort_on_close: checked.abort_on_close,
        fast_path: checked.fast_path,
        current: current.of_edge(),
        connections: Arc::clone(&connections),
        descriptors: Arc::clone(&descriptors),
        streams: Arc::clone(&streams),
    });
    let draining = Arc::new(AtomicBool::new(false));
    let view = Arc::new(view);
    let carrier = Arc::new(OnceLock::new());
    let mut keeper = housekeeping::start(housekeeping::Work {
        clock: Arc::clone(&clock),
        current: Arc::clone(&current),
        audit_kept: checked.audit_kept,
        own: Arc::clone(&view.own),
    })?;

    let (drain, drained) = watch::channel(false);
    let (closing, closed) = watch::channel(false);
    let listeners: Vec<_> = checked.listeners.into_iter().zip(sockets.public).collect();
    let listening = Listening {
        public: listeners.iter().map(|(listener, bound)| (bound.address, listener.tls.is_some())).collect(),
        operations: sockets.operations.address,
        made_admin,
    };
    let ready: gateway_edge::OnReady = {
        let view = Arc::clone(&view);
        let (current, running_on) = (Arc::clone(&current), Arc::clone(&carrier));
        let (keys, streams) = (Arc::clone(&issuer_keys), Arc::clone(&streams));
        Box::new(move || {
            // On the proxy's runtime: the connection's driver then shares its threads.
            if let Some(redis) = &view.redis {
                redis.start();
            }
            // It is there only once.
            running_on.set(tokio::runtime::Handle::current()).ok();
            current.load().edge.start(None);
            streams.start();
            keys.start();
            announce(listening);
        })
    };
    let conf = server_conf(checked.threads, descriptors.idle_max());
    let mut server = Server::new_with_opt_and_conf(None, conf);
    let conf = Arc::clone(&server.configuration);
    let public = proxy_service(
        &conf,
        Public {
            gateway,
            connections: Arc::clone(&connections),
            descriptors: Arc::clone(&descriptors),
            listeners,
            threads: checked.threads,
            drain: drained.clone(),
            closing: closed,
            handover: Arc::clone(&sockets.handover),
            inherited: sockets.inherited,
            ready,
        },
    );
    server.add_boxed_service(public);
    let figures = Figures {
        current: Arc::clone(&current),
        limiters: Arc::clone(&limiters),
        view: Arc::clone(&view),
        store: store.clone(),
        connections: Arc::clone(&connections),
        descriptors,
        streams,
        issuer_keys: Arc::clone(&issuer_keys),
        traces: Arc::clone(&traces),
        worker_threads: checked.threads,
    };
    let operator = Operator {
        metrics: Arc::clone(&metrics),
        reading: Box::new(move || figures.read()),
        readiness: figures::readiness(&store, &revocations),
        draining: Arc::clone(&draining),
    };
    let mut reloader = reload::start(reload::Reload {
        hangup,
        source,
        written: checked.written,
        limiters,
        issuer_keys,
        current,
        audit,
        announce: told,
        clock,
        metrics,
        carrier,
        keys,
        fleet,
    })?;
    server.add_boxed_service(operator_service(operator, sockets.operations, drained));
    let replaced = Arc::new(AtomicBool::new(false));
    let signals = Arc::new(Mutex::new(signals));
    server.run(RunArgs {
        shutdown_signal: Box::new(Drain {
            signals: Arc::clone(&signals),
            drain,
            closing,
            draining,
            connections,
            stop_within: checked.shutdown,
            replace_within: checked.upgrade,
            handover: Arc::clone(&sockets.handover),
            successor: successor
                .clone()
                .map(|successor| -> CheckSuccessor { Arc::new(move || successor.check()) }),
            replaced: Arc::clone(&replaced),
            finish: Arc::new(move || socket.lock().stop()),
        }),
    });
    // Nobody accepts connections while another binary is awaited: spans are not worth a pause.
    let upgrading = replaced.load(Ordering::Acquire);
    traces.end(if upgrading { LAST_SPANS_UPGRADING_MAX } else { LAST_SPANS_MAX });
    reloader.stop();
    relay.stop();
    keeper.stop();
    following.iter_mut().chain(&mut keeping).chain(&mut reporting).for_each(Background::stop);
    if let Some(successor) = successor.filter(|_| replaced.load(Ordering::Acquire)) {
        signal_thread.hold();
        if !before.block_on(async { signals.lock().await.told_to_stop().await }) {
            // What was acknowledged is durable; locks and descriptors end with this program.
            gateway_telemetry::log::end();
            return Err(successor.replace(sockets.handover.take()));
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// The bounds of connections and requests that were asked for, as far as there are file descriptors.
fn caps_within(descriptors: &Descriptors, asked: Caps) -> Caps {
    let caps = asked.within(descriptors.max());
    if caps != asked {
        let Caps { connections, streams } = caps;
        tracing::warn!(
            connections_max = connections.total,
            connections_per_address_max = connections.per_address,
            streams_max = streams.total,
            streams_per_address_max = streams.per_address,
            "file descriptors are too few for the bounds of [server], which are lowered to these"
        );
    }
    caps
}

/// The first thing of this run in the audit trail: what came before it is over.
async fn record_start(services: &Services) -> Result<(), String> {
    let started = AuditEvent::of_gateway(Event::Started, services.clock.now());
    let started = started.with_detail(format!("version {}", env!("CARGO_PKG_VERSION")));
    match record_at_least_in_the_log(&services.audit, &services.sessions.announce, started).await {
        // Tokens can be verified all the same: a full disk is no reason not to start.
        Err(StoreError::Full(fault)) => {
            tracing::error!(error = fault, "the start could not be recorded");
            Ok(())
        }
        recorded => recorded.map_err(|fault| fault.to_string()),
    }
}

/// Pingora's settings, by name: its defaults are one thread, sixteen tries, and five minutes of
/// grace.
fn server_conf(threads: usize, idle_max: usize) -> ServerConf {
    // Those that speak HTTP/1.1 and those that speak HTTP/2 are kept apart.
    let pool = UPSTREAM_POOL.min(idle_max / 2 / threads.max(1)).max(1);
    ServerConf {
        threads,
        max_retries: UPSTREAM_TRIES,
        upstream_keepalive_pool_size: pool,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        max_blocking_threads: Some(8),
        ..ServerConf::default()
    }
}
