//! The rounds: in each, every level in turn, the bare proxy first and then everybody else, so
//! that what else the machine does falls on all of them.

use std::collections::BTreeMap;

use tokio::runtime::Runtime;

use crate::contestants::{Contestant, Stage};
use crate::levels::{Level, Who};
use crate::load::{Load, Slice};
use crate::options::Options;
use crate::programs::Watched;

/// One line of the table: a slice for each round; or why there is none.
pub(crate) struct Row {
    pub(crate) level: Level,
    pub(crate) who: Who,
    pub(crate) slices: Result<Vec<Slice>, String>,
}

/// A row that can be measured.
struct Lane {
    load: Load,
    watched: Watched,
}

/// Starts everybody who takes part, and measures them. What one of the others cannot do leaves its
/// cells empty; what the gateway or a bare proxy does wrong ends the run.
pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Vec<Row>, String> {
    // Not in the runtime: a store may be filled before its gateway is started.
    let contestants = started(options, stage);
    runtime.block_on(measured(options, stage, &contestants))
}

type Contestants = BTreeMap<Who, Result<Contestant, String>>;

async fn measured(
    options: &Options,
    stage: &Stage<'_>,
    contestants: &Contestants,
) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut lanes = Vec::new();
    for &level in stage.levels {
        for who in level.everybody().filter(|who| options.wants(*who)) {
            let lane = match (who.lacks(level), &contestants[&who]) {
                (Some(lack), _) => Err(lack.to_owned()),
                (None, Ok(contestant)) => prepared(stage, contestant, who, level).await,
                (None, Err(why)) => Err(why.clone()),
            };
            must_work(who, level, &lane)?;
            rows.push(Row { level, who, slices: lane.as_ref().map(|_| Vec::new()).map_err(String::clone) });
            lanes.push(lane.ok());
        }
    }
    for round in 1..=options.rounds {
        for (row, lane) in rows.iter_mut().zip(&lanes) {
            let (Ok(slices), Some(lane)) = (&mut row.slices, lane) else { continue };
            match lane.load.run(&lane.watched, options.warm_up, options.slice).await {
                Ok(slice) => slices.push(slice),
                Err(fault) => {
                    row.slices = Err(fault);
                    must_work(row.who, row.level, &row.slices)?;
                }
            }
        }
        eprintln!("round {round} of {}", options.rounds);
    }
    Ok(rows)
}

fn started(options: &Options, stage: &Stage<'_>) -> Contestants {
    let mut contestants = BTreeMap::new();
    for who in Who::ALL {
        let takes_part = |level: &Level| level.everybody().any(|one| one == who);
        if options.wants(who) && stage.levels.iter().any(takes_part) {
            eprintln!("starting {}", who.name());
            let contestant = stage.start(who);
            if let Err(why) = &contestant {
                eprintln!("{} is not there: {why}", who.name());
            }
            contestants.insert(who, contestant);
        }
    }
    contestants
}

/// Whether it does what it is measured for: good tokens pass, with the identity in a header; a bad
/// signature and no token do not.
async fn prepared(
    stage: &Stage<'_>,
    contestant: &Contestant,
    who: Who,
    level: Level,
) -> Result<Lane, String> {
    if level == Level::Redis && stage.redis.is_none() && !who.is_bare() {
        return Err("there is no redis-server on this machine".to_owned());
    }
    let Some((address, watched)) = contestant.at(level, stage.redis) else {
        return Err("it has no such level".to_owned());
    };
    let load = stage.load(level, who, address);
    load.ready().await?;
    if !who.is_bare() {
        for refusal in stage.refusals(level, address) {
            refusal.probe().await.map_err(|fault| format!("it lets a bad token pass: {fault}"))?;
        }
    }
    Ok(Lane { load, watched })
}

fn must_work<T>(who: Who, level: Level, outcome: &Result<T, String>) -> Result<(), String> {
    let ours = matches!(who, Who::Bare | Who::SameBuilt | Who::Gateway | Who::LaneClosed);
    let ours = ours && (level != Level::Redis || who.is_bare());
    match outcome {
        Err(fault) if ours => Err(format!("{} at {}: {fault}", who.name(), level.key())),
        _ => Ok(()),
    }
}
