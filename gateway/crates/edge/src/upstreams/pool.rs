//! One upstream: its servers, and the choice among them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use pingora::lb::discovery::ServiceDiscovery;
use pingora::lb::selection::{Consistent, RoundRobin};
use pingora::lb::{Backend, Backends, LoadBalancer};

use super::discovery::{Discovery, Resolver, system};
use super::health::{self, Checks};
use super::least::LeastConnections;
use super::server::Server;
use crate::descriptors::Descriptors;
use gateway_pipeline::{Balance, Target, Upstream};
use gateway_telemetry::{Metrics, UpstreamMetrics, UpstreamServer};

/// Steps of a search, repetitions included, before all servers are looked at one by one.
const SEARCH_STEPS_MAX: usize = 1_000;

/// How often connections that wait are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Connections are shared within one pool only.
static GROUPS: AtomicU64 = AtomicU64::new(1);

/// The server that a backend of Pingora's stands for.
pub(super) fn server_of(backend: &Backend) -> Option<&Arc<Server>> {
    backend.ext.get::<Arc<Server>>()
}

/// Pingora's balancer, by the algorithm that was asked for.
enum Balancer {
    RoundRobin(LoadBalancer<RoundRobin>),
    Least(LoadBalancer<LeastConnections>),
    Hash(LoadBalancer<Consistent>),
}

impl Balancer {
    fn new(balance: Balance, backends: Backends) -> Self {
        match balance {
            Balance::RoundRobin => Self::RoundRobin(LoadBalancer::from_backends(backends)),
            Balance::LeastConnections => Self::Least(LoadBalancer::from_backends(backends)),
            Balance::HashUser | Balance::HashAddress => Self::Hash(LoadBalancer::from_backends(backends)),
        }
    }

    fn backends(&self) -> &Backends {
        match self {
            Self::RoundRobin(balancer) => balancer.backends(),
            Self::Least(balancer) => balancer.backends(),
            Self::Hash(balancer) => balancer.backends(),
        }
    }

    async fn update(&self) -> pingora::Result<()> {
        match self {
            Self::RoundRobin(balancer) => balancer.update().await,
            Self::Least(balancer) => balancer.update().await,
            Self::Hash(balancer) => balancer.update().await,
        }
    }

    fn select(&self, key: &[u8], accept: impl Fn(&Backend, bool) -> bool) -> Option<Backend> {
        match self {
            Self::RoundRobin(balancer) => balancer.select_with(key, SEARCH_STEPS_MAX, accept),
            Self::Least(balancer) => balancer.select_with(key, SEARCH_STEPS_MAX, accept),
            Self::Hash(balancer) => balancer.select_with(key, SEARCH_STEPS_MAX, accept),
        }
    }
}

/// The servers of one upstream.
pub(super) struct Pool {
    pub(super) settings: Arc<Upstream>,
    pub(super) metrics: UpstreamMetrics,
    balancer: Balancer,
    /// Where there is nothing to choose and nothing to check, nothing is looked up.
    only: Option<Arc<Server>>,
    started: AtomicBool,
    retired: AtomicBool,
}

impl Pool {
    pub(super) async fn new(
        settings: Arc<Upstream>,
        metrics: &Metrics,
        descriptors: &Arc<Descriptors>,
    ) -> Result<Self, String> {
        Self::with_resolver(settings, metrics, descriptors, system()).await
    }

    pub(super) async fn with_resolver(
        settings: Arc<Upstream>,
        metrics: &Metrics,
        descriptors: &Arc<Descriptors>,
        resolver: Resolver,
    ) -> Result<Self, String> {
        let group = GROUPS.fetch_add(1, Ordering::Relaxed);
        let counters = |label: &str| metrics.upstreams.server(&settings.name, label);
        let discovery =
            Discovery::new(Arc::clone(&settings), group, resolver, Arc::clone(descriptors), counters)?;
        let mut backends = Backends::new(Box::new(discovery) as Box<dyn ServiceDiscovery + Send + Sync>);
        if let Some(checks) = Checks::new(&settings) {
            backends.set_health_check(checks);
        }
        let balancer = Balancer::new(settings.balance, backends);
        balancer.update().await.map_err(|fault| fault.to_string())?;
        let only = match (&settings.servers[..], &settings.health) {
            ([server], None) if !matches!(server.target, Target::Name { .. }) => {
                balancer.backends().get_backend().first().and_then(server_of).cloned()
            }
            _ => None,
        };
        Ok(Self {
            metrics: metrics.upstreams.upstream(&settings.name),
            settings,
            balancer,
            only,
            started: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        })
    }

    /// A server for a request, and none of those that were tried; a server that was ejected only
    /// where no other one is healthy.
    pub(super) fn choose(&self, key: &[u8], tried: &[Arc<Server>]) -> Option<Arc<Server>> {
        if let Some(only) = &self.only {
            return tried.is_empty().then(|| Arc::clone(only));
        }
        let fresh = |server: &Arc<Server>| !tried.iter().any(|other| Arc::ptr_eq(other, server));
        let chosen = self.balancer.select(key, |backend, healthy| {
            healthy && server_of(backend).is_some_and(|server| !server.ejector.is_out() && fresh(server))
        });
        if let Some(backend) = chosen {
            return server_of(&backend).cloned();
        }
        // The search is bounded and shares its counter with others: it may have missed one.
        let left = self.healthy().into_iter().filter(fresh);
        left.min_by_key(|server| (server.ejector.is_out(), server.load()))
    }

