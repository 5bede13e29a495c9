//! Pingora's callbacks. Each delegates: what is decided stands in the pipeline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use super::beginning::TRACEPARENT;
use super::configured::Current;
use super::connections::Connections;
use super::decide::Next;
use super::descriptors::Descriptors;
use super::exchange::{Exchange, Progress};
use super::message::{Plain, join_cookies};
use super::streams::Streams;
use super::upstreams::Leg;
use super::{Browsers, TrustedProxies};
use super::{answer_head, downstream, explain, fault, hand_back, head, http10, respond, upgrade};
use crate::pipeline::{Forwarded, Headers as _, Pipeline, inject, take_out};
use crate::problem::Code;
use crate::telemetry::{Metrics, RouteMetrics, Traces};

/// <https://www.w3.org/TR/trace-context-2/>.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What the gateway is made of.
pub struct GatewayParts {
    pub pipeline: Arc<Pipeline>,
    /// Where cookies are on.
    pub browsers: Option<Browsers>,
    pub trusted: Arc<TrustedProxies>,
    pub metrics: Arc<Metrics>,
    pub traces: Arc<Traces>,
    /// Who may ask why, by `X-Gateway-Explain`.
    pub explain_to: Vec<ipnet::IpNet>,
    /// Whether a client that sends no more has left.
    pub abort_on_close: bool,
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

#[async_trait]
impl ProxyHttp for Gateway {
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
        self.begin(session, exchange);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> pingora::Result<bool> {
        let refused = match self.decide(session, exchange).await {
            Ok(Next::Forward) => return Ok(false),
            Ok(Next::Answer(answer)) => {
                exchange.progress = Progress::Answered;
                respond::write(session, exchange, answer).await?;
                return Ok(true);
            }
            // In a box: what is forwarded keeps no room for it.
            Ok(Next::Own(target)) => match Box::pin(self.serve_own(session, exchange, &target)).await {
                Ok(response) => {
                    respond::serve(session, exchange, response).await?;
                    return Ok(true);
                }
                Err(problem) => {
                    exchange.progress = Progress::Served(Some(problem.code()));
                    problem
                }
            },
            Err(problem) => {
                exchange.progress = Progress::Refused(problem.code());
                problem
            }
        };
        explain::overrule(&mut exchange.explanation, refused.code());
        exchange.why = refused.why().cloned().map(Box::new);
        if refused.code() == Code::MalformedRequest || refused.code() == Code::HeadersTooLarge {
            // Who sends what can be read in two ways gets one answer, and no second request.
            session.set_keepalive(None);
        }
        respond::refuse(session, exchange, &refused).await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> pingora::Result<Box<HttpPeer>> {
        exchange.body_bytes = 0;
        // Forwarding what was not admitted is a bug that cannot leave the house.
        let admitted =
            exchange.admitted().ok_or_else(|| Error::explain(ErrorType::InternalError, "not admitted"))?;
        let key = admitted.affinity(exchange.client.client);
        let route = Arc::clone(admitted.route());
        let leg = exchange.leg.take().or_else(|| exchange.configured.upstreams.leg(&route.upstream));
        let leg = leg.ok_or_else(|| Error::explain(ErrorType::InternalError, "no such upstream"))?;
        if exchange.paced.is_none() {
            exchange.paced = self.pace(session, exchange, &route);
        }
        let pace = exchange.paced.as_deref().cloned();
        let mut peer = exchange.leg.insert(leg).next(&key, pace)?;
        peer.options.read_timeout = route.read_timeout.or(peer.options.read_timeout);
        peer.options.write_timeout = route.write_timeout.or(peer.options.write_timeout);
        if upgrade::wanted(session, exchange) {
            upgrade::allow(&mut peer, exchange);
        }
        Ok(peer)
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
        exchange.leg.iter_mut().for_each(|leg| leg.connected(reused));
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
        let admitted =
            exchange.admitted().ok_or_else(|| Error::explain(ErrorType::InternalError, "not admitted"))?;
        let arrival = &exchange.arrival;
        let from = Forwarded {
            peer: arrival.spell(exchange.client.peer),
            client: arrival.spell(exchange.client.client),
            chain: exchange.client.chain.as_deref(),
            host: head::authority_value(session.req_header()),
            scheme: if exchange.client.secure { "https" } else { "http" },
            request_id: exchange.request_id.to_value(),
            believed: self.parts.trusted.believed(&exchange.client),
            sent: Some(&session.req_header().headers),
        };
        let reserved = exchange.configured.decision.routes.reserved();
        let takes_out = exchange.browser.is_some();
        let sides = exchange.sides(session.req_header());
        let traced = exchange.trace.and_then(|trace| trace.for_upstream());
        let begun_here = exchange.trace.is_some_and(|trace| trace.began_here());
        Plain::change_request(upstream, |headers| {
            if takes_out {
                take_out(headers.0);
            }
            if let Some(sides) = sides {
                sides.inward(&session.req_header().method, headers.0);
            }
            inject(admitted, reserved, &from, headers);
            if let Some(told) = traced.and_then(|told| HeaderValue::try_from(told.to_string()).ok()) {
                headers.set(TRACEPARENT, told);
            }
            // It belongs to a trace that does not go on (W3C Trace Context §3.4).
            if begun_here {
                headers.remove(&TRACESTATE);
            }
        });
        let target = admitted.upstream_target();
        if upstream.raw_path() != target.as_bytes() {
            upstream.set_raw_path(target.as_bytes())?;
        }
        if session.as_http2().is_some() {
            join_cookies(upstream);
        } else if session.req_header().version == http::Version::HTTP_10 {
            http10::name_host(admitted.upstream(), upstream)?;
        }
        if upgrade::wanted(session, exchange) {
            upgrade::ask(session.req_header(), upstream)?;
        }
        if upgrade::asks_for_a_stream(session.req_header()) {
            exchange.is_stream = true;
            self.watch(exchange);
        }
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
        exchange.body_bytes += bytes;
        exchange.paced.iter().for_each(|paced| paced.received(bytes, is_end));
        // Over HTTP/2 a body may end with a frame of nothing. Pingora 0.9.1 writes a chunk of that
        // size, which is the end of the body, and then its end again.
        body.take_if(|chunk| is_end && chunk.is_empty());
        if is_end && exchange.body_bytes > 0 {
            exchange.leg.iter_mut().for_each(Leg::sent);
        }
        let most = exchange.admitted().map_or(0, |admitted| admitted.route().body_bytes_max);
        if exchange.body_bytes > most {
            return Error::e_explain(ErrorType::HTTPStatus(413), "the body is over the route's limit");
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        if !response.status.is_informational() {
            exchange.leg.iter_mut().for_each(|leg| {
                leg.answered(response.status.as_u16(), exchange.client.site());
            });
        }
        // An upstream that grants what nobody asked for speaks to somebody else.
        if response.status == http::StatusCode::SWITCHING_PROTOCOLS && !upgrade::wanted(session, exchange) {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "unsolicited 101").into_up());
        }
        answer_head::make_right(response).map_err(|fault| fault.into_up())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        if !response.status.is_informational() || response.status == http::StatusCode::SWITCHING_PROTOCOLS {
            self.ask_again(session, exchange).await?;
            exchange.settle(session).await;
            if let Some(paced) = &exchange.paced {
                paced.answered();
                paced.answers(hand_back::has_no_content(session, response));
            }
        }
        self.hand_back(session, response, exchange)
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        _: &mut Option<Bytes>,
        is_end: bool,
        exchange: &mut Exchange,
    ) -> pingora::Result<Option<Duration>> {
        exchange.paced.iter().for_each(|paced| paced.answers(is_end));
        Ok(None)
    }

