//! What a second thread costs: L3 with one thread and with two, and the bare proxy beside it.

use std::fmt::Write as _;

use tokio::runtime::Runtime;

use crate::contestants::Stage;
use crate::gateways::{self, Settings, UNREACHED};
use crate::levels::{Level, Who};
use crate::load::{Load, Slice};
use crate::options::Options;
use crate::programs::{Program, Watched, free_addresses};
use crate::section::Section;
use crate::statistics::Spread;
use crate::targets::{TWO_THREADS_MAX, Verdict};

const THREADS: [u32; 2] = [1, 2];

struct Row {
    who: Who,
    program: Program,
    load: Load,
    slices: Vec<Slice>,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let mut rows = Vec::new();
    for who in [Who::SameBuilt, Who::Gateway] {
        for threads in THREADS {
            let program = start(stage, who, threads)?;
            let load = stage.load(Level::Limited, who, program.address);
            rows.push(Row { who, program, load, slices: Vec::new() });
        }
    }
    runtime.block_on(measure(options, &mut rows))?;
    let mut table = "| | threads | CPU µs a request (min–max) | × one thread | requests/s | cores busy |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    let mut verdicts = Vec::new();
    for pair in rows.chunks(THREADS.len()) {
        for (row, threads) in pair.iter().zip(THREADS) {
            let of = |figure: fn(&Slice) -> f64| Spread::of(row.slices.iter().map(figure));
            let beside = row.slices.iter().zip(&pair[0].slices);
            let ratio = Spread::of(beside.map(|(own, one)| own.cpu_micros() / one.cpu_micros()));
            let ratio = ratio.map(|ratio| ratio.median);
            let name = if row.who == Who::Gateway { "**gateway**" } else { row.who.name() };
            if let (Some(cpu), Some(rate), Some(busy)) =
                (of(Slice::cpu_micros), of(Slice::rate), of(Slice::busy))
            {
                writeln!(
                    table,
                    "| {name} | {threads} | {:.1} ({:.1}–{:.1}) | {:.2} | {:.0} | {:.2} |",
                    cpu.median,
                    cpu.low,
                    cpu.high,
                    ratio.unwrap_or_default(),
                    rate.median,
                    busy.median / 100.0
                )
                .ok();
            }
            if row.who == Who::Gateway && threads == 2 {
                verdicts.push(Verdict::at_most("two threads ÷ one", ratio, TWO_THREADS_MAX));
            }
        }
    }
    let remark = if stage.cores.are_three() {
        "The proxy has two cores for itself, with one thread and with two; load and service share a third one."
    } else {
        "There are but two cores here: the proxy may use both, with one thread and with two, and load and service share one of them with it. What is slower for want of cores is slower for both."
    };
    let title = "two threads: L3 with one thread and with two".to_owned();
    Ok(Section { title, table, verdicts, remark: remark.to_owned() })
}

fn start(stage: &Stage<'_>, who: Who, threads: u32) -> Result<Program, String> {
    if who == Who::SameBuilt {
        return gateways::bare_program(stage, &stage.bare[1], Some(threads), free_addresses());
    }
    let settings = Settings { threads: Some(threads), user_limit: Some(UNREACHED), ..Settings::default() };
    gateways::gateway(stage, &format!("gateway-threads-{threads}"), &settings)
}

async fn measure(options: &Options, rows: &mut [Row]) -> Result<(), String> {
    for _ in 0..options.rounds {
        for row in &mut *rows {
            let watched = Watched { proxy: vec![row.program.pid()], beside: Vec::new() };
            row.slices.push(row.load.run(&watched, options.warm_up, options.slice).await?);
        }
    }
    Ok(())
}
