//! A request on its way to the upstream: which server is asked, what it is told of who asks, and how much of
//! a body it gets.

use std::sync::Arc;

use http::header::CONNECTION;
use http::{HeaderName, Method, Version};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};

use super::beginning::TRACEPARENT;
use super::client::Client;
use super::exchange::{Exchange, Forwarding};
use super::message::join_cookies;
use super::pace::Pace;
use super::upstreams::{Dial, UpstreamRequest};
use super::view::RequestView;
use super::{Gateway, http10, upgrade};
use gateway_pipeline::{Admitted, Forwarded, UpstreamHeaders, Value, inject};

/// <https://www.w3.org/TR/trace-context-2/>.
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Forwarding what was not admitted is a bug that cannot leave the house.
pub(super) fn admitted(exchange: &Exchange) -> pingora::Result<&Admitted> {
    exchange.admitted().ok_or_else(|| Error::explain(ErrorType::InternalError, "not admitted"))
}

fn forwarding(exchange: &mut Exchange) -> pingora::Result<&mut Forwarding> {
    exchange.forwarding_mut().ok_or_else(|| Error::explain(ErrorType::InternalError, "not admitted"))
}

/// So many more bytes of its body go on.
///
/// # Errors
///
/// Where they are more than its route takes.
pub(super) fn send(exchange: &mut Exchange, bytes: u64, is_end: bool) -> pingora::Result<()> {
    let forwarding = forwarding(exchange)?;
    forwarding.body_bytes += bytes;
    forwarding.paced.iter().for_each(|paced| paced.received(bytes, is_end));
    if is_end && forwarding.body_bytes > 0 {
        forwarding.upstream_request.iter_mut().for_each(UpstreamRequest::sent);
    }
    if forwarding.body_bytes > forwarding.admitted().route().body_bytes_max {
        return Error::e_explain(ErrorType::HTTPStatus(413), "the body is over the route's limit");
    }
    Ok(())
}

/// Its way so far, or a new one.
fn take_upstream_request(exchange: &mut Exchange) -> pingora::Result<UpstreamRequest> {
    let before = forwarding(exchange)?.upstream_request.take();
    let upstream = admitted(exchange)?.upstream();
    let upstream_request = before.or_else(|| exchange.configured.upstreams.upstream_request(upstream));
    upstream_request.ok_or_else(|| Error::explain(ErrorType::InternalError, "no such upstream"))
}

/// How the next try gets its connection, where HTTP/1.1 is spoken on it.
pub(super) fn next_dial(
    exchange: &mut Exchange,
    method: &Method,
    pace: Option<Arc<Pace>>,
) -> pingora::Result<Arc<Dial>> {
    let key = admitted(exchange)?.affinity(exchange.client.client);
    let upstream_request = take_upstream_request(exchange)?;
    let forwarding = forwarding(exchange)?;
    forwarding.body_bytes = 0;
    forwarding.upstream_request.insert(upstream_request).dial(&key, pace, method)
}

impl Gateway {
    /// Has an eye on how the rest of its body comes, if there is one.
    pub(super) fn watch_body(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
    ) -> pingora::Result<Option<Arc<Pace>>> {
        let route = Arc::clone(admitted(exchange)?.route());
        let paced = if exchange.paced().is_none() { self.pace(client, exchange, &route) } else { None };
        let forwarding = forwarding(exchange)?;
        forwarding.paced = forwarding.paced.take().or(paced);
        Ok(forwarding.paced.as_deref().cloned())
    }

    /// Where the next try goes.
    pub(super) fn next_peer(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
    ) -> pingora::Result<Box<HttpPeer>> {
        let admitted = admitted(exchange)?;
        let key = admitted.affinity(exchange.client.client);
        let route = Arc::clone(admitted.route());
        let pace = self.watch_body(client, exchange)?;
        let upstream_request = take_upstream_request(exchange)?;
        let forwarding = forwarding(exchange)?;
        forwarding.body_bytes = 0;
        let mut peer =
            forwarding.upstream_request.insert(upstream_request).next(&key, pace, client.request().method)?;
        peer.options.read_timeout = route.read_timeout.or(peer.options.read_timeout);
        peer.options.write_timeout = route.write_timeout.or(peer.options.write_timeout);
        if upgrade::wanted(client.request(), exchange) {
            upgrade::allow(&mut peer, exchange);
        }
        Ok(peer)
    }

    /// The headers as the upstream gets them, which is spoken to by this version, and gets content or none.
    /// `headers` has what the client sent, without what concerns its connection and what `Connection`
    /// nominates: it must not nominate ours.
    pub(super) fn tell_upstream(
        &self,
        request: RequestView<'_>,
        (version, has_content): (Version, bool),
        exchange: &Exchange,
        headers: &mut impl UpstreamHeaders,
    ) -> pingora::Result<()> {
        let admitted = admitted(exchange)?;
        let connection_context = &exchange.connection_context;
        let peer = connection_context.spell(exchange.client.peer);
        let client = connection_context.spell(exchange.client.client);
        let from = Forwarded {
            peer: &peer,
            client: &client,
            chain: exchange.client.chain.as_deref(),
            host: request.host_value(),
            scheme: if exchange.client.secure { "https" } else { "http" },
            request_id: exchange.request_id.as_value(),
            believed: self.parts.trusted.believed(&exchange.client),
        };
        if let Some(address_rewrite) = exchange.address_rewrite(request) {
            address_rewrite.inward(request.method, headers);
        }
        inject(admitted, exchange.configured.decision.routes.reserved(), &from, headers);
        trace(exchange, headers);
        if request.is_http2() {
            join_cookies(headers);
        }
        http10::name_host(admitted.upstream(), request, headers);
        if upgrade::wanted(request, exchange) {
            upgrade::ask(request, version, headers);
        } else if has_content && version == Version::HTTP_11 && !admitted.upstream().reuse_after_body {
            // Nothing follows on this connection (RFC 9112 §9.6), so the service is to end it.
            headers.set(&CONNECTION, Value::Static("close"));
        }
        Ok(())
    }

    /// A stream by its request ends with its token.
    pub(super) fn watch_from_the_beginning(&self, request: RequestView<'_>, exchange: &mut Exchange) {
        if upgrade::asks_for_a_stream(request) {
            self.watch(exchange, None);
        }
    }
}

/// Which trace it is part of.
fn trace(exchange: &Exchange, headers: &mut impl UpstreamHeaders) {
    if let Some(told) = exchange.trace.and_then(|trace| trace.for_upstream()) {
        headers.set(&TRACEPARENT, Value::Text(told.to_string().as_bytes()));
    }
    // It belongs to a trace that does not go on (W3C Trace Context §3.4).
    if exchange.trace.is_some_and(|trace| trace.began_here()) {
        headers.remove(&TRACESTATE);
    }
}
