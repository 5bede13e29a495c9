//! What is printed and stored: the machine, a table for each level in Markdown, and how to read it.

use std::fmt::Write as _;
use std::process::Command;

use crate::figures::{find, noise, verdicts};
use crate::http2::STREAMS;
use crate::levels::{Level, Who};
use crate::load::{CONNECTIONS, Slice};
use crate::options::Options;
use crate::programs::{Cores, debian, installed};
use crate::race::Row;
use crate::section::cell;
use crate::statistics::Spread;
use crate::targets::listed;

/// When, where, and after what load.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("?", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<_> = kernel.trim().split(['.', '-']).take(2).collect();
    let load = read("/proc/loadavg");
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!(
        "{} · {model}, {cores} cores, Linux {} · load before the run: {}",
        crate::support::now(),
        kernel.join("."),
        load.join(" ")
    )
}

/// Versions of everybody.
pub(crate) fn versions() -> String {
    let lock = include_str!("../../Cargo.lock");
    let pingora = lock.split("name = \"pingora\"\nversion = \"").nth(1);
    let pingora = pingora.and_then(|rest| rest.split('"').next()).unwrap_or("?");
    let tool = |path: &str| installed(path).map(Command::new).ok();
    let of = |command: Option<Command>, argument: &str| version(command, argument);
    format!(
        "gateway {}, pingora {pingora}, nginx {}, HAProxy {}, Envoy {}, Traefik {}, Caddy {}, pingap {}, redis-server {}",
        env!("CARGO_PKG_VERSION"),
        of(Some(debian("nginx")), "-v"),
        of(Some(debian("haproxy")), "-v"),
        of(tool("test-tools/venv/bin/envoy"), "--version"),
        of(tool("test-tools/venv/bin/traefik"), "version"),
        of(tool("test-tools/venv/bin/caddy"), "version"),
        of(tool("bench-tools/bin/pingap"), "--version"),
        of(Some(Command::new("redis-server")), "--version"),
    )
}

/// The first thing that looks like a version in what a program says of itself.
fn version(command: Option<Command>, argument: &str) -> String {
    let said = command.and_then(|mut command| command.arg(argument).output().ok());
    let said = said.map(|said| [said.stdout, said.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let mut words = said.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'));
    let number = |word: &&str| {
        let word = word.trim_start_matches('v');
        word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.')
    };
    words.find(number).map_or("none", |word| word.trim_start_matches('v')).to_owned()
}

/// All levels that were measured.
pub(crate) fn tables(rows: &[Row], levels: &[Level]) -> String {
    levels.iter().map(|level| table(rows, *level)).collect()
}

fn table(rows: &[Row], level: Level) -> String {
    let same_built = find(rows, level, Who::SameBuilt);
    let mut text = format!(
        "### {}\n\n\
         | | CPU µs a request (min–max) | × same-built bare | requests/s | p50, p99 ms | its core busy |\n\
         |---|---|---|---|---|---|\n",
        level.title()
    );
    for row in rows.iter().filter(|row| row.level == level) {
        let cells = row.cpu_ratio(same_built).and_then(|same_built| cells_of(row, same_built));
        let cells = cells.unwrap_or_else(|| match &row.slices {
            Err(why) => format!("not there: {} | | | | |", cell(why)),
            Ok(_) => "| | | | |".to_owned(),
        });
        let name = if row.who == Who::Gateway { "**gateway**" } else { row.who.name() };
        writeln!(text, "| {name} | {cells}").ok();
    }
    let verdicts = verdicts(rows, level);
    if !verdicts.is_empty() {
        writeln!(text, "\nTargets: {}.", listed(&verdicts)).ok();
    }
    text.push('\n');
    text
}

fn cells_of(row: &Row, same_built: Spread) -> Option<String> {
    let cpu = row.spread(Slice::cpu_micros)?;
    let median = |figure: fn(&Slice) -> f64| Some(row.spread(figure)?.median);
    let millis = |figure: fn(&Slice) -> f64| Some(median(figure)? / 1_000.0);
    Some(format!(
        "{:.1} ({:.1}–{:.1}) | {:.2} | {:.0} | {:.1}, {:.1} | {:.0} % |",
        cpu.median,
        cpu.low,
        cpu.high,
        same_built.median,
        median(Slice::rate)?,
        millis(|slice| f64::from(slice.p50))?,
        millis(|slice| f64::from(slice.p99))?,
        median(Slice::busy)?,
    ))
}

/// How the levels were measured, and what to think of it.
pub(crate) fn remarks(options: &Options, cores: Cores, rows: &[Row]) -> String {
    let mut text = format!(
        "- {} rounds; in each, every level in turn: the bare proxy, then everybody else, {} ms each after {} ms that do not count. Ratios are taken within a level and a round. Figures are medians.\n",
        options.rounds,
        options.slice.as_millis(),
        options.warm_up.as_millis(),
    );
    writeln!(
        text,
        "- {CONNECTIONS} connections with one request at a time on each, of HTTP/2 {STREAMS} (closed loop, at saturation): times are those of a queue of as many, good for comparison only."
    ).ok();
    text.push_str(if cores.are_two() {
        "- The proxy, with what it asks on the way, has one core for itself; load, service and Redis share another one. Where a proxy's core is busy for much less than 100 %, the other core bounds the requests per second.\n"
    } else {
        "- There is but one core: the proxy shares it with load and service, and requests per second say nothing.\n"
    });
    text.push_str(
        "- Each answer was checked: its status, its length or the end of its content, and whether the service was told who asks (X-User-Id). Refusals are answered on a connection that stays open. Before it was measured, each contestant refused a bad signature and a missing token with 401.\n\
         - One worker thread each (GOMAXPROCS=1 in Go), connections kept on both sides, no access logs. CPU time is that of all threads of the process; of proxies that ask the gateway, of both processes. Redis itself is not counted.\n\
         - The bare proxy always forwards a request of nobody: it sets neither time-outs nor headers. The one that targets are told in has the dependencies, profile and allocator (mimalloc) of the gateway; the one with Pingora's defaults stands at L0 only.\n\
         - All have the same tokens, signed by the gateway's issuer, and set three identity headers. The gateway always checks revocation, in memory where the level does not say Redis; the others from L3 on. nginx + Lua verifies over OpenSSL by FFI, and is nginx alone at L0; what is revoked and what is counted are in its shared memory, and at L4 revocation is one EXISTS. HAProxy has a list and a stick table. Envoy verifies only.\n\
         - Content goes through without being gathered (nginx: proxy_buffering and proxy_request_buffering off), and connections to the service are used again after it (the gateway: reuse_after_body). TLS is version 1.3 with AES-128-GCM and a P-256 certificate; handshakes are not measured. Over HTTP/2 each connection is one user's.\n",
    );
    if let Some(beside) =
        find(rows, Level::Redis, Who::Gateway).and_then(|row| row.spread(Slice::beside_micros))
    {
        writeln!(
            text,
            "- At L4, redis-server itself used {:.1} µs for each request of the gateway, which is not in the table.",
            beside.median
        ).ok();
    }
    writeln!(
        text,
        "- Noise: from slice to slice the bare proxy's own CPU time a request wandered by up to {:.0} % of its median.",
        noise(rows)
    ).ok();
    text
}
