//! From a target to Pingora's peer: timeouts on each leg, and no upgrade.

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::pipeline::{Target, Upstream};

/// Pingora's own defaults are no timeouts at all.
pub(super) fn peer(upstream: &Upstream) -> pingora::Result<HttpPeer> {
    let mut peer = match &upstream.target {
        Target::Tcp(address) => HttpPeer::new(*address, false, String::new()),
        Target::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())?,
    };
    let timeouts = upstream.timeouts;
    peer.options.connection_timeout = Some(timeouts.connect);
    peer.options.total_connection_timeout = Some(timeouts.connect);
    peer.options.read_timeout = Some(timeouts.read);
    peer.options.write_timeout = Some(timeouts.write);
    peer.options.idle_timeout = Some(timeouts.idle);
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    Ok(peer)
}
