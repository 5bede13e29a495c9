//! Traces: which requests are followed, and their spans on the way to a collector by OTLP over HTTP
//! (<https://opentelemetry.io/docs/specs/otlp/>). Off unless a collector is named.
//!
//! Spans wait in a bounded queue that a thread of its own empties. A collector that is slow or gone
//! costs spans, which are counted, and never a request its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor as _,
};

use super::trace_context::{SpanId, TraceId, TraceParent};
use gateway_identity::random_bytes;

/// Spans that may wait.
const SPANS_MAX: u64 = 8_192;
/// Spans of one message to the collector.
const BATCH: usize = 512;
/// How long spans wait for more of them.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where spans go, and of how many requests.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector, such as `http://127.0.0.1:4318`; `None` is off.
    pub endpoint: Option<String>,
    /// The share of requests that are followed, from 0 to 1. What a trusted proxy follows already is
    /// followed on.
    pub sample_ratio: f64,
    pub service_name: String,
}

/// The trace that a request is part of, and its own place in it.
#[derive(Clone, Copy, Debug)]
pub struct TraceContext {
    pub trace: TraceId,
    /// The span of whoever sent it.
    pub(super) parent: Option<SpanId>,
    /// Ours, and the one of our request to the upstream; `None` where no traces are made here.
    pub(super) own: Option<(SpanId, SpanId)>,
    pub(super) sampled: bool,
    random: bool,
}

impl TraceContext {
    /// Whether its spans are wanted.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Whether it is a trace that nobody began before us.
    pub fn began_here(&self) -> bool {
        self.own.is_some() && self.parent.is_none()
    }

    /// What the upstream is told; `None` where it is told what the client said.
    pub fn for_upstream(&self) -> Option<TraceParent> {
        let (_, span) = self.own?;
        Some(TraceParent { trace: self.trace, span, sampled: self.sampled, random: self.random })
    }
}

/// What was counted of spans.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracesReading {
    pub exported: u64,
    pub failed: u64,
    pub dropped: u64,
}

/// Makes traces, or passes on those of others.
#[derive(Default)]
pub struct Traces(Option<On>);

struct On {
    processor: BatchSpanProcessor,
    counts: Arc<Counts>,
    scope: InstrumentationScope,
    /// A request is followed if a random number is below this.
    threshold: u64,
    /// No number is below all that there are.
    follows_all: bool,
}

#[derive(Debug, Default)]
struct Counts {
    handed: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Traces {
    pub fn new(settings: &TraceSettings) -> Result<Self, String> {
        let Some(endpoint) = &settings.endpoint else { return Ok(Self(None)) };
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = OtlpExporter::builder().with_http().with_endpoint(url).with_timeout(EXPORT_TIME_MAX);
        let exporter = exporter.build().map_err(|fault| format!("traces.endpoint: {fault}"))?;
        let counts = Arc::<Counts>::default();
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(usize::try_from(SPANS_MAX).unwrap_or(usize::MAX))
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY);
        let counted = Counted { exporter, counts: Arc::clone(&counts) };
        let mut processor = BatchSpanProcessor::builder(counted).with_batch_config(batches.build()).build();
        processor.set_resource(&Resource::builder().with_service_name(settings.service_name.clone()).build());
        let scope = InstrumentationScope::builder("gateway").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Self(Some(On {
            processor,
            counts,
            scope,
            threshold: threshold(settings.sample_ratio),
            follows_all: settings.sample_ratio >= 1.0,
        })))
    }

    /// The place of a request in a trace. The trace goes on whoever began it; but that it is to be
    /// followed is believed of trusted proxies only: it costs us something.
    pub fn begin(&self, parent: Option<TraceParent>, is_trusted: bool) -> Option<TraceContext> {
        let Some(on) = &self.0 else {
            let parent = parent?;
            return Some(TraceContext {
                trace: parent.trace,
                parent: None,
                own: None,
                sampled: false,
                random: parent.random,
            });
        };
        let trace = parent.map_or_else(TraceId::random, |parent| parent.trace);
        // By chance of our own: the id of the trace may have been chosen by a client.
        let chosen = on.follows_all || u64::from_be_bytes(random_bytes()) < on.threshold;
        let sampled = chosen || (is_trusted && parent.is_some_and(|parent| parent.sampled));
        let own = Some((SpanId::random(), SpanId::random()));
        let random = parent.is_none_or(|parent| parent.random);
        Some(TraceContext { trace, parent: parent.map(|parent| parent.span), own, sampled, random })
    }

    /// Hands spans on; those that do not fit are dropped.
    pub(super) fn hand_on(&self, spans: impl FnOnce(&InstrumentationScope) -> Vec<SpanData>) {
        let Some(on) = &self.0 else { return };
        let counts = &on.counts;
        for span in spans(&on.scope) {
            let settled = counts.exported.load(Ordering::Relaxed) + counts.failed.load(Ordering::Relaxed);
            if counts.handed.load(Ordering::Relaxed).saturating_sub(settled) >= SPANS_MAX {
                counts.dropped.fetch_add(1, Ordering::Relaxed);
            } else {
                counts.handed.fetch_add(1, Ordering::Relaxed);
                on.processor.on_end(span);
            }
        }
    }

    pub fn read(&self) -> TracesReading {
        let Some(on) = &self.0 else { return TracesReading::default() };
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TracesReading {
            exported: load(&on.counts.exported),
            failed: load(&on.counts.failed),
            dropped: load(&on.counts.dropped),
        }
    }

    /// Sends what still waits, within this time.
    pub fn end(&self, within: Duration) {
        if let Some(on) = &self.0 {
            // Whether the last spans arrive is seen at the collector, if anywhere.
            on.processor.shutdown_with_timeout(within).ok();
        }
    }
}

