//! Requests that become a stream: which of them are forwarded as such, and which are watched.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use super::Gateway;
use super::exchange::Exchange;
use super::streams::Facts;
use super::upstreams::Unhurried;
use crate::pipeline::offer;

/// How long nothing may be said on an open WebSocket, unless the route has a time of its own.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

/// How long a connection may take, where the upstream does not say.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Whether the request asks for a WebSocket, and its route has them. Pingora forwards the fields of
/// a valid handshake only, and nothing that follows before the upstream has agreed.
pub(super) fn wanted(session: &Session, exchange: &Exchange) -> bool {
    let asked = session.is_upgrade_req() && offer::asks_for_websocket(&session.req_header().headers);
    asked && exchange.admitted().is_some_and(|admitted| admitted.route().websocket)
}

/// The way to an upstream for a request that asks for a WebSocket.
pub(super) fn allow(peer: &mut HttpPeer, exchange: &Exchange) {
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::default();
    let connect = peer.options.connection_timeout.unwrap_or(CONNECT_MAX);
    peer.options.custom_l4 = Some(Arc::new(Unhurried(connect)));
    // Of their own: other requests' connections are made in another way.
    peer.group_key = !peer.group_key;
    let route = exchange.admitted().map(|admitted| admitted.route());
    peer.options.read_timeout = route.and_then(|route| route.read_timeout).or(Some(SILENCE_MAX));
}

/// The upstream has agreed: from here on the client may be silent, too.
pub(super) fn opened(session: &mut Session, response: &mut ResponseHeader, exchange: &Exchange) {
    let Some(route) = exchange.admitted().map(|admitted| admitted.route()) else { return };
    session.set_read_timeout(route.read_timeout.or(Some(SILENCE_MAX)));
    let by_offer = route.websocket_token && offer::token(&session.req_header().headers).is_some();
    if by_offer && !response.headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        // A browser that offered something, and was granted nothing, closes (RFC 6455 §4.1). It
        // fails only for a name that is no name.
        let _ = response.insert_header(SEC_WEBSOCKET_PROTOCOL, offer::BEARER);
    }
}

/// gRPC says at once that it streams.
pub(super) fn asks_for_a_stream(request: &RequestHeader) -> bool {
    is_media(request.headers.get(CONTENT_TYPE), b"application/grpc")
}

/// A WebSocket, or server-sent events (the WHATWG's HTML standard, §9.2).
pub(super) fn becomes_a_stream(response: &ResponseHeader) -> bool {
    response.status == http::StatusCode::SWITCHING_PROTOCOLS
        || is_media(response.headers.get(CONTENT_TYPE), b"text/event-stream")
}

fn is_media(value: Option<&http::HeaderValue>, wanted: &[u8]) -> bool {
    value.is_some_and(|value| {
        let start = value.as_bytes().get(..wanted.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    })
}

impl Gateway {
    /// Has the stream ended when its token does. Nothing is watched of who is nobody.
    pub(super) fn watch(&self, exchange: &mut Exchange) {
        let Some(admitted) = exchange.admitted().filter(|admitted| !admitted.route().shadow) else { return };
        let Some(principal) = admitted.principal().filter(|_| exchange.watched.is_none()) else { return };
        let facts = Facts {
            request_id: exchange.request_id.clone(),
            route: admitted.route().name.clone(),
            principal: principal.clone(),
            close_on_expiry: admitted.route().close_on_expiry,
        };
        exchange.watched = Some(self.parts.streams.watch(&exchange.arrival, facts));
    }
}
