//! Whether what a request costs depends on how many users there are, or how many tokens are
//! revoked; and what a revoked token takes in memory.

use std::fmt::Write as _;
use std::sync::Arc;

use gateway_identity::TokenId;
use tokio::runtime::Runtime;

use crate::clients::Protocol;
use crate::contestants::{Stage, request};
use crate::credentials::tokens;
use crate::gateways::{self, Settings, UNREACHED};
use crate::load::{Load, Slice};
use crate::options::Options;
use crate::programs::{Program, Watched, resident_bytes};
use crate::section::Section;
use crate::statistics::Spread;
use crate::support;
use crate::targets::{GROWTH_MAX, Verdict};
use crate::upstream::SOMEBODY;

const USERS: [u64; 3] = [1, 1_000, 100_000];
const REVOKED: usize = 1_000_000;
const REVOKED_QUICK: usize = 100_000;

/// A gateway of its own for each size, so that none has the state of another one.
struct Size {
    name: String,
    gateway: Program,
    load: Load,
    slices: Vec<Slice>,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let count = if options.quick { REVOKED_QUICK } else { REVOKED };
    let revoked: Vec<_> = (0..count).map(|_| TokenId::random()).collect();
    let limited = Settings { user_limit: Some(UNREACHED), ..Settings::default() };
    let mut sizes = Vec::new();
    for users in USERS {
        sizes.push(size(stage, format!("users: {users}"), users, &limited)?);
    }
    let with_revoked = Settings { revoked: &revoked, ..limited };
    sizes.push(size(stage, format!("users: 1000; revoked tokens: {count}"), 1_000, &with_revoked)?);
    // Before any request: what differs is the revoked tokens.
    let memory = |size: &Size| resident_bytes(size.gateway.pid());
    let bytes = memory(&sizes[3]).saturating_sub(memory(&sizes[1])) / count as u64;
    runtime.block_on(measure(options, &mut sizes))?;

    let mut table =
        "| | CPU µs a request (min–max) | × 1,000 users | requests/s |\n|---|---|---|---|\n".to_owned();
    let mut ratios = Vec::new();
    for size in &sizes {
        let beside = size.slices.iter().zip(&sizes[1].slices);
        let ratio = Spread::of(beside.map(|(own, middle)| own.cpu_micros() / middle.cpu_micros()));
        let cpu = Spread::of(size.slices.iter().map(Slice::cpu_micros));
        let rate = Spread::of(size.slices.iter().map(Slice::rate));
        if let (Some(ratio), Some(cpu), Some(rate)) = (ratio, cpu, rate) {
            ratios.push(ratio.median);
            writeln!(
                table,
                "| {} | {:.1} ({:.1}–{:.1}) | {:.2} | {:.0} |",
                size.name, cpu.median, cpu.low, cpu.high, ratio.median, rate.median
            )
            .ok();
        }
    }
    let range = Spread::of(ratios).map(|spread| spread.high / spread.low);
    let verdicts = vec![Verdict::at_most("dearest ÷ cheapest", range, GROWTH_MAX)];
    let remark = format!(
        "A revoked token takes {bytes} bytes of resident memory after a start (the view, pages that the store keeps, and what reading them all left behind). Each size has a gateway of its own."
    );
    let title = "growth: L3 with more users, and more revoked tokens".to_owned();
    Ok(Section { title, table, verdicts, remark })
}

fn size(stage: &Stage<'_>, name: String, users: u64, settings: &Settings<'_>) -> Result<Size, String> {
    let folder = format!("gateway-growth-{}", name.replace([' ', ';', ':'], "-"));
    let gateway = gateways::gateway(stage, &folder, settings)?;
    let tokens = tokens(&support::issuer(), users, support::now());
    let requests = tokens.iter().map(|token| request("/api/todos/42", Some(token))).collect();
    let protocol = Protocol::Http1(Arc::new(requests));
    let load =
        Load { address: gateway.address, protocol, status: 200, ends_with: SOMEBODY, content_bytes: None };
    Ok(Size { name, gateway, load, slices: Vec::new() })
}

async fn measure(options: &Options, sizes: &mut [Size]) -> Result<(), String> {
    for _ in 0..options.rounds {
        for size in &mut *sizes {
            let watched = Watched { proxy: vec![size.gateway.pid()], beside: Vec::new() };
            let slice = size.load.run(&watched, options.warm_up, options.slice).await;
            size.slices.push(slice.map_err(|fault| format!("{}: {fault}", size.name))?);
        }
    }
    Ok(())
}
