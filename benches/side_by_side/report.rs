//! What is printed: the machine, a table in Markdown, and what to think of it.

use std::fmt::Write as _;
use std::process::Command;

use crate::load::Slice;

/// One line of the table: its slices, and the bare proxy's slice that stood beside each.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) pairs: Vec<(Slice, Slice)>,
}

impl Slice {
    fn cpu_micros(&self) -> f64 {
        self.cpu[0] * 1e6 / self.requests as f64
    }

    fn beside_micros(&self) -> f64 {
        self.cpu[1] * 1e6 / self.requests as f64
    }

    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    fn busy(&self) -> f64 {
        100.0 * self.cpu[0] / self.seconds
    }
}

/// The middle, and the ends.
#[derive(Clone, Copy)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        Self {
            low: values[0],
            median: values[values.len() / 2].midpoint(values[last / 2]),
            high: values[last],
        }
    }
}

impl Row {
    fn spread(&self, figure: impl Fn(&(Slice, Slice)) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(figure).collect())
    }

    fn cpu(&self) -> Spread {
        self.spread(|(own, _)| own.cpu_micros())
    }

    fn cpu_ratio(&self) -> Spread {
        self.spread(|(own, bare)| own.cpu_micros() / bare.cpu_micros())
    }
}

/// The machine and the versions.
pub(crate) fn header() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("?", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let lock = include_str!("../../Cargo.lock");
    let pingora =
        lock.split("name = \"pingora\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    let redis = Command::new("redis-server").arg("--version").output().ok();
    let redis =
        redis.map_or("none".to_owned(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let redis =
        redis.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("none").to_owned();
    format!(
        "Date: {} · machine: {model}, {cores} cores, Linux {} · load before the run: {}\n\
         Versions: gateway {}, pingora {}, redis-server {redis}\n",
        crate::support::now(),
        kernel.trim(),
        load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        env!("CARGO_PKG_VERSION"),
        pingora.unwrap_or("?"),
    )
}

/// The table; the second row is the yardstick with the gateway's allocator.
pub(crate) fn table(bare: &[Slice], rows: &[Row]) -> String {
    let cpu = Spread::of(bare.iter().map(Slice::cpu_micros).collect());
    let rate = Spread::of(bare.iter().map(Slice::rate).collect());
    let busy = Spread::of(bare.iter().map(Slice::busy).collect());
    let mut table = String::from(
        "| proxy | CPU per request, µs (min–max) | × bare (min–max) | × bare with mimalloc | requests/s | ÷ bare | its core busy |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let yardstick = rows.first().map_or(1.0, |row| row.cpu_ratio().median);
    let _ = writeln!(
        table,
        "| bare | {:.1} ({:.1}–{:.1}) | 1 | {:.2} | {:.0} | 1 | {:.0} % |",
        cpu.median,
        cpu.low,
        cpu.high,
        1.0 / yardstick,
        rate.median,
        busy.median
    );
    for row in rows {
        let (cpu, ratio) = (row.cpu(), row.cpu_ratio());
        let _ = writeln!(
            table,
            "| {} | {:.1} ({:.1}–{:.1}) | {:.2} ({:.2}–{:.2}) | {:.2} | {:.0} | {:.2} | {:.0} % |",
            row.name,
            cpu.median,
            cpu.low,
            cpu.high,
            ratio.median,
            ratio.low,
            ratio.high,
            ratio.median / yardstick,
            row.spread(|(own, _)| own.rate()).median,
            row.spread(|(own, bare)| own.rate() / bare.rate()).median,
            row.spread(|(own, _)| own.busy()).median,
        );
    }
    table
}

/// CPU time of the program beside the proxy in this row, for each request.
pub(crate) fn beside(row: &Row) -> f64 {
    row.spread(|(own, _)| own.beside_micros()).median
}

/// How far the bare proxy's own figure wandered: what is smaller than this is noise.
pub(crate) fn noise(bare: &[Slice]) -> f64 {
    let cpu = Spread::of(bare.iter().map(Slice::cpu_micros).collect());
    100.0 * (cpu.high - cpu.low) / cpu.median
}
