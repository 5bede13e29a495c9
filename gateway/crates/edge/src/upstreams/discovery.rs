//! Which servers there are: what is configured, with names looked up in the DNS.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::lb::discovery::ServiceDiscovery;
use pingora::lb::{Backend, Extensions};
use pingora::upstreams::peer::HttpPeer;

use super::ejection::Ejector;
use super::kept::Connections;
use super::server::Server;
use crate::descriptors::Descriptors;
use crate::peer;
use gateway_pipeline::{Target, Upstream};
use gateway_telemetry::ServerMetrics;

/// A look-up may take this long; the addresses that are known stay in use meanwhile.
const LOOK_UP_MAX: Duration = Duration::from_secs(5);

/// All addresses of a name, or why there are none.
pub(super) type LookUp = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, String>> + Send>>;
/// Asks the DNS; tests put their own in its place.
pub(super) type Resolver = Box<dyn Fn(String, u16) -> LookUp + Send + Sync>;

/// The machine's resolver.
pub(super) fn system() -> Resolver {
    Box::new(|host, port| {
        Box::pin(async move {
            match tokio::time::timeout(LOOK_UP_MAX, tokio::net::lookup_host((host, port))).await {
                Ok(Ok(found)) => Ok(found.collect()),
                Ok(Err(fault)) => Err(fault.to_string()),
                Err(_) => Err("the resolver did not answer in time".to_owned()),
            }
        })
    })
}

/// One configured server.
struct Entry {
    target: Target,
    label: Arc<str>,
    weight: u32,
    /// How it is reached, but for its address.
    template: HttpPeer,
    metrics: Arc<ServerMetrics>,
    known: Mutex<Known>,
}

/// What was found last. A server that is found again is the same one, with its state.
#[derive(Default)]
struct Known {
    servers: Vec<Arc<Server>>,
    warned: bool,
}

/// The servers of one upstream.
pub(super) struct Discovery {
    settings: Arc<Upstream>,
    entries: Vec<Entry>,
    resolver: Resolver,
    descriptors: Arc<Descriptors>,
}

impl Discovery {
    /// `metrics` makes the counters of one configured server.
    pub(super) fn new(
        settings: Arc<Upstream>,
        group: u64,
        resolver: Resolver,
        descriptors: Arc<Descriptors>,
        metrics: impl Fn(&str) -> ServerMetrics,
    ) -> Result<Self, String> {
        let mut entries = Vec::new();
        let shared = peer::Shared::new(&settings, group);
        for server in &settings.servers {
            let label: Arc<str> = server.target.to_string().into();
            let template = shared.template(&server.target).map_err(|fault| {
                format!("upstream `{}`: server \"{label}\" cannot be used: {fault}", settings.name)
            })?;
            entries.push(Entry {
                target: server.target.clone(),
                weight: server.weight,
                template,
                metrics: Arc::new(metrics(&label)),
                label,
                known: Mutex::default(),
            });
        }
        Ok(Self { settings, entries, resolver, descriptors })
    }

    /// Looks each name up, and keeps what was known where that fails: a resolver that is down
    /// must not take a service with it.
    async fn look_up(&self) {
        for entry in &self.entries {
            let found = match &entry.target {
                Target::Name { host, port } => (self.resolver)(host.clone(), *port).await,
                Target::Tcp(address) => Ok(vec![*address]),
                Target::Unix(_) => {
                    entry.keep(vec![entry.template.clone()], &self.settings, &self.descriptors);
                    continue;
                }
            };
            match found {
                Ok(addresses) if !addresses.is_empty() => {
                    let peers = addresses.into_iter().map(|address| peer::at(&entry.template, address));
                    entry.keep(peers.collect(), &self.settings, &self.descriptors);
                }
                Ok(_) => entry.warn(&self.settings.name, "it has no addresses"),
                Err(fault) => entry.warn(&self.settings.name, &fault),
            }
        }
    }
}

impl Entry {
    fn keep(&self, peers: Vec<HttpPeer>, settings: &Upstream, descriptors: &Arc<Descriptors>) {
        let mut known = self.known.lock();
        let before = std::mem::take(&mut known.servers);
        for peer in peers {
            let same = |server: &&Arc<Server>| *server.address() == peer._address;
            let server = before.iter().find(same).cloned().unwrap_or_else(|| {
                let ejector = Ejector::new(settings.ejection.clone());
                let weight = usize::try_from(self.weight).unwrap_or(usize::MAX);
                let (max, idle) = (settings.connections_max, settings.timeouts.idle);
                let connections = Connections::new(
                    Arc::clone(&self.label),
                    max,
                    idle,
                    Arc::clone(&self.metrics),
                    Arc::clone(descriptors),
                );
                Arc::new(Server::new(
                    Arc::clone(&self.label),
                    weight,
                    peer,
                    connections,
                    ejector,
                    Arc::clone(&self.metrics),
                ))
            });
            known.servers.push(server);
        }
        let is_gone = |server: &&Arc<Server>| !known.servers.iter().any(|other| Arc::ptr_eq(server, other));
        before.iter().filter(is_gone).for_each(|server| server.connections.retire());
        if std::mem::take(&mut known.warned) {
            tracing::info!(upstream = settings.name, server = &*self.label, "the name is known again");
        }
    }

    /// Said once, and not at each further look-up.
    fn warn(&self, upstream: &str, fault: &str) {
        let mut known = self.known.lock();
        if !std::mem::replace(&mut known.warned, true) {
            let kept = known.servers.len();
            tracing::warn!(
                upstream,
                server = &*self.label,
                error = fault,
                kept,
                "the name cannot be looked up"
            );
        }
    }
}

#[async_trait]
impl ServiceDiscovery for Discovery {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        self.look_up().await;
        let mut backends: BTreeSet<Backend> = BTreeSet::new();
        for server in self.entries.iter().flat_map(|entry| entry.known.lock().servers.clone()) {
            // Two names of one address are one server.
            if !backends.iter().any(|other| other.addr == *server.address()) {
                let mut ext = Extensions::new();
                let (addr, weight) = (server.address().clone(), server.weight);
                ext.insert(server);
                backends.insert(Backend { addr, weight, ext });
            }
        }
        Ok((backends, HashMap::new()))
    }
}
