//! Traces: what a collector is told by OTLP, what the service is told by `traceparent`, and that
//! neither costs a request anything.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway_clock::Stopwatch;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn collector() -> Upstream {
    Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
    )
}

fn traced(upstream: &Upstream, collector: &Upstream, ratio: &str) -> Setup {
    Setup::before(upstream.address)
        .env("GATEWAY__TRACES__ENDPOINT", &format!("http://{}", collector.address))
        .env("GATEWAY__TRACES__SAMPLE_RATIO", ratio)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All spans that came so far, by their names; and whom they are of.
fn spans(collector: &Upstream) -> (Vec<Span>, Vec<String>) {
    let (mut spans, mut services) = (Vec::new(), Vec::new());
    for arrived in collector.arrived() {
        assert_eq!(arrived.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(arrived.one("content-type"), "application/x-protobuf");
        let message = ExportTraceServiceRequest::decode(arrived.body.as_slice()).unwrap();
        for of_resource in message.resource_spans {
            let attributes = of_resource.resource.unwrap().attributes;
            let name = attributes.into_iter().find(|pair| pair.key == "service.name").unwrap();
            services.extend(name.value.and_then(|value| match value.value? {
                Value::StringValue(text) => Some(text),
                _ => None,
            }));
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans));
        }
    }
    (spans, services)
}

