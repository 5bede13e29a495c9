//! What is measured of the process as a whole: its configuration, its store, its log, its clock.

use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntCounter, IntCounterVec, IntGauge};
use rustix::time::{ClockId, clock_gettime};

use super::registry::{MetricRegistry, raise, signed};
use super::traces::TracesReading;

/// The process at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct ProcessReading {
    pub store: StoreReading,
    pub log: LogReading,
    pub traces: TracesReading,
    pub worker_threads: usize,
    /// The clock of the gateway, in milliseconds since 1970.
    pub clock_millis: u64,
}

/// The store of accounts and sessions.
#[derive(Clone, Debug, Default)]
pub struct StoreReading {
    pub up: bool,
    pub size_bytes: u64,
    pub disk_free_bytes: u64,
    pub disk_free_min_bytes: u64,
}

/// The queue of lines that are to be logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogReading {
    pub dropped: u64,
    pub waiting: u64,
    pub waiting_max: u64,
}

/// The metrics of the process.
pub struct Process {
    reloads: IntCounterVec,
    reload_ok: IntGauge,
    reload_at: IntGauge,
    reload_took: prometheus::Gauge,
    store_up: IntGauge,
    store_size: IntGauge,
    disk_free: IntGauge,
    disk_free_min: IntGauge,
    log_dropped: IntCounter,
    log_waiting: IntGauge,
    log_waiting_max: IntGauge,
    spans: IntCounterVec,
    workers: IntGauge,
    cpus: IntGauge,
    memory_max: IntGauge,
    clock: prometheus::Gauge,
    cpu: Counter,
}

