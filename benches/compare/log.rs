//! What the access log costs: L3 with a line of JSON to a file for each request, and without.

use std::fmt::Write as _;
use std::path::PathBuf;

use tokio::runtime::Runtime;

use crate::contestants::Stage;
use crate::gateways::{self, Build, Settings, UNREACHED};
use crate::levels::{Level, Who};
use crate::load::{Load, Slice};
use crate::options::Options;
use crate::programs::{Program, Watched};
use crate::section::Section;
use crate::statistics::Spread;
use crate::targets::{LOG_MICROS_MAX, Verdict};

/// No line is shorter.
const LINE_BYTES_MIN: u64 = 100;

/// A gateway with its log, and one without.
struct Pair {
    who: Who,
    sides: [Side; 2],
}

struct Side {
    gateway: Program,
    load: Load,
    logs: bool,
    /// What it says, emptied now and then, so that no disk is filled.
    said: PathBuf,
    slices: Vec<Slice>,
}

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let mut pairs = vec![pair(stage, Who::Gateway, Build::Ours)?];
    if let Ok(before) = stage.before() {
        pairs.push(pair(stage, Who::Before, before)?);
    }
    runtime.block_on(measure(options, &mut pairs))?;
    let mut table =
        "| | CPU µs a request without (min–max) | with (min–max) | more |\n|---|---|---|---|\n".to_owned();
    let mut verdicts = Vec::new();
    for Pair { who, sides: [without, with] } in &pairs {
        let of = |side: &Side| {
            let cpu = Spread::of(side.slices.iter().map(Slice::cpu_micros));
            cpu.map_or(String::new(), |cpu| format!("{:.1} ({:.1}–{:.1})", cpu.median, cpu.low, cpu.high))
        };
        let rounds = with.slices.iter().zip(&without.slices);
        let more = Spread::of(rounds.map(|(with, without)| with.cpu_micros() - without.cpu_micros()));
        let more = more.map(|more| more.median);
        let name = if *who == Who::Gateway { "**gateway**" } else { who.name() };
        writeln!(table, "| {name} | {} | {} | {:.1} |", of(without), of(with), more.unwrap_or_default()).ok();
        if *who == Who::Gateway {
            verdicts.push(Verdict::at_most("µs more", more, LOG_MICROS_MAX));
        }
    }
    let title = "log: L3 with a line of JSON for each request, to a file".to_owned();
    let remark = "The difference is taken within a round.".to_owned();
    Ok(Section { title, table, verdicts, remark })
}

fn pair(stage: &Stage<'_>, who: Who, build: Build<'_>) -> Result<Pair, String> {
    let side = |logs: bool| {
        let name = format!("{}-log-{}", who.key(), if logs { "on" } else { "off" });
        let settings = Settings { build, logs, user_limit: Some(UNREACHED), ..Settings::default() };
        let gateway = gateways::gateway(stage, &name, &settings)?;
        let load = stage.load(Level::Limited, who, gateway.address);
        let said = stage.folder.join(&name).join("said");
        Ok::<_, String>(Side { gateway, load, logs, said, slices: Vec::new() })
    };
    Ok(Pair { who, sides: [side(false)?, side(true)?] })
}

async fn measure(options: &Options, pairs: &mut [Pair]) -> Result<(), String> {
    for _ in 0..options.rounds {
        for side in pairs.iter_mut().flat_map(|pair| &mut pair.sides) {
            let watched = Watched { proxy: vec![side.gateway.pid()], beside: Vec::new() };
            let slice = side.load.run(&watched, options.warm_up, options.slice).await?;
            let said = std::fs::metadata(&side.said).map_err(|fault| fault.to_string())?.len();
            if side.logs && said < slice.requests * LINE_BYTES_MIN {
                return Err("the access log has fewer lines than there were answers".to_owned());
            }
            side.slices.push(slice);
            std::fs::File::create(&side.said).map_err(|fault| fault.to_string())?;
        }
    }
    Ok(())
}
