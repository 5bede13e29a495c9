//! What is said of a request when it is over: counted, logged, and traced where that is wanted, all
//! from its final state.

use std::borrow::Cow;
use std::time::Duration;

use super::Gateway;
use super::client::Client;
use super::exchange::{Exchange, State};
use super::upstreams::UpstreamRequest;
use gateway_clock::wall_time;
use gateway_identity::IssuerName;
use gateway_telemetry::{
    AccessLine, FinishedTrace, Observed, Outcome, RouteMetrics, TraceContext, UpstreamSpan, logs_access,
    path_as_sent,
};

/// What a request is counted and logged as that had no answer, since its client left: nginx's word for
/// it. No answer has this status.
const CLIENT_LEFT: u16 = 499;

impl Gateway {
    /// One metric update, one log line, and the spans of one request.
    pub(super) fn record(&self, client: &impl Client, exchange: &Exchange) {
        let duration = exchange.started.elapsed();
        let status = client.status().map_or(CLIENT_LEFT, |status| status.as_u16());
        let method = client.request().method.as_str();
        let (route, metrics) = self.route_of(exchange);
        let outcome = exchange.outcome();
        metrics.observe(&Observed {
            method,
            status,
            outcome,
            way: client.way(),
            duration: (!exchange.is_stream()).then_some(duration),
            decision: exchange.decision.took,
            first_byte: exchange.upstream_request().and_then(UpstreamRequest::first_byte),
        });
        if let Some(context) = exchange.trace.filter(TraceContext::is_sampled) {
            self.parts.traces.record(&FinishedTrace {
                context,
                began: wall_time() - duration,
                took: duration,
                method,
                route,
                status,
                outcome: outcome.reason,
                request_id: exchange.request_id.as_str(),
                stages: exchange.stages(),
                upstream: exchange
                    .upstream_request()
                    .map(|upstream_request| upstream_span(exchange, upstream_request)),
            });
        }
        if logs_access() {
            write_line(client, exchange, route, status, outcome, duration);
        }
    }

    fn route_of<'a>(&'a self, exchange: &'a Exchange) -> (&'a str, &'a RouteMetrics) {
        if matches!(exchange.state, State::Served(_)) {
            return ("gateway", &self.own);
        }
        let found = exchange
            .route()
            .and_then(|route| Some((route.name.as_str(), exchange.configured.metrics.get(&route.name)?)));
        found.unwrap_or(("none", &self.unrouted))
    }
}

fn upstream_span<'a>(exchange: &'a Exchange, upstream_request: &UpstreamRequest) -> UpstreamSpan<'a> {
    UpstreamSpan {
        name: exchange.admitted().map_or("none", |admitted| &admitted.upstream().name),
        began: upstream_request.began_after(&exchange.started),
        connecting: upstream_request.connecting(),
        first_byte: upstream_request.first_byte(),
    }
}

fn write_line(
    client: &impl Client,
    exchange: &Exchange,
    route: &str,
    status: u16,
    outcome: Outcome,
    duration: Duration,
) {
    let request = client.request();
    // As it was decided on, or else as it was sent: somebody looks for whoever sent it.
    let path = match &exchange.target {
        Some(target) => Cow::Borrowed(target.path()),
        None => Cow::Owned(path_as_sent(request.raw_target)),
    };
    let principal = exchange.admitted().and_then(|admitted| admitted.principal());
    let foreign = principal.and_then(|principal| principal.foreign());
    let why = exchange.why();
    let said = why.and_then(|why| why.issuer.as_ref()).map(IssuerName::as_str);
    let line = AccessLine {
        request_id: exchange.request_id.as_str(),
        trace: exchange.trace.map(|context| context.trace),
        client: exchange.client_ip(),
        method: request.method.as_str(),
        path: &path,
        route,
        status,
        outcome: outcome.reason,
        user_id: principal.and_then(|principal| Some(principal.user()?.get())),
        subject: foreign.map(ToString::to_string),
        issuer: foreign.map(|subject| subject.issuer().as_str()).or(said),
        reason: why.and_then(|why| why.reason),
        token_bytes: why.and_then(|why| why.token_bytes),
        duration,
        decision: exchange.decision.took,
        first_byte: exchange.upstream_request().and_then(UpstreamRequest::first_byte),
        request_bytes: client.bytes_read(),
        response_bytes: client.bytes_written(),
    };
    line.write();
}
