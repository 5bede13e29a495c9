//! Every metric, by what it is about. Label values come from closed sets and the configuration,
//! never from a request.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::accounts::{Accounts, Hashing, HashingReading};
use super::connections::{Connections, ConnectionsReading};
use super::deliveries::Deliveries;
use super::issuers::{IssuerReading, Issuers};
use super::limits::{Limits, PolicyReading};
use super::process::{Process, ProcessReading};
use super::registry::{Entry, MetricRegistry, reference};
use super::requests::{Outcome, Requests};
use super::security::Security;
use super::tokens::{RevocationMetrics, RevocationReading, Tokens, TokensReading};
use super::upstreams::{UpstreamServer, Upstreams};

/// Figures that are kept elsewhere, and read when somebody scrapes.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub tokens: TokensReading,
    pub revocation: RevocationReading,
    pub policies: Vec<PolicyReading>,
    pub hashing: HashingReading,
    pub connections: ConnectionsReading,
    /// Servers of all upstreams.
    pub upstream_servers: Vec<UpstreamServer>,
    pub issuers: Vec<IssuerReading>,
    pub process: ProcessReading,
    /// What waits in the outbox.
    pub outbox_waiting: usize,
}

/// All metrics of the process.
pub struct Metrics {
    /// Two scrapes at once would bring one counter up twice.
    scraping: Mutex<()>,
    registry: Registry,
    entries: Vec<Entry>,
    pub requests: Requests,
    pub tokens: Tokens,
    pub revocation: RevocationMetrics,
    limits: Limits,
    pub accounts: Accounts,
    pub security: Security,
    pub deliveries: Deliveries,
    pub hashing: Hashing,
    pub connections: Connections,
    pub upstreams: Upstreams,
    issuers: Issuers,
    pub process: Process,
}

impl Metrics {
    /// `outcomes` are all that can become of a request, each in its place.
    pub fn new(outcomes: impl IntoIterator<Item = Outcome>) -> Result<Arc<Self>, prometheus::Error> {
        let mut registry = MetricRegistry::new();
        let mut metrics = Self {
            scraping: Mutex::default(),
            requests: Requests::new(&mut registry, outcomes.into_iter().collect())?,
            tokens: Tokens::new(&mut registry)?,
            revocation: RevocationMetrics::new(&mut registry)?,
            limits: Limits::new(&mut registry)?,
            accounts: Accounts::new(&mut registry)?,
            security: Security::new(&mut registry)?,
            deliveries: Deliveries::new(&mut registry)?,
            hashing: Hashing::new(&mut registry)?,
            connections: Connections::new(&mut registry)?,
            upstreams: Upstreams::new(&mut registry)?,
            issuers: Issuers::new(&mut registry)?,
            process: Process::new(&mut registry)?,
            registry: Registry::new(),
            entries: Vec::new(),
        };
        (metrics.registry, metrics.entries) = registry.close();
        Ok(Arc::new(metrics))
    }

    /// Each metric that there is.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The table of docs/metrics.md.
    pub fn reference(&self) -> String {
        reference(&self.entries)
    }

    /// Everything in the text format of Prometheus.
    pub fn render(&self, reading: &Reading) -> String {
        let _alone = self.scraping.lock();
        self.tokens.show(reading.tokens);
        self.revocation.show(&reading.revocation);
        self.limits.show(&reading.policies);
        self.deliveries.show(reading.outbox_waiting);
        self.hashing.show(&reading.hashing);
        self.connections.show(&reading.connections);
        self.upstreams.show(&reading.upstream_servers);
        self.issuers.show(&reading.issuers);
        self.process.show(&reading.process);
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(fault) => format!("# metrics cannot be rendered: {fault}\n"),
        }
    }
}
