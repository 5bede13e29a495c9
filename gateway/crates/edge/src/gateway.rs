//! Pingora's callbacks. Each delegates: what is decided stands in the pipeline, and what is done beside it.
//! Pingora's session and its heads are named here and below only.

mod client;
mod heads;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::Error;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;

use super::beginning::CLIENT_IO_MAX;
use super::client::Client as _;
use super::configured::Current;
use super::connections::Connections;
use super::descriptors::Descriptors;
use super::exchange::Exchange;
use super::streams::Streams;
use super::{Browsers, TrustedProxies, fault, forward, hand_back};
use gateway_pipeline::Pipeline;
use gateway_telemetry::{Metrics, RouteMetrics, Traces};

/// What the gateway is made of.
pub struct GatewayParts {
    pub pipeline: Arc<Pipeline>,
    /// Where cookies are on.
    pub browsers: Option<Browsers>,
    pub trusted: Arc<TrustedProxies>,
    pub metrics: Arc<Metrics>,
    pub traces: Arc<Traces>,
    /// The networks that may ask why, by `X-Gateway-Explain`.
    pub explain_to: Vec<ipnet::IpNet>,
    /// Whether a client that sends no more has left.
    pub abort_on_close: bool,
    /// Whether simple requests take the lane.
    pub fast_path: bool,
    pub current: Current,
    pub connections: Arc<Connections>,
    pub descriptors: Arc<Descriptors>,
    pub streams: Arc<Streams>,
}

/// The proxy.
pub struct Gateway {
    pub(super) parts: GatewayParts,
    /// Of our own endpoints, and of what was refused before a route was found.
    pub(super) own: RouteMetrics,
    pub(super) unrouted: RouteMetrics,
}

impl Gateway {
    pub fn new(parts: GatewayParts) -> Self {
        let (own, unrouted) =
            (parts.metrics.requests.route("gateway", None), parts.metrics.requests.route("none", None));
        Self { parts, own, unrouted }
    }

    pub(super) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.parts.metrics)
    }
}

/// The gateway as Pingora carries requests to it.
pub(super) struct Callbacks(pub(super) Arc<Gateway>);

impl std::ops::Deref for Callbacks {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.0
    }
}

#[async_trait]
impl ProxyHttp for Callbacks {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Exchange::new((self.parts.current)())
    }

    /// No compression and no other modules: what is not there costs nothing.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn early_request_filter(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        client::begin(session, CLIENT_IO_MAX, self.parts.abort_on_close);
        let peer = session.client_addr().and_then(|address| address.as_inet()).map(|address| address.ip());
        self.begin(session.request(), peer, exchange);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> pingora::Result<bool> {
        self.receive(session, exchange).await
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> pingora::Result<Box<HttpPeer>> {
        self.next_peer(session, exchange)
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        reused: bool,
        _: &HttpPeer,
        _: std::os::fd::RawFd,
        _: Option<&Digest>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        exchange
            .upstream_request_mut()
            .into_iter()
            .for_each(|upstream_request| upstream_request.connected(reused));
        Ok(())
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        exchange: &mut Exchange,
        fault: Box<Error>,
    ) -> Box<Error> {
        fault::after_connecting(exchange, fault)
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        fault: Box<Error>,
        exchange: &mut Exchange,
        reused: bool,
    ) -> Box<Error> {
        fault::on_the_way(session, exchange, fault.more_context(format!("Peer: {peer}")), reused)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let way = (upstream.version, !session.is_body_empty());
        let request = session.request();
        heads::change_request(upstream, |headers| self.tell_upstream(request, way, exchange, headers))?;
        heads::set_target(upstream, &forward::admitted(exchange)?.upstream_target())?;
        self.watch_from_the_beginning(request, exchange);
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        is_end: bool,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let bytes = body.as_ref().map_or(0, |chunk| chunk.len() as u64);
        // Over HTTP/2 a body may end with a frame of nothing. Pingora 0.9.1 writes a chunk of that
        // size, which is the end of the body, and then its end again.
        body.take_if(|chunk| is_end && chunk.is_empty());
        forward::send(exchange, bytes, is_end)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        heads::in_our_version(response);
        let status = response.status;
        hand_back::receive(session.request(), status, &mut heads::Spelled(response), exchange)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let status = response.status;
        if client::writes_interim(session, status) {
            return heads::change_response(response, |headers| hand_back::undress(headers, exchange));
        }
        self.begin_answer(session, heads::answer(response), exchange).await?;
        let request = session.request();
        heads::change_response(response, |headers| {
            hand_back::apply_response_rules(headers, status, request, exchange)
        })
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        _: &mut Option<Bytes>,
        is_end: bool,
        exchange: &mut Exchange,
    ) -> pingora::Result<Option<Duration>> {
        exchange.paced().into_iter().for_each(|paced| paced.answers(is_end));
        Ok(None)
    }

    async fn response_trailer_filter(
        &self,
        _: &mut Session,
        trailers: &mut HeaderMap,
        exchange: &mut Exchange,
    ) -> pingora::Result<Option<Bytes>> {
        hand_back::trailers(trailers, exchange);
        Ok(None)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        fault: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        let code = self.broke(session, fault, exchange).await;
        FailToProxy { error_code: code.entry().status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, fault: Option<&Error>, exchange: &mut Exchange) {
        self.record(session, exchange);
        // Pingora would let the connection go, with what was written and not flushed.
        if fault.is_some() {
            client::close(session).await;
        }
    }

    /// Our own line says what happened; clients must not choose how often another one is written.
    fn suppress_error_log(&self, _: &Session, _: &Exchange, _: &Error) -> bool {
        true
    }

    /// A path's query may carry secrets: the summary names the request by its id.
    fn request_summary(&self, _: &Session, exchange: &Exchange) -> String {
        exchange.request_id.to_string()
    }
}
