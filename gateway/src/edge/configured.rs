//! What a reload may change, as the edge needs it: prepared whole, swapped whole.

use std::sync::Arc;

use foldhash::HashMap;

use super::descriptors::Descriptors;
use super::upstreams::Upstreams;
use crate::pipeline::{Route, Snapshot};
use crate::telemetry::{Metrics, RouteMetrics, UpstreamServer};

/// A request keeps the one that it began with.
pub struct Configured {
    pub(super) decision: Arc<Snapshot>,
    pub(super) metrics: HashMap<String, RouteMetrics>,
    pub(super) upstreams: Upstreams,
    descriptors: Arc<Descriptors>,
}

impl Configured {
    /// Fails where an upstream cannot be used; nothing is changed by it. What `before` has and is
    /// unchanged is carried over: the health of servers, and connections to them.
    pub async fn prepare(
        decision: Arc<Snapshot>,
        before: Option<&Self>,
        metrics: &Metrics,
        descriptors: &Arc<Descriptors>,
    ) -> Result<Self, String> {
        let wanted = decision.routes.iter().map(|route| Arc::clone(&route.upstream));
        let upstreams = before.map(|before| &before.upstreams);
        let upstreams = Upstreams::prepare(wanted, upstreams, metrics, descriptors).await?;
        let of = |route: &Route| metrics.requests.route(&route.name, Some(&route.upstream.name));
        let of_routes = decision.routes.iter().map(|route| (route.name.clone(), of(route))).collect();
        Ok(Self { decision, metrics: of_routes, upstreams, descriptors: Arc::clone(descriptors) })
    }

    pub fn descriptors(&self) -> &Arc<Descriptors> {
        &self.descriptors
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
