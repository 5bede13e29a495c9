//! Where each metric is made, once: its name, its labels and what it says. The registry and the
//! reference have it from here.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// One metric, as the reference shows it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub group: &'static str,
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// All metrics, in the order in which they were made.
pub(super) struct MetricRegistry {
    registry: Registry,
    entries: Vec<Entry>,
    group: &'static str,
}

type Made<M> = Result<M, prometheus::Error>;

impl MetricRegistry {
    pub(super) fn new() -> Self {
        Self { registry: Registry::new(), entries: Vec::new(), group: "" }
    }

    /// What the next metrics are about.
    pub(super) fn group(&mut self, group: &'static str) {
        self.group = group;
    }

    pub(super) fn close(self) -> (Registry, Vec<Entry>) {
        (self.registry, self.entries)
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Made<IntCounter> {
        let metric = IntCounter::with_opts(Opts::new(name, help))?;
        self.enter("counter", name, &[], help, metric)
    }

    pub(super) fn counters(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<IntCounterVec> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.enter("counter", name, labels, help, metric)
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Made<IntGauge> {
        let metric = IntGauge::with_opts(Opts::new(name, help))?;
        self.enter("gauge", name, &[], help, metric)
    }

    /// One with a fraction.
    pub(super) fn fraction(&mut self, name: &'static str, help: &'static str) -> Made<prometheus::Gauge> {
        let metric = prometheus::Gauge::with_opts(Opts::new(name, help))?;
        self.enter("gauge", name, &[], help, metric)
    }

    /// And a counter with one.
    pub(super) fn fractional_counter(
        &mut self,
        name: &'static str,
        help: &'static str,
    ) -> Made<prometheus::Counter> {
        let metric = prometheus::Counter::with_opts(Opts::new(name, help))?;
        self.enter("counter", name, &[], help, metric)
    }

    pub(super) fn gauges(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Made<IntGaugeVec> {
        let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.enter("gauge", name, labels, help, metric)
    }

    pub(super) fn histogram(
        &mut self,
        name: &'static str,
        buckets: &[f64],
        help: &'static str,
    ) -> Made<Histogram> {
        let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
        self.enter("histogram", name, &[], help, metric)
    }

    pub(super) fn histograms(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        buckets: &[f64],
        help: &'static str,
    ) -> Made<HistogramVec> {
        let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
        self.enter("histogram", name, labels, help, metric)
    }

    /// Metrics that a collector of somebody else's makes.
    pub(super) fn foreign(
        &mut self,
        collector: impl Collector + 'static,
        entries: &[(&'static str, &'static str, &'static str)],
    ) -> Made<()> {
        self.registry.register(Box::new(collector))?;
        let group = self.group;
        self.entries.extend(entries.iter().map(|(name, kind, help)| Entry {
            group,
            name,
            kind,
            labels: &[],
            help,
        }));
        Ok(())
    }

    fn enter<M: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: M,
    ) -> Made<M> {
        self.registry.register(Box::new(metric.clone()))?;
        self.entries.push(Entry { group: self.group, name, kind, labels, help });
        Ok(metric)
    }
}

/// The reference: each metric with its labels and what it says, by what it is about.
pub(super) fn reference(entries: &[Entry]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut group = "";
    for entry in entries {
        if entry.group != group {
            group = entry.group;
            write!(text, "\n## {group}\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n")
                .ok();
        }
        let labels: Vec<_> = entry.labels.iter().map(|label| format!("`{label}`")).collect();
        let help = entry.help.replace('|', "\\|");
        writeln!(text, "| `{}` | {} | {} | {help} |", entry.name, entry.kind, labels.join(", ")).ok();
    }
    text
}

/// Brings a counter up to a total that is counted elsewhere.
pub(super) fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// A figure as a gauge has it.
pub(super) fn signed(figure: impl TryInto<i64>) -> i64 {
    figure.try_into().unwrap_or(i64::MAX)
}
