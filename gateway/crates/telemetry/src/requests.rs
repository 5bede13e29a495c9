//! What is measured of each request: once, from its final state.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::Way;
use super::registry::MetricRegistry;

/// The methods that are told apart; all others count as one.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The method as it may be counted and logged: an unknown one is the client's own text.
pub fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER")
}

/// From half a millisecond to ten seconds.
pub(super) const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From ten microseconds to a second.
const DECISION_SECONDS: [f64; 13] =
    [0.000_01, 0.000_025, 0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];

/// What can become of a request: the decision, its reason, and its place in the list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `allow`, `deny` or `error`.
    pub decision: &'static str,
    /// A code, `ok`, `served` or `abandoned`.
    pub reason: &'static str,
    pub number: usize,
}

/// The metrics of requests.
pub struct Requests {
    requests: IntCounterVec,
    durations: HistogramVec,
    decision_durations: HistogramVec,
    first_bytes: HistogramVec,
    decisions: IntCounterVec,
    ways: IntCounterVec,
    shadowed: IntCounterVec,
    /// All that there can be, each in its place.
    outcomes: Vec<Outcome>,
}

/// The counters of one route, looked up once and not for each request.
pub struct RouteMetrics {
    requests: Vec<IntCounter>,
    outcomes: Vec<IntCounter>,
    ways: [IntCounter; Way::ALL.len()],
    /// One for each class of status.
    durations: [Histogram; CLASSES.len()],
    decision: Histogram,
    /// Where it is forwarded to somebody.
    first_byte: Option<Histogram>,
}

/// One request, when it is over.
pub struct Observed<'a> {
    pub method: &'a str,
    /// Zero where none was sent.
    pub status: u16,
    pub outcome: Outcome,
    pub way: Way,
    /// `None` for a stream: how long somebody stays is no latency.
    pub duration: Option<Duration>,
    /// How long we took to decide; `None` where a route had nothing to do with it.
    pub decision: Option<Duration>,
    /// How long the upstream took to the head of its answer; `None` where there is none.
    pub first_byte: Option<Duration>,
}

impl RouteMetrics {
    pub fn observe(&self, observed: &Observed<'_>) {
        let method = METHODS.iter().position(|known| *known == observed.method).unwrap_or(METHODS.len() - 1);
        if let Some(counter) = self.requests.get(method * CLASSES.len() + class(observed.status)) {
            counter.inc();
        }
        if let Some(counter) = self.outcomes.get(observed.outcome.number) {
            counter.inc();
        }
        if let Some(counter) = self.ways.get(observed.way as usize) {
            counter.inc();
        }
        let observe = |histogram: &Histogram, time: Option<Duration>| {
            time.iter().for_each(|time| histogram.observe(time.as_secs_f64()));
        };
        self.durations
            .get(class(observed.status))
            .iter()
            .for_each(|histogram| observe(histogram, observed.duration));
        observe(&self.decision, observed.decision);
        self.first_byte.iter().for_each(|histogram| observe(histogram, observed.first_byte));
    }
}

