//! Requests that become a stream: which of them are forwarded as such, and which are watched.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{StatusCode, Version};
use pingora::upstreams::peer::HttpPeer;

use super::Gateway;
use super::answer_head::AnswerHeaders;
use super::client::Client;
use super::connections::Streaming;
use super::exchange::Exchange;
use super::streams::{Facts, Watched};
use super::view::{AnswerView, RequestView};
use gateway_pipeline::{Headers, TokenSource, Value, asks_for_websocket, offer};
use gateway_problem::is_grpc;

/// How long nothing may be said on an open WebSocket, unless the route has a time of its own.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

/// Whether the request asks for a WebSocket. HTTP/1.0 knows no upgrade (RFC 9110 §7.8), and HTTP/2 none
/// by these fields. What else is offered may be left, and is dropped on the way.
fn asks(request: RequestView<'_>) -> bool {
    request.version == Version::HTTP_11 && asks_for_websocket(request.headers)
}

/// Whether a WebSocket is to be opened. Nothing that follows is forwarded before the upstream has agreed.
pub(super) fn wanted(request: RequestView<'_>, exchange: &Exchange) -> bool {
    exchange.admitted().is_some_and(|admitted| admitted.route().websocket && asks(request))
}

/// The way to an upstream for a request that asks for a WebSocket.
pub(super) fn allow(peer: &mut HttpPeer, exchange: &Exchange) {
    let route = exchange.admitted().map(|admitted| admitted.route());
    peer.options.read_timeout = route.and_then(|route| route.read_timeout).or(Some(SILENCE_MAX));
}

/// Asks the upstream, which is spoken to by `version`, for nothing else, and by what was checked. What the
/// client asked for is gone, and what its `Connection` names.
pub(super) fn ask(request: RequestView<'_>, version: Version, headers: &mut impl Headers) {
    if version != Version::HTTP_11 {
        return;
    }
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
        if let Some(value) = request.headers.get(&name) {
            headers.set(&name, Value::Text(value));
        }
    }
    headers.set(&CONNECTION, Value::Static("Upgrade"));
    headers.set(&UPGRADE, Value::Static("websocket"));
}

/// The upstream has agreed: from here on the client may be silent, too.
pub(super) fn opened(client: &mut impl Client, exchange: &Exchange) {
    let Some(route) = exchange.admitted().map(|admitted| admitted.route()) else { return };
    client.upgrade(route.read_timeout.unwrap_or(SILENCE_MAX));
}

/// A browser that offered something, and was granted nothing, closes (RFC 6455 §4.1).
pub(super) fn grant(request: RequestView<'_>, headers: &mut impl AnswerHeaders, exchange: &Exchange) {
    let by_offer = exchange
        .admitted()
        .is_some_and(|admitted| admitted.route().sources.reads(TokenSource::WebSocketProtocol))
        && offer::token(request.headers).is_some();
    if by_offer && headers.values(&SEC_WEBSOCKET_PROTOCOL).next().is_none() {
        headers.set(&SEC_WEBSOCKET_PROTOCOL, Value::Static(offer::BEARER));
    }
}

/// What has to be upgraded to is named as RFC 9110 §7.8 wants it, whoever says so.
pub(super) fn name(client: &mut impl Client, status: StatusCode, is_named: impl FnOnce() -> bool) {
    if status == StatusCode::UPGRADE_REQUIRED && is_named() {
        client.name_upgrade();
    }
}

/// gRPC says at once that it streams, and so does gRPC-Web.
pub(super) fn asks_for_a_stream(request: RequestView<'_>) -> bool {
    const WEB: &[u8] = b"application/grpc-web";
    let Some(media) = request.headers.get(&CONTENT_TYPE) else { return false };
    let web = media.get(..WEB.len()).is_some_and(|start| start.eq_ignore_ascii_case(WEB));
    web || is_grpc(request.headers)
}

/// A WebSocket, or server-sent events (the WHATWG's HTML standard, §9.2).
pub(super) fn becomes_a_stream(answer: AnswerView<'_>) -> bool {
    answer.status == StatusCode::SWITCHING_PROTOCOLS
        || answer.media.is_some_and(|value| {
            let media = value.split(|byte| *byte == b';').next().unwrap_or_default();
            media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        })
}

impl Gateway {
    /// It is a stream, which is `alone` on its connection perhaps, and is ended when its token does. Nothing is
    /// watched of who is nobody.
    pub(super) fn watch(&self, exchange: &mut Exchange, alone: Option<Streaming>) {
        let watched = self.watched(exchange);
        if let Some(forwarding) = exchange.forwarding_mut() {
            let stream = forwarding.stream.get_or_insert_default();
            stream.alone = alone.or(stream.alone.take());
            stream.watched = stream.watched.take().or(watched);
        }
    }

    /// From now on, unless it is already.
    fn watched(&self, exchange: &Exchange) -> Option<Watched> {
        let forwarding = exchange.forwarding()?;
        let admitted = forwarding.admitted();
        let is_watched = forwarding.stream.as_ref().is_some_and(|stream| stream.watched.is_some());
        let principal = admitted.principal().filter(|_| !admitted.route().shadow && !is_watched)?;
        let facts = Facts {
            request_id: exchange.request_id.clone(),
            route: admitted.route().name.clone(),
            principal: principal.clone(),
            close_on_expiry: admitted.route().on_expiry.closes(false),
        };
        Some(self.parts.streams.watch(&exchange.connection_context, exchange.hold(), facts))
    }
}