/// The spans of one trace by their names, once this many are there.
#[track_caller]
fn trace(collector: &Upstream, id: &str, count: usize) -> BTreeMap<String, Span> {
    let mut found = BTreeMap::new();
    eventually("the spans have arrived", || {
        let of_it = spans(collector).0.into_iter().filter(|span| hex(&span.trace_id) == id);
        found = of_it.map(|span| (span.name.clone(), span)).collect();
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{:?}", found.keys());
    found
}

fn attribute(span: &Span, name: &str) -> String {
    let pair = span.attributes.iter().find(|pair| pair.key == name);
    match pair.and_then(|pair| pair.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn exported(gateway: &Gateway, result: &str) -> f64 {
    gateway.metric(&format!("gateway_trace_spans_total{{result=\"{result}\"}}"))
}

#[test]
fn a_request_is_one_trace_with_the_stages_of_the_decision_and_the_way_to_the_service() {
    let (upstream, collector) = (Upstream::start(), collector());
    let gateway = traced(&upstream, &collector, "1.0").env("GATEWAY__TRACES__SERVICE_NAME", "front").start();
    let ada = gateway.user();
    let reply = ada.request("GET", "/api/todos/7?secret=CANARY").header("traceparent", PARENT).send();
    assert_eq!(reply.status, 200);
    let spans_of_it = trace(&collector, TRACE, 8);
    let whole = &spans_of_it["GET todos"];
    assert_eq!(hex(&whole.parent_span_id), "b7ad6b7169203331", "the trace of the client goes on");
    assert_eq!(whole.kind, 2, "SPAN_KIND_SERVER");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "todos"),
        ("http.response.status_code", "200"),
        ("gateway.outcome", "ok"),
        ("gateway.request_id", reply.header("x-request-id")),
    ] {
        assert_eq!(attribute(whole, name), value, "{name}");
    }
    for stage in ["route", "token", "verify", "revocation", "limit", "authorize", "upstream todo"] {
        let span = &spans_of_it[stage];
        assert_eq!(span.parent_span_id, whole.span_id, "{stage}");
        let inside = span.start_time_unix_nano >= whole.start_time_unix_nano
            && span.end_time_unix_nano <= whole.end_time_unix_nano
            && span.start_time_unix_nano <= span.end_time_unix_nano;
        assert!(inside, "{span:?} in {whole:?}");
    }
    // The service goes on where the span that waits for it is.
    let told = upstream.only().one("traceparent").to_owned();
    assert_eq!(told, format!("00-{TRACE}-{}-01", hex(&spans_of_it["upstream todo"].span_id)));
    assert!(spans(&collector).1.iter().all(|service| service == "front"));
    eventually("it is counted", || exported(&gateway, "exported") >= 8.0);
    let text = format!("{:?}", spans(&collector).0);
    assert!(!text.contains("CANARY") && !text.contains(&ada.access) && !text.contains(&ada.email), "{text}");
}

#[test]
fn a_request_without_a_trace_begins_one_that_its_log_line_names() {
    let (upstream, collector) = (Upstream::start(), collector());
    let gateway = traced(&upstream, &collector, "1.0").start();
    let ada = gateway.user();
    for malformed in ["", "00-0-0-0", "x", &PARENT.to_uppercase(), &PARENT.replace("00-", "ff-")] {
        ada.request("GET", "/api/todos").header("traceparent", malformed).send();
        let told = upstream.arrived().last().unwrap().one("traceparent").to_owned();
        assert!(told.len() == 55 && !told.contains(TRACE), "{malformed}: {told}");
        gateway.says(&format!("\"trace_id\":\"{}\"", &told[3..35]));
    }
    let twice = ada.request("GET", "/api/todos").header("traceparent", PARENT).header("traceparent", PARENT);
    twice.header("tracestate", "a=b").send();
    let arrived = upstream.arrived().last().unwrap().clone();
    assert!(!arrived.one("traceparent").contains(TRACE) && !arrived.has("tracestate"), "{arrived:?}");
    let refused = gateway.client().get("/api/todos").header("traceparent", PARENT).send();
    assert_eq!(refused.status, 401);
    let spans = trace(&collector, TRACE, 3);
    assert_eq!(attribute(&spans["GET todos"], "gateway.outcome"), "token_missing");
    assert!(spans.contains_key("route") && spans.contains_key("token"), "as far as it came");
}

#[test]
fn who_is_no_trusted_proxy_goes_on_with_a_trace_and_does_not_choose_that_it_is_followed() {
    let (upstream, collector) = (Upstream::start(), collector());
    let asked = |setup: Setup| {
        let gateway = setup.start();
        gateway.user().request("GET", "/api/todos").header("traceparent", PARENT).send();
        let told = upstream.arrived().last().unwrap().one("traceparent").to_owned();
        assert!(told.starts_with(&format!("00-{TRACE}-")) && told != PARENT, "{told}");
        (told.ends_with("-01"), gateway)
    };
    let (followed, _stranger) = asked(traced(&upstream, &collector, "0.0000001"));
    assert!(!followed);
    let trusting =
        traced(&upstream, &collector, "0.0").env("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let (followed, _trusted) = asked(trusting);
    assert!(followed);
    trace(&collector, TRACE, 8);
}

#[test]
fn without_a_collector_the_service_is_told_what_the_client_said() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    ada.request("GET", "/api/todos").header("traceparent", PARENT).header("tracestate", "a=b").send();
    let arrived = upstream.only();
    assert_eq!((arrived.one("traceparent"), arrived.one("tracestate")), (PARENT, "a=b"));
    gateway.says(&format!("\"trace_id\":\"{TRACE}\""));
    ada.get("/api/todos");
    assert!(!upstream.arrived().last().unwrap().has("traceparent"));
}

#[test]
fn a_collector_that_hangs_or_is_gone_costs_spans_and_no_request_its_time() {
    let upstream = Upstream::start();
    let (hangs, gate) = Upstream::gated();
    let gone = Upstream::answering("");
    for (collector, why) in [(&hangs, "hangs"), (&gone, "is gone")] {
        let mut gateway = traced(&upstream, collector, "1.0").unlimited().start();
        let ada = gateway.user();
        let begun = Stopwatch::start();
        // More spans than may wait, 8 for each request.
        for _ in 0..1_300 {
            assert_eq!(ada.get("/api/todos").status, 200);
        }
        let lost = || exported(&gateway, "dropped") + exported(&gateway, "failed");
        eventually("spans are lost, and counted", || lost() > 0.0);
        assert!(begun.elapsed() < Duration::from_secs(120), "{why}: {:?}", begun.elapsed());
        let begun = Stopwatch::start();
        assert!(gateway.terminate().success());
        assert!(begun.elapsed() < Duration::from_secs(10), "{why}: it does not wait at its end either");
    }
    gate.open();
}

#[test]
fn a_wrong_collector_or_ratio_is_said_before_anything_starts() {
    for (name, value, complaint) in [
        ("ENDPOINT", "collector:4318", "traces.endpoint is no address of a collector"),
        ("ENDPOINT", "http://ada:CANARY@collector:4318", "belong into OTEL_EXPORTER_OTLP_HEADERS"),
        ("ENDPOINT", "grpc://collector:4317", "is no address of a collector"),
        ("SAMPLE_RATIO", "1.5", "traces.sample_ratio = 1.5 is no share of requests"),
        ("SERVICE_NAME", "\"\"", "traces.service_name is empty"),
    ] {
        let failed = Setup::new("").env(&format!("GATEWAY__TRACES__{name}"), value).try_start().map(drop);
        let failed = failed.unwrap_err();
        assert_eq!(failed.status.code(), Some(78));
        assert!(failed.stderr.contains(complaint), "{complaint}: {}", failed.stderr);
        crate::support::canary(&failed.stderr);
    }
}

#[test]
fn where_the_time_of_a_refusal_went_is_a_span_too() {
    let (upstream, collector, mut redis) = (Upstream::start(), collector(), Redis::start());
    let gateway = traced(&upstream, &collector, "1.0").redis(&redis.url()).start();
    let ada = gateway.user();
    redis.kill();
    let reply = ada.request("GET", "/api/todos").header("traceparent", PARENT).send();
    assert_eq!((reply.status, reply.code().as_str()), (503, "revocation_unavailable"));
    let spans = trace(&collector, TRACE, 5);
    assert!(spans.contains_key("revocation") && !spans.contains_key("limit"), "{:?}", spans.keys());
}

#[test]
fn the_ratio_is_about_the_share_of_requests_that_are_followed() {
    let (upstream, collector) = (Upstream::start(), collector());
    let gateway = traced(&upstream, &collector, "0.5").start();
    let ada = gateway.user();
    for _ in 0..200 {
        ada.get("/api/todos");
    }
    let told = upstream.arrived();
    let followed = told.iter().filter(|arrived| arrived.one("traceparent").ends_with("-03")).count();
    let known =
        told.iter().all(|arrived| ["-03", "-02"].iter().any(|end| arrived.one("traceparent").ends_with(end)));
    assert!(known && (60..140).contains(&followed), "{followed} of 200");
}
