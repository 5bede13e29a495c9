//! What a reload may change, as the edge needs it: prepared whole, and never changed.

use std::sync::Arc;

use foldhash::HashMap;

use super::descriptors::Descriptors;
use super::tls::{CertificateEnd, Handshakes, TlsMaterial};
use super::upstreams::Upstreams;
use super::{RenewSession, ServeApi};
use gateway_pipeline::{Route, Snapshot};
use gateway_telemetry::{Metrics, RouteMetrics, UpstreamServer};

/// What is configured now. Asked once when a request begins, or a handshake.
pub type Current = Arc<dyn Fn() -> Arc<Configured> + Send + Sync>;

/// Our own endpoints, by one configuration.
pub struct Endpoints {
    pub serve: ServeApi,
    pub renew: RenewSession,
}

/// What of a configuration was made elsewhere; its parts belong together.
pub struct Parts {
    pub decision: Arc<Snapshot>,
    pub endpoints: Endpoints,
    /// Of each listener, in their order; `None` where it is plain.
    pub tls: Vec<Option<TlsMaterial>>,
}

/// A request keeps the one that it began with.
pub struct Configured {
    pub(super) decision: Arc<Snapshot>,
    pub(super) endpoints: Endpoints,
    pub(super) metrics: HashMap<String, RouteMetrics>,
    pub(super) upstreams: Upstreams,
    tls: Vec<Option<TlsMaterial>>,
    descriptors: Arc<Descriptors>,
}

impl Configured {
    /// Fails where an upstream cannot be used; nothing is changed by it. What `before` has and is
    /// unchanged is carried over: the health of servers, and connections to them.
    pub async fn prepare(
        Parts { decision, endpoints, tls }: Parts,
        before: Option<&Self>,
        metrics: &Metrics,
        descriptors: &Arc<Descriptors>,
    ) -> Result<Self, String> {
        let wanted = decision.routes.iter().map(|route| Arc::clone(&route.upstream));
        let upstreams = before.map(|before| &before.upstreams);
        let upstreams = Upstreams::prepare(wanted, upstreams, metrics, descriptors).await?;
        let of = |route: &Route| metrics.requests.route(&route.name, Some(&route.upstream.name));
        let metrics = decision.routes.iter().map(|route| (route.name.clone(), of(route))).collect();
        Ok(Self { decision, endpoints, metrics, upstreams, tls, descriptors: Arc::clone(descriptors) })
    }

    pub fn descriptors(&self) -> &Arc<Descriptors> {
        &self.descriptors
    }

    /// How the listener at this place shakes hands, where it has TLS.
    pub(super) fn handshakes(&self, listener: usize) -> Option<Arc<Handshakes>> {
        Some(self.tls.get(listener)?.as_ref()?.handshakes())
    }

    /// When each chain in use ends; one that several listeners have stands there once.
    pub fn certificate_ends(&self) -> Vec<CertificateEnd> {
        let mut ends: Vec<_> = self.tls.iter().flatten().flat_map(TlsMaterial::ends).cloned().collect();
        ends.sort();
        ends.dedup_by(|later, earlier| later.chain == earlier.chain);
        ends
    }

    /// Begins what goes on in the background, and ends what `before` had and this has not. Must be
    /// called on the runtime that carries the requests.
    pub fn start(&self, before: Option<&Self>) {
        self.upstreams.start(before.map(|before| &before.upstreams));
    }

    /// The state of each configured server, for metrics.
    pub fn servers(&self) -> Vec<UpstreamServer> {
        self.upstreams.servers()
    }

    /// The upstreams that have no server which could be asked.
    pub fn without_servers(&self) -> Vec<String> {
        self.upstreams.without_servers()
    }
}
