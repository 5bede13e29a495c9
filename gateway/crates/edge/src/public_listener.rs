//! A listener, as the connections that come in by it need it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use ipnet::IpNet;

use super::connection_context::ConnectionContext;
use super::connections::Open;
use super::listener::Bound;
use super::tls::TlsMaterial;
use gateway_token::PeerCertificate;

/// How a listener speaks with clients.
pub struct ListenerSettings {
    /// As configured, for people.
    pub name: String,
    pub address: SocketAddr,
    /// With TLS, or plain.
    pub tls: Option<TlsMaterial>,
    /// HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3).
    pub h2c: bool,
    /// The balancers that speak the PROXY protocol here; empty: nobody does.
    pub proxy_protocol_from: Vec<IpNet>,
    /// Everybody is sent to HTTPS at this port.
    pub redirect_to: Option<u16>,
    pub hsts: Option<HeaderValue>,
}

/// One listener in use.
pub(super) struct PublicListener {
    address: SocketAddr,
    /// Its place among them.
    pub(super) number: usize,
    pub(super) has_tls: bool,
    pub(super) h2c: bool,
    pub(super) proxy_protocol_from: Vec<IpNet>,
    redirect_to: Option<u16>,
    hsts: Option<HeaderValue>,
}

impl PublicListener {
    pub(super) fn new(number: usize, settings: ListenerSettings, bound: &Bound) -> Self {
        Self {
            address: bound.address,
            number,
            has_tls: settings.tls.is_some(),
            h2c: settings.h2c,
            proxy_protocol_from: settings.proxy_protocol_from,
            redirect_to: settings.redirect_to,
            hsts: settings.hsts,
        }
    }

    /// Whether a connection to this address came in here.
    pub(super) fn is_at(&self, local: SocketAddr) -> bool {
        let all = self.address.ip().is_unspecified();
        self.address.port() == local.port()
            && (all || self.address.ip().to_canonical() == local.ip().to_canonical())
    }

    /// Of requests on this connection.
    pub(super) fn connection_context(
        &self,
        open: &Arc<Open>,
        certificate: Option<&Arc<PeerCertificate>>,
        is_named: bool,
    ) -> ConnectionContext {
        ConnectionContext {
            open: Some(Arc::clone(open)),
            secure: self.has_tls,
            is_nobodys: !is_named,
            certificate: certificate.cloned(),
            hsts: self.hsts.clone(),
            redirect_to: self.redirect_to,
            ..ConnectionContext::default()
        }
    }
}
