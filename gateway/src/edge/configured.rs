//! What a reload may change, as the edge needs it: prepared whole, swapped whole.

use std::collections::HashMap;
use std::sync::Arc;

use pingora::upstreams::peer::HttpPeer;

use super::peer;
use crate::pipeline::{Admitted, Snapshot};
use crate::telemetry::{Metrics, RouteMetrics};

/// A request keeps the one that it began with.
pub struct Configured {
    pub(super) decision: Arc<Snapshot>,
    pub(super) metrics: HashMap<String, RouteMetrics>,
    peers: HashMap<String, HttpPeer>,
}

impl Configured {
    /// Fails where an upstream cannot be used; nothing is changed by it.
    pub fn prepare(decision: Arc<Snapshot>, metrics: &Metrics) -> Result<Self, String> {
        let (mut peers, mut of_routes) = (HashMap::new(), HashMap::new());
        for route in decision.routes.iter() {
            let peer = peer::peer(&route.upstream);
            let peer =
                peer.map_err(|fault| format!("upstream `{}` cannot be used: {fault}", route.upstream.name))?;
            peers.insert(route.upstream.name.clone(), peer);
            of_routes.insert(route.name.clone(), metrics.route(&route.name));
        }
        Ok(Self { decision, metrics: of_routes, peers })
    }

    pub(super) fn peer(&self, admitted: &Admitted) -> Option<HttpPeer> {
        let route = admitted.route();
        let mut peer = self.peers.get(&route.upstream.name)?.clone();
        if route.read_timeout.is_some() {
            peer.options.read_timeout = route.read_timeout;
        }
        if route.write_timeout.is_some() {
            peer.options.write_timeout = route.write_timeout;
        }
        Some(peer)
    }
}
