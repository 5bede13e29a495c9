//! The spans of one request: one for it, one for each stage of the decision, and one for the
//! upstream. Attributes have the names of OpenTelemetry's semantic conventions for HTTP.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId as OtelSpanId, SpanKind, Status, TraceFlags, TraceId as OtelTraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::requests::known_method;
use super::trace_context::SpanId;
use super::traces::{TraceContext, Traces};

/// A request that is over. Times count from its beginning.
pub struct FinishedTrace<'a> {
    pub context: TraceContext,
    pub began: SystemTime,
    pub took: Duration,
    pub method: &'a str,
    pub route: &'a str,
    pub status: u16,
    pub outcome: &'a str,
    pub request_id: &'a str,
    pub stages: Vec<Span>,
    pub upstream: Option<UpstreamSpan<'a>>,
}

/// One stage of the decision.
pub struct Span {
    pub name: &'static str,
    pub began: Duration,
    pub ended: Duration,
}

/// The way to the upstream.
pub struct UpstreamSpan<'a> {
    pub name: &'a str,
    pub began: Duration,
    /// A new connection was there; zero where one was used again.
    pub connecting: Duration,
    pub first_byte: Option<Duration>,
}

impl Traces {
    /// Its spans go to the collector, if they are wanted.
    pub fn record(&self, finished: &FinishedTrace<'_>) {
        if let (true, Some(own)) = (finished.context.sampled, finished.context.own) {
            self.hand_on(|scope| spans(finished, own, scope));
        }
    }
}

fn spans(
    finished: &FinishedTrace<'_>,
    (own, to_upstream): (SpanId, SpanId),
    scope: &InstrumentationScope,
) -> Vec<SpanData> {
    let make = |name: String, id: SpanId, parent: Option<SpanId>, from: Duration, to: Duration| SpanData {
        span_context: SpanContext::new(
            OtelTraceId::from_bytes(finished.context.trace.0),
            OtelSpanId::from_bytes(id.0),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: parent.map_or(OtelSpanId::INVALID, |parent| OtelSpanId::from_bytes(parent.0)),
        parent_span_is_remote: id == own,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: finished.began + from,
        end_time: finished.began + to,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    };
    let (method, route) = (known_method(finished.method), finished.route);
    let status = KeyValue::new("http.response.status_code", i64::from(finished.status));
    let failed =
        || if finished.status >= 500 { Status::error(finished.outcome.to_owned()) } else { Status::Unset };
    let whole = SpanData {
        span_kind: SpanKind::Server,
        attributes: vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            status.clone(),
            KeyValue::new("gateway.outcome", finished.outcome.to_owned()),
            KeyValue::new("gateway.request_id", finished.request_id.to_owned()),
        ],
        status: failed(),
        ..make(format!("{method} {route}"), own, finished.context.parent, Duration::ZERO, finished.took)
    };
    let stages = finished
        .stages
        .iter()
        .map(|stage| make(stage.name.to_owned(), SpanId::random(), Some(own), stage.began, stage.ended));
    let upstream = finished.upstream.as_ref().map(|upstream| {
        let waited = upstream.first_byte.unwrap_or_default();
        SpanData {
            span_kind: SpanKind::Client,
            attributes: vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("gateway.upstream", upstream.name.to_owned()),
                KeyValue::new("gateway.upstream.connect_seconds", upstream.connecting.as_secs_f64()),
                KeyValue::new("gateway.upstream.first_byte_seconds", waited.as_secs_f64()),
                status,
            ],
            status: failed(),
            ..make(
                format!("upstream {}", upstream.name),
                to_upstream,
                Some(own),
                upstream.began,
                finished.took,
            )
        }
    });
    std::iter::once(whole).chain(stages).chain(upstream).collect()
}
