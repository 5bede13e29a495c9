//! What connections cost that do nothing: resident memory with thousands of them, each of which was
//! answered once and is kept.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::contestants::Stage;
use crate::levels::{Level, Who};
use crate::load::Load;
use crate::options::Options;
use crate::programs::{Watched, resident_bytes};
use crate::section::{Section, cell};
use crate::targets::{IDLE_BYTES_MAX, IDLE_TLS_BYTES_MAX, Verdict};

const CONNECTIONS: usize = 10_000;
const CONNECTIONS_QUICK: usize = 1_000;
const REQUESTS_BEFORE: usize = 100;
/// In which a proxy puts away what a request needed.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Of each kind, what a connection may take where there is a target.
const KINDS: [(&str, Level, Option<f64>); 3] = [
    ("HTTP/1.1", Level::Plain, Some(IDLE_BYTES_MAX)),
    ("HTTP/1.1 over TLS 1.3", Level::Tls, Some(IDLE_TLS_BYTES_MAX)),
    ("HTTP/2", Level::Http2, None),
];
const WHO: [Who; 6] = [Who::SameBuilt, Who::Gateway, Who::Before, Who::NginxLua, Who::Haproxy, Who::Envoy];

/// Resident memory of a proxy, in bytes.
struct Memory {
    before: u64,
    after: u64,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let count = if options.quick { CONNECTIONS_QUICK } else { CONNECTIONS };
    let mut table =
        "| | | at the start, MiB | with them, MiB | bytes a connection |\n|---|---|---|---|---|\n".to_owned();
    let mut verdicts = Vec::new();
    for (kind, level, most) in KINDS {
        for who in WHO.into_iter().filter(|who| options.wants(*who)) {
            let memory = memory(stage, runtime, who, level, count);
            let name = if who == Who::Gateway { "**gateway**" } else { who.name() };
            match memory {
                Ok(Memory { before, after }) => {
                    let grown = after.saturating_sub(before) as f64 / count as f64;
                    let [before, after] = [before, after].map(|bytes| bytes as f64 / 1_048_576.0);
                    writeln!(table, "| {kind} | {name} | {before:.1} | {after:.1} | {grown:.0} |").ok();
                    if let Some(most) = most.filter(|_| who == Who::Gateway) {
                        let [grown, most] = [grown, most].map(|bytes| bytes / 1_000.0);
                        verdicts.push(Verdict::at_most(&format!("{kind}, kB"), Some(grown), most));
                    }
                }
                Err(why) if who == Who::Gateway => return Err(format!("idle, {kind}: {why}")),
                Err(why) => drop(writeln!(table, "| {kind} | {name} | not there: {} | | |", cell(&why))),
            }
        }
    }
    let remark = "Each connection was answered once (over TLS and HTTP/2 with a token, where one is asked for), and is kept open; each proxy was started for this alone. Buffers of the kernel are not in it. nginx has made room for its connections before the start.".to_owned();
    let title = format!("idle: resident memory with {count} idle connections");
    Ok(Section { title, table, verdicts, remark })
}

fn memory(
    stage: &Stage<'_>,
    runtime: &Runtime,
    who: Who,
    level: Level,
    count: usize,
) -> Result<Memory, String> {
    let only = [level];
    let contestant = Stage { levels: &only, ..*stage }.start(who)?;
    let (address, watched) = contestant.at(level, None).ok_or("it has none")?;
    let load = stage.load(level, who, address);
    runtime.block_on(async {
        load.ready().await?;
        measure(&load, &watched, count).await
    })
}

async fn measure(load: &Load, proxy: &Watched, count: usize) -> Result<Memory, String> {
    // Requests before bring in code and pools, which are no connection's. One after the other: many at once
    // would leave room behind, which the first connections would then not seem to need.
    for _ in 0..REQUESTS_BEFORE {
        load.probe().await?;
    }
    tokio::time::sleep(SETTLE_TIME).await;
    let before = proxy.proxy.iter().map(|pid| resident_bytes(*pid)).sum();
    let mut open = load.hold(count).await?;
    tokio::time::sleep(SETTLE_TIME).await;
    let after = proxy.proxy.iter().map(|pid| resident_bytes(*pid)).sum();
    // They were all still there.
    for client in open.iter_mut().step_by(97) {
        let answered = load.ask_again(client).await;
        answered.map_err(|fault| format!("an idle connection did not live: {fault}"))?;
    }
    Ok(Memory { before, after })
}