impl Requests {
    pub(super) fn new(
        registry: &mut MetricRegistry,
        outcomes: Vec<Outcome>,
    ) -> Result<Self, prometheus::Error> {
        registry.group("Requests");
        Ok(Self {
            requests: registry.counters(
                "gateway_http_requests_total",
                &["route", "method", "status_class"],
                "Requests by route, method and status class. `gateway` are our own endpoints, `/api/auth/verify` among them, whatever it was asked about; `none` is what was refused before a route was found, preflights, and redirects to HTTPS. A client that left before its answer counts as 4xx (as 499). Heads that cannot be parsed are answered before any of our code runs, and are not counted.",
            )?,
            durations: registry.histograms(
                "gateway_http_request_duration_seconds",
                &["route", "status_class"],
                &SECONDS,
                "Time from the head of a request to the end of its response, by route and status class: refusals are quick, and must not hide that the rest is slow. WebSockets, server-sent events and gRPC calls under a token are left out: how long somebody stays is no latency.",
            )?,
            decision_durations: registry.histograms(
                "gateway_decision_duration_seconds",
                &["route"],
                &DECISION_SECONDS,
                "Time from the head of a request to its being admitted or refused, by route: the gateway's own share. Waits for the revocation store and for the keys of another issuer are not in it.",
            )?,
            first_bytes: registry.histograms(
                "gateway_upstream_first_byte_duration_seconds",
                &["route", "upstream"],
                &SECONDS,
                "Time from having a connection to the upstream, or from the end of the request's body where it has one, to the head of its answer, by route: the upstream's share.",
            )?,
            decisions: registry.counters(
                "gateway_auth_decisions_total",
                &["route", "decision", "reason"],
                "Decisions by route, outcome (allow, deny, error) and reason: a code of docs/errors.md; `ok` for what was forwarded, `served` for what our own endpoints did, `abandoned` where the client left first.",
            )?,
            ways: registry.counters(
                "gateway_http_ways_total",
                &["route", "way"],
                "Requests by route and by the way they took: `lane` is the gateway's own, for simple requests of HTTP/1.1 towards services of HTTP/1.1; the others are why a request took Pingora's, which costs more. `http2` and `service_http2`: it is spoken by the client, by the service; `version`: HTTP/1.0; `target`: no plain path; `upgrade`, `trailers`, `connection`: it asks for that, or says more of its connection than `close`; `closed`: server.fast_path is off.",
            )?,
            shadowed: registry.counters(
                "gateway_shadow_refusals_total",
                &["route", "reason"],
                "Requests that a route in shadow would have refused, by route and reason. A series begins with its first event.",
            )?,
            outcomes,
        })
    }

    /// The counters of a route; the names come from the configuration.
    pub fn route(&self, name: &str, upstream: Option<&str>) -> RouteMetrics {
        let each = METHODS.iter().flat_map(|method| CLASSES.iter().map(move |class| (method, class)));
        RouteMetrics {
            requests: each
                .map(|(method, class)| self.requests.with_label_values(&[name, method, class]))
                .collect(),
            // A series that appeared with its first event would have no rate for it.
            outcomes: self.outcomes.iter().map(|outcome| self.decision(name, *outcome)).collect(),
            ways: Way::ALL.map(|way| self.ways.with_label_values(&[name, way.as_str()])),
            durations: CLASSES.map(|class| self.durations.with_label_values(&[name, class])),
            decision: self.decision_durations.with_label_values(&[name]),
            first_byte: upstream.map(|upstream| self.first_bytes.with_label_values(&[name, upstream])),
        }
    }

    /// What was refused before its head was whole: it has neither a method nor a route.
    pub fn refused_head(&self, outcome: Outcome, status: u16) {
        self.decision("none", outcome).inc();
        if let Some(class) = CLASSES.get(class(status)) {
            self.requests.with_label_values(&["none", "OTHER", class]).inc();
        }
    }

    /// The counter of one decision on a route.
    pub fn decision(&self, route: &str, outcome: Outcome) -> IntCounter {
        self.decisions.with_label_values(&[route, outcome.decision, outcome.reason])
    }

    /// How many requests were not let through so far, by reason and over all routes.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for metric in self.decisions.collect().iter().flat_map(|family| family.get_metric()) {
            let label = |name: &str| {
                metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value())
            };
            if let (Some("deny" | "error"), Some(reason)) = (label("decision"), label("reason")) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a counter of whole numbers"
                )]
                let count = metric.get_counter().get_value() as u64;
                *sums.entry(reason.to_owned()).or_default() += count;
            }
        }
        sums
    }

    /// `route` is a configured name, and `reason` a code.
    pub fn shadowed(&self, route: &str, reason: &'static str) {
        self.shadowed.with_label_values(&[route, reason]).inc();
    }
}

/// The place of a status in the list of classes.
pub(super) fn class(status: u16) -> usize {
    usize::from((status / 100).clamp(1, 5)) - 1
}

/// One counter for each class of status.
pub(super) fn by_class(counters: &IntCounterVec, labels: [&str; 2]) -> [IntCounter; 5] {
    let [one, other] = labels;
    CLASSES.map(|class| counters.with_label_values(&[one, other, class]))
}
