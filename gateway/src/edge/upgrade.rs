//! Requests that become a stream: which of them are forwarded as such, and which are watched.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;

use super::exchange::Exchange;
use super::outgoing::NAMING_UPGRADE;
use super::streams::Facts;
use super::{Gateway, downstream};
use crate::pipeline::{asks_for_websocket, offer};
use crate::problem::is_grpc;

/// How long nothing may be said on an open WebSocket, unless the route has a time of its own.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

/// Whether the request asks for a WebSocket. HTTP/1.0 knows no upgrade (RFC 9110 §7.8), and HTTP/2 none
/// by these fields. What else is offered may be left, and is dropped on the way.
fn asks(request: &RequestHeader) -> bool {
    request.version == Version::HTTP_11 && asks_for_websocket(&request.headers)
}

/// Whether a WebSocket is to be opened. Nothing that follows is forwarded before the upstream has agreed.
pub(super) fn wanted(session: &Session, exchange: &Exchange) -> bool {
    exchange.admitted().is_some_and(|admitted| admitted.route().websocket && asks(session.req_header()))
}

/// The way to an upstream for a request that asks for a WebSocket.
pub(super) fn allow(peer: &mut HttpPeer, exchange: &Exchange) {
    let route = exchange.admitted().map(|admitted| admitted.route());
    peer.options.read_timeout = route.and_then(|route| route.read_timeout).or(Some(SILENCE_MAX));
}

/// Asks the upstream, for nothing else, by what was checked. Pingora has taken away what the client
/// asked for, and what its `Connection` names.
pub(super) fn ask(request: &RequestHeader, upstream: &mut RequestHeader) -> pingora::Result<()> {
    if upstream.version != Version::HTTP_11 {
        return Ok(());
    }
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
        if let Some(value) = request.headers.get(&name) {
            upstream.insert_header(name, value.clone())?;
        }
    }
    upstream.insert_header(CONNECTION, "Upgrade")?;
    upstream.insert_header(UPGRADE, "websocket")
}

/// The upstream has agreed: from here on the client may be silent, too.
pub(super) fn opened(session: &mut Session, response: &mut ResponseHeader, exchange: &Exchange) {
    let Some(route) = exchange.admitted().map(|admitted| admitted.route()) else { return };
    if let Some(downstream) = downstream::of(session) {
        downstream.upgrade();
    }
    session.set_read_timeout(route.read_timeout.or(Some(SILENCE_MAX)));
    let by_offer = route.websocket_token && offer::token(&session.req_header().headers).is_some();
    if by_offer && !response.headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        // A browser that offered something, and was granted nothing, closes (RFC 6455 §4.1). It
        // fails only for a name that is no name.
        let _ = response.insert_header(SEC_WEBSOCKET_PROTOCOL, offer::BEARER);
    }
}

/// What has to be upgraded to is named as RFC 9110 §7.8 wants it, whoever says so.
pub(super) fn name(session: &Session, status: StatusCode, headers: &HeaderMap) {
    if status == StatusCode::UPGRADE_REQUIRED
        && headers.contains_key(UPGRADE)
        && let Some(downstream) = downstream::of(session)
    {
        downstream.write(NAMING_UPGRADE);
    }
}

/// gRPC says at once that it streams, and so does gRPC-Web.
pub(super) fn asks_for_a_stream(request: &RequestHeader) -> bool {
    let web = request.headers.get(CONTENT_TYPE).is_some_and(|value| {
        const WEB: &[u8] = b"application/grpc-web";
        value.as_bytes().get(..WEB.len()).is_some_and(|start| start.eq_ignore_ascii_case(WEB))
    });
    web || is_grpc(&request.headers)
}

/// A WebSocket, or server-sent events (the WHATWG's HTML standard, §9.2).
pub(super) fn becomes_a_stream(response: &ResponseHeader) -> bool {
    response.status == http::StatusCode::SWITCHING_PROTOCOLS
        || response.headers.get(CONTENT_TYPE).is_some_and(|value| {
            let media = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
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
            close_on_expiry: admitted.route().on_expiry.closes(false),
        };
        let hold = exchange.hold();
        exchange.watched = Some(self.parts.streams.watch(&exchange.arrival, hold, facts));
    }
}