impl Process {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Store");
        let store_up = registry.gauge(
            "gateway_store_up",
            "Whether the store of accounts and sessions takes writes (1), or has failed and needs a restart (0).",
        )?;
        let store_size = registry
            .gauge("gateway_store_size_bytes", "Size of the files of the store of accounts and sessions.")?;
        let disk_free =
            registry.gauge("gateway_store_disk_free_bytes", "Room that is left on the disk of the store.")?;
        let disk_free_min = registry.gauge(
            "gateway_store_disk_free_min_bytes",
            "Room below which writes are refused with 503 (`store.min_free_bytes`).",
        )?;
        registry.group("Log and traces");
        let log_dropped = registry.counter(
            "gateway_log_lines_dropped_total",
            "Log lines that were dropped because whoever reads the log is too slow. A request never waits for the log.",
        )?;
        let log_waiting = registry.gauge("gateway_log_queue_depth", "Log lines that wait to be written.")?;
        let log_waiting_max = registry.gauge("gateway_log_queue_max", "Log lines that may wait.")?;
        let spans = registry.counters(
            "gateway_trace_spans_total",
            &["result"],
            "Spans of traces by result: exported, failed (the collector did not take them), or dropped because too many waited. A request never waits for the collector.",
        )?;
        for result in ["exported", "failed", "dropped"] {
            // A series that appeared with its first event would have no rate for it.
            spans.with_label_values(&[result]);
        }
        registry.group("Configuration and process");
        let process = Self {
            reloads: registry.counters(
                "gateway_config_reloads_total",
                &["result"],
                "Reloads of the configuration by result (ok, refused).",
            )?,
            reload_ok: registry.gauge(
                "gateway_config_last_reload_successful",
                "Whether the last reload was taken over; 1 also before the first one.",
            )?,
            reload_at: registry.gauge(
                "gateway_config_last_reload_success_timestamp_seconds",
                "When the configuration in use was reloaded, in seconds since 1970; 0 if it is that of the start.",
            )?,
            reload_took: registry.fraction(
                "gateway_config_last_reload_duration_seconds",
                "How long the last reload took, taken over or not; 0 before the first one.",
            )?,
            store_up,
            store_size,
            disk_free,
            disk_free_min,
            log_dropped,
            log_waiting,
            log_waiting_max,
            spans,
            workers: registry.gauge(
                "gateway_worker_threads",
                "Threads that carry requests (`server.threads`).",
            )?,
            cpus: registry.gauge("gateway_cpus", "Processors that the gateway may use.")?,
            memory_max: registry.gauge(
                "gateway_memory_max_bytes",
                "Memory that the process may use: that of the machine, or what its cgroup is allowed.",
            )?,
            clock: registry.fraction(
                "gateway_clock_timestamp_seconds",
                "The gateway's own clock at the scrape, in seconds since 1970. The lives of tokens are held against it.",
            )?,
            cpu: registry.fractional_counter(CPU, "Processor time that the process used.")?,
        };
        let info =
            registry.gauges("gateway_build_info", &["version"], "The version of the gateway; always 1.")?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.foreign(WithoutCpu(ProcessCollector::for_self()), &OF_PROCESS)?;
        process.reload_ok.set(1);
        process.cpus.set(signed(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));
        // A series that appeared with its first event would have no rate for it.
        process.reloads.with_label_values(&["ok"]);
        process.reloads.with_label_values(&["refused"]);
        Ok(process)
    }

    /// When the configuration was taken over, in seconds since 1970; `None` if it was refused.
    pub fn reloaded(&self, at: Option<u64>, took: Duration) {
        self.reloads.with_label_values(&[if at.is_some() { "ok" } else { "refused" }]).inc();
        self.reload_ok.set(i64::from(at.is_some()));
        self.reload_took.set(took.as_secs_f64());
        at.iter().for_each(|at| self.reload_at.set(signed(*at)));
    }

    pub(super) fn show(&self, reading: &ProcessReading) {
        self.store_up.set(i64::from(reading.store.up));
        self.store_size.set(signed(reading.store.size_bytes));
        self.disk_free.set(signed(reading.store.disk_free_bytes));
        self.disk_free_min.set(signed(reading.store.disk_free_min_bytes));
        raise(&self.log_dropped, reading.log.dropped);
        self.log_waiting.set(signed(reading.log.waiting));
        self.log_waiting_max.set(signed(reading.log.waiting_max));
        let traces = reading.traces;
        raise(&self.spans.with_label_values(&["exported"]), traces.exported);
        raise(&self.spans.with_label_values(&["failed"]), traces.failed);
        raise(&self.spans.with_label_values(&["dropped"]), traces.dropped);
        self.memory_max.set(signed(memory_max().unwrap_or_default()));
        self.workers.set(signed(reading.worker_threads));
        #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
        self.clock.set(reading.clock_millis as f64 / 1e3);
        self.cpu.inc_by((cpu_seconds() - self.cpu.get()).max(0.0));
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 seconds of processor time are more than there are")]
fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// What the machine has, or the cgroup of the process and each above it allows, whichever is least.
fn memory_max() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = machine
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())?;
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let groups = std::path::Path::new(own).ancestors();
    let allowed = groups.filter_map(|group| {
        let limit = std::path::Path::new("/sys/fs/cgroup").join(group).join("memory.max");
        std::fs::read_to_string(limit).ok()?.trim().parse().ok()
    });
    allowed.chain([kib.saturating_mul(1_024)]).min()
}

const CPU: &str = "process_cpu_seconds_total";

/// The collector of the library, but for the processor time: it knows whole seconds only, and what a
/// request costs is to be seen within one.
struct WithoutCpu(ProcessCollector);

impl Collector for WithoutCpu {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc().into_iter().filter(|described| described.fq_name != CPU).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.collect().into_iter().filter(|family| family.name() != CPU).collect()
    }
}

/// What the collector of the library shows, in our words.
const OF_PROCESS: [(&str, &str, &str); 6] = [
    ("process_open_fds", "gauge", "Open file descriptors."),
    ("process_max_fds", "gauge", "File descriptors that may be open."),
    ("process_resident_memory_bytes", "gauge", "Memory in use."),
    ("process_virtual_memory_bytes", "gauge", "Memory that is mapped."),
    ("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970."),
    ("process_threads", "gauge", "Threads of the process."),
];
