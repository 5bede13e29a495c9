//! What connections cost that do nothing: resident memory with thousands of them, each of which was
//! answered once and is kept.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::contestants::{Stage, request};
use crate::gateways::{self, Settings};
use crate::load::{ask, status};
use crate::options::Options;
use crate::programs::{Program, resident_bytes};
use crate::targets::{IDLE_MEMORY_MAX, Verdict};

const CONNECTIONS: usize = 10_000;
const CONNECTIONS_QUICK: usize = 2_000;
/// In which a proxy puts away what a request needed.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Resident memory of a proxy, in bytes.
struct Memory {
    before: u64,
    after: u64,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<String, String> {
    let count = if options.quick { CONNECTIONS_QUICK } else { CONNECTIONS };
    let bare = gateways::bare_program(stage, &stage.bare[1])?;
    let bare = runtime.block_on(measure(&bare, count))?;
    let gateway = gateways::gateway(stage, "gateway-idle", &Settings::default())?;
    let gateway = runtime.block_on(measure(&gateway, count))?;
    let mut text = format!(
        "### idle: resident memory with {count} idle connections\n\n\
         | | at the start, MiB | with them, MiB | bytes a connection |\n|---|---|---|---|\n"
    );
    for (name, memory) in [("bare Pingora, built as the gateway", &bare), ("**gateway**", &gateway)] {
        let grown = memory.after.saturating_sub(memory.before) / count as u64;
        let [before, after] = [memory.before, memory.after].map(|bytes| bytes as f64 / 1_048_576.0);
        writeln!(text, "| {name} | {before:.1} | {after:.1} | {grown} |").ok();
    }
    let ratio = gateway.after as f64 / bare.after as f64;
    let verdict = Verdict::at_most("× same-built bare", Some(ratio), IDLE_MEMORY_MAX);
    writeln!(text, "\nTarget: {verdict}. Each connection was answered once, and is kept open.\n").ok();
    Ok(text)
}

async fn measure(proxy: &Program, count: usize) -> Result<Memory, String> {
    let (plain, mut buffer) = (request("/public/42", None), vec![0; 16 * 1_024]);
    // The first request brings in code and pools, which are no connection's.
    drop(answered(proxy, &plain, &mut buffer).await?);
    tokio::time::sleep(SETTLE_TIME).await;
    let before = resident_bytes(proxy.pid());
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let connection = answered(proxy, &plain, &mut buffer).await;
        open.push(connection.map_err(|fault| format!("connection {number} of {count}: {fault}"))?);
    }
    tokio::time::sleep(SETTLE_TIME).await;
    let after = resident_bytes(proxy.pid());
    // They were all still there.
    for connection in open.iter_mut().step_by(97) {
        let answer = ask(connection, &plain, &mut buffer).await;
        answer.map_err(|fault| format!("an idle connection did not live: {fault}"))?;
    }
    Ok(Memory { before, after })
}

async fn answered(proxy: &Program, request: &str, buffer: &mut [u8]) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(proxy.address).await.map_err(|fault| fault.to_string())?;
    match status(ask(&mut stream, request, buffer).await?) {
        Some(200) => Ok(stream),
        other => Err(format!("expected 200, got {other:?}")),
    }
}