/// The share of all 2^64 values that lies below it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^64, and saturating")]
fn threshold(ratio: f64) -> u64 {
    (ratio.clamp(0.0, 1.0) * 18_446_744_073_709_551_616.0) as u64
}

/// The exporter, and what became of what it was given.
#[derive(Debug)]
struct Counted {
    exporter: OtlpExporter,
    counts: Arc<Counts>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let outcome = self.exporter.export(batch).await;
        let count = if outcome.is_ok() { &self.counts.exported } else { &self.counts.failed };
        count.fetch_add(spans, Ordering::Relaxed);
        outcome
    }

    fn shutdown_with_timeout(&self, time: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(time)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(ratio: f64) -> Traces {
        let endpoint = Some("http://127.0.0.1:1".to_owned());
        let settings = TraceSettings { endpoint, sample_ratio: ratio, service_name: "gateway".to_owned() };
        Traces::new(&settings).unwrap()
    }

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_ratio_is_the_share_of_traces_that_are_followed() {
        for (ratio, share) in [(0.0, 0.0..=0.0), (0.25, 0.2..=0.3), (1.0, 1.0..=1.0)] {
            let traces = on(ratio);
            let sampled = (0..2_000).filter(|_| traces.begin(None, false).unwrap().is_sampled()).count();
            assert!(share.contains(&(sampled as f64 / 2_000.0)), "{ratio}: {sampled}");
        }
    }

    #[test]
    fn nobody_is_followed_for_the_id_that_he_chose() {
        let traces = on(0.01);
        let chosen = TraceParent::parse("00-abcdabcdabcdabcd0000000000000001-b7ad6b7169203331-00");
        let sampled = (0..2_000).filter(|_| traces.begin(chosen, false).unwrap().is_sampled()).count();
        assert!(sampled < 100, "{sampled}");
    }

    #[test]
    fn a_trace_goes_on_but_only_a_trusted_proxy_says_that_it_is_followed() {
        let (traces, parent) = (on(0.0), TraceParent::parse(PARENT));
        let stranger = traces.begin(parent, false).unwrap();
        let trusted = traces.begin(parent, true).unwrap();
        for context in [stranger, trusted] {
            let told = context.for_upstream().unwrap().to_string();
            assert!(
                told.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && !told.contains("b7ad6b"),
                "{told}"
            );
        }
        assert!(!stranger.is_sampled() && trusted.is_sampled());
        assert!(trusted.for_upstream().unwrap().sampled);
    }

    #[test]
    fn without_a_collector_the_trace_of_the_client_is_only_read() {
        let off = Traces::default();
        assert!(off.begin(None, true).is_none());
        let context = off.begin(TraceParent::parse(PARENT), true).unwrap();
        assert!(context.for_upstream().is_none() && !context.is_sampled());
    }
}
