//! From a target to Pingora's peer: timeouts on each leg, verified TLS, and no upgrade.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora::protocols::l4::socket::SocketAddr as Address;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy, Scheme};
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};

use gateway_pipeline::{Protocol, Target, Upstream};

/// Streams that share one HTTP/2 connection.
pub(super) const H2_STREAMS_MAX: usize = 100;

/// What all servers of an upstream have in common.
pub(super) struct Shared<'a> {
    upstream: &'a Upstream,
    /// Only peers of one group share connections: Pingora's own key for that leaves out by which
    /// authorities a server was verified.
    group: u64,
    authorities: Option<Arc<[WrappedX509]>>,
    client: Option<Arc<CertKey>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(upstream: &'a Upstream, group: u64) -> Self {
        let tls = upstream.tls.as_ref();
        let authorities = tls.and_then(|tls| tls.authorities.as_ref()).map(|authorities| {
            authorities.iter().map(|der| WrappedX509::new(der.clone(), parse_x509)).collect()
        });
        let client = tls.and_then(|tls| tls.client.as_ref());
        let client = client.map(|client| Arc::new(CertKey::new(client.chain.clone(), client.key.to_vec())));
        Self { upstream, group, authorities, client }
    }

    /// A peer for this target; a name's addresses are put in later.
    pub(super) fn template(&self, target: &Target) -> pingora::Result<HttpPeer> {
        let tls = self.upstream.tls.as_ref();
        // Never empty over TLS: Pingora verifies nothing where there is no name to verify.
        let name = match (tls, target) {
            (None, _) => String::new(),
            (Some(tls), target) => tls.server_name.clone().unwrap_or_else(|| match target {
                Target::Tcp(address) => address.ip().to_string(),
                Target::Name { host, .. } => host.clone(),
                Target::Unix(_) => "localhost".to_owned(),
            }),
        };
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut peer = match target {
            Target::Tcp(address) => HttpPeer::new(*address, tls.is_some(), name),
            Target::Name { .. } => HttpPeer::new(nowhere, tls.is_some(), name),
            Target::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), tls.is_some(), name)?,
        };
        peer.group_key = self.group;
        peer.client_cert_key = self.client.clone();
        // Pingora's own defaults are no timeouts at all.
        let (options, timeouts) = (&mut peer.options, self.upstream.timeouts);
        options.connection_timeout = Some(timeouts.connect);
        options.total_connection_timeout = Some(timeouts.connect);
        options.read_timeout = Some(timeouts.read);
        options.write_timeout = Some(timeouts.write);
        options.idle_timeout = Some(timeouts.idle);
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        options.ca = self.authorities.clone();
        if tls.is_some_and(|tls| tls.accept_any) {
            options.verify_cert = false;
            options.verify_hostname = false;
        }
        if self.upstream.protocol == Protocol::Http2 {
            options.set_http_version(2, 2);
            options.max_h2_streams = H2_STREAMS_MAX;
        }
        Ok(peer)
    }
}

/// What Pingora is given of a way on which HTTP/1.1 is spoken: TLS is below it, and none of its
/// business. `None` where it is HTTP/2.
pub(super) fn without_tls(peer: &HttpPeer) -> Option<HttpPeer> {
    let mut plain = peer.clone();
    plain.scheme = Scheme::HTTP;
    plain.sni = String::new();
    plain.client_cert_key = None;
    (peer.options.alpn.get_max_http_version() == 1).then_some(plain)
}

/// The same way to another address.
pub(super) fn at(template: &HttpPeer, address: SocketAddr) -> HttpPeer {
    let mut peer = template.clone();
    peer._address = Address::Inet(address);
    peer
}