    /// Whether a server is left beside those that were tried.
    pub(super) fn has_another(&self, tried: &[Arc<Server>]) -> bool {
        self.only.is_none()
            && self.healthy().iter().any(|server| !tried.iter().any(|other| Arc::ptr_eq(other, server)))
    }

    /// Whether a server beside this one is healthy and not ejected.
    pub(super) fn can_spare(&self, server: &Arc<Server>) -> bool {
        self.healthy().iter().any(|other| !Arc::ptr_eq(other, server) && !other.ejector.is_out())
    }

    pub(super) fn has_healthy(&self) -> bool {
        self.only.is_some() || !self.healthy().is_empty()
    }

    fn healthy(&self) -> Vec<Arc<Server>> {
        let backends = self.balancer.backends();
        let all = backends.get_backend();
        let healthy = all.iter().filter(|backend| backends.ready(backend));
        healthy.filter_map(|backend| server_of(backend).cloned()).collect()
    }

    /// The state of each configured server: its addresses that are in use, and what runs there.
    pub(super) fn report(&self) -> Vec<UpstreamServer> {
        let backends = self.balancer.backends();
        let all = backends.get_backend();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let labels = self.settings.servers.iter().map(|server| server.target.to_string());
        labels
            .map(|label| {
                let own =
                    |backend: &&Backend| server_of(backend).is_some_and(|server| *server.label == *label);
                let own: Vec<_> = all.iter().filter(own).collect();
                let servers = || own.iter().filter_map(|backend| Some((*backend, server_of(backend)?)));
                let in_use =
                    servers().filter(|(backend, server)| backends.ready(backend) && !server.ejector.is_out());
                UpstreamServer {
                    upstream: self.settings.name.clone(),
                    healthy: count(in_use.count()),
                    running: count(servers().map(|(_, server)| server.running()).sum()),
                    connections: count(servers().map(|(_, server)| server.connections.open()).sum()),
                    fault: match own.is_empty() {
                        true => Some("its name cannot be looked up".to_owned()),
                        false => servers().find_map(|(_, server)| server.fault()),
                    },
                    server: label,
                }
            })
            .collect()
    }

    /// Begins the rounds of checks and look-ups. Each ends with its pool.
    pub(super) fn start(self: &Arc<Self>) {
        if self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::spawn(rounds(Arc::downgrade(self), Round::Sweeps, SWEEP_EVERY, SWEEP_EVERY));
        if let Some(pause) = health::pause(&self.settings) {
            tokio::spawn(rounds(Arc::downgrade(self), Round::Checks, Duration::ZERO, pause));
        }
        if self.settings.servers.iter().any(|server| matches!(server.target, Target::Name { .. })) {
            let pause = self.settings.dns_refresh;
            // It was looked up once when the pool was made.
            tokio::spawn(rounds(Arc::downgrade(self), Round::LookUps, pause, pause));
        }
    }

    /// Looks all names up again, and goes on with what is found.
    pub(super) async fn look_up(&self) {
        if let Err(fault) = self.balancer.update().await {
            tracing::warn!(upstream = self.settings.name, error = %fault, "servers cannot be looked up");
        }
    }

    pub(super) fn note_ejected(&self, server: &Server, time: Duration) {
        server.metrics.ejected();
        let (upstream, address) = (&self.settings.name, server.address().to_string());
        let (label, seconds) = (&*server.label, time.as_secs_f64());
        tracing::warn!(upstream, server = label, address, seconds, "a server is left out");
    }

    /// One client alone met its failures: a request of ours tells whether the server is ill, one at
    /// a time.
    pub(super) fn examine(self: &Arc<Self>, server: &Arc<Server>) {
        let Some(examining) = server.examine() else { return };
        let (this, server) = (Arc::clone(self), Arc::clone(server));
        tokio::spawn(async move {
            let _examining = examining;
            if !health::answers(&this.settings, &server).await && this.can_spare(&server) {
                this.note_ejected(&server, server.ejector.leave_out());
            }
        });
    }

    fn sweep(&self) {
        let all = self.balancer.backends().get_backend();
        all.iter().filter_map(server_of).for_each(|server| server.connections.sweep());
    }

    /// Its settings were replaced: no more checks, and no connection waits; who is on the way with it arrives.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        let all = self.balancer.backends().get_backend();
        all.iter().filter_map(server_of).for_each(|server| server.connections.retire());
    }
}

/// What is done again and again.
#[derive(Clone, Copy)]
enum Round {
    Checks,
    LookUps,
    Sweeps,
}

/// Goes on until the pool is retired or gone.
async fn rounds(pool: Weak<Pool>, round: Round, first: Duration, pause: Duration) {
    tokio::time::sleep(first).await;
    while let Some(pool) = pool.upgrade().filter(|pool| !pool.retired.load(Ordering::Acquire)) {
        match round {
            Round::Checks => pool.balancer.backends().run_health_check(true).await,
            Round::LookUps => pool.look_up().await,
            Round::Sweeps => pool.sweep(),
        }
        drop(pool);
        tokio::time::sleep(pause).await;
    }
}