    /// An identity of the upstream's making is not for clients, here neither.
    async fn response_trailer_filter(
        &self,
        _: &mut Session,
        trailers: &mut http::HeaderMap,
        exchange: &mut Exchange,
    ) -> pingora::Result<Option<Bytes>> {
        hand_back::trailers(trailers, exchange);
        Ok(None)
    }

    /// Turns what broke on the way into an answer of ours, where none was begun.
    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        fault: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        let is_slow = exchange.paced.as_ref().is_some_and(|paced| paced.is_broken());
        let code = if is_slow { Code::BodyTimeout } else { fault::classify(fault) };
        let upstream = exchange.admitted().map_or("none", |admitted| &admitted.upstream().name);
        if fault.esource() != &ErrorSource::Downstream && !is_slow {
            tracing::warn!(
                request_id = %exchange.request_id, upstream, reason = code.word(), error = %fault,
                "the request could not be forwarded"
            );
        }
        let malformed = downstream::of(session).is_some_and(|downstream| downstream.malformed().is_some());
        let left = fault::client_left(fault) && !malformed;
        exchange.progress = match std::mem::replace(&mut exchange.progress, Progress::Refused(code)) {
            Progress::Admitted(admitted) if left => Progress::Left(admitted),
            Progress::Admitted(admitted) => Progress::Failed(admitted, code),
            other => other,
        };
        let begun = session.response_written().is_some_and(|begun| !begun.status.is_informational());
        if !begun && !left {
            session.set_keepalive(None);
            let mut problem = exchange.problem(code);
            if fault::is_passing(code) {
                problem = problem.retry_after(Duration::from_secs(1));
            }
            // The client may go meanwhile: then there is nobody to tell.
            let _ = respond::refuse(session, exchange, &problem).await;
        }
        FailToProxy { error_code: code.entry().status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, fault: Option<&Error>, exchange: &mut Exchange) {
        self.record(session, exchange);
        // Pingora would let the connection go, with what was written and not flushed.
        if fault.is_some() {
            respond::close(session).await;
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
