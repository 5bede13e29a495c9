//! `gateway bench`: what authentication costs on an operator's own installation.
//!
//! A level is one way to the service: to itself, through a public route, through a protected one.
//! All levels are put under the same load in turn, round by round, and compared within each round.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![expect(
    clippy::indexing_slicing,
    reason = "a command answers one person, and measures with tables of its own"
)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod connection;
mod derive;
mod explain;
mod json_output;
mod level;
mod measured;
mod notes;
mod pace;
mod place;
mod plan;
mod price;
mod progress;
mod slice;
mod text_output;
mod timer;
mod tokens;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgGroup;

use gateway_command::Failure;
use measured::{Measured, Summary};
use place::{Place, Trust};
use plan::{Named, Plan};
use price::{Price, prices};
use slice::{Aimed, measure};

/// How long each level is warmed up; less where its slices are shorter.
const WARM_UP_MAX: Duration = Duration::from_secs(1);

const MORE: &str = "\
Whose tokens: they are minted with the signing keys of the configuration, so this must run as \
somebody who may read them. They are for users with the highest ids that there can be \
(9007199254740991 and downwards), who have no accounts: nobody's limits are used up. The service \
sees GET requests with these identities. The tokens end a minute after the measurement and are \
never shown.

Without --path, --public-path and --against, the levels are derived from the configuration: the \
service itself, the first public route, the first protected route without a limit, and the first \
with one.

It is a load test: without --rate it takes all that the gateway and the service have.

Ends with 0 when all answers were 2xx and within the thresholds, 3 when a threshold was missed, 1 \
when there were other answers or it could not be measured, 2 when it was called wrongly, 78 when \
the configuration is wrong. docs/bench.md says how to read the figures.";

#[derive(clap::Args)]
#[command(after_long_help = MORE, group = ArgGroup::new("whose").args(["config", "tokens"]).required(true).multiple(true))]
pub struct Arguments {
    /// The configuration of the running gateway: its routes, and the keys that tokens are signed by
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the gateway is; by default where the configuration says that it listens
    #[arg(long, value_name = "URL", value_parser = Place::parse)]
    url: Option<Place>,
    /// A path through the gateway, asked with a token; can be given several times
    #[arg(long, value_name = "[NAME=]PATH", value_parser = Named::parse)]
    path: Vec<Named>,
    /// A path through the gateway, asked without a token; can be given several times
    #[arg(long, value_name = "[NAME=]PATH", value_parser = Named::parse)]
    public_path: Vec<Named>,
    /// The same resource at the service itself, asked without a token
    #[arg(long, value_name = "URL", value_parser = Place::parse)]
    direct: Option<Place>,
    /// Another gateway that takes the same tokens; can be given several times
    #[arg(long, value_name = "NAME=URL", value_parser = Named::parse)]
    against: Vec<Named>,
    /// The host that the paths are asked for
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// For so many users tokens are minted, 1 to 1000000
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    /// Tokens to use instead, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    tokens: Option<PathBuf>,
    /// Connections, 1 to 20000, each with one request at a time
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Requests a second, at fixed times (open loop); without it each connection asks as soon as it
    /// was answered (closed loop)
    #[arg(long, value_name = "COUNT", value_parser = plan::rate)]
    rate: Option<f64>,
    /// How long each level is measured, over all rounds
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = plan::span)]
    duration: Duration,
    /// In how many rounds, 5 to 1000: fewer could not be told from the noise
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..=1_000))]
    rounds: u32,
    /// Threads that make the requests, 1 to 64; by default half of the cores, and 4 at most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = plan::span)]
    timeout: Duration,
    #[command(flatten)]
    trust: Trust,
    /// End with 3 when the 99th percentile of a level through a gateway is above this
    #[arg(long, value_name = "TIME", value_parser = plan::span)]
    max_p99: Option<Duration>,
    /// End with 3 when a protected level costs more than this over the public one, or else over the
    /// service itself (median of the rounds, at the 50th percentile)
    #[arg(long, value_name = "TIME", requires = "rate", value_parser = plan::span)]
    max_price: Option<Duration>,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// How hard a level is asked.
struct Load {
    connections: u32,
    threads: u32,
    /// Requests a second; none in a closed loop.
    rate: Option<f64>,
    timeout: Duration,
}

/// Everything that was found out.
struct Outcome {
    plan: Plan,
    /// Of each round, the levels in their order.
    rounds: Vec<Vec<Summary>>,
    /// The levels over all rounds.
    totals: Vec<Measured>,
    prices: Vec<Price>,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    // What a limit of open files would break breaks clearly.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let plan = plan::make(&arguments)?;
    for note in &plan.notes {
        eprintln!("note: {note}");
    }
    let mut progress = progress::Progress::new(&plan);
    let slice = |aimed: &Aimed, round, span, progress: &mut progress::Progress| {
        progress.begin(round, &aimed.level.name);
        measure(aimed, &plan.load, span, |answered| progress.tick(answered)).map_err(Failure::Other)
    };
    let mut warmed = Vec::new();
    for aimed in &plan.levels {
        warmed.push(slice(aimed, 0, plan.slice.min(WARM_UP_MAX), &mut progress)?);
    }
    if let Some(hopeless) = warmed.iter().position(|measured| measured.good() == 0) {
        progress.end();
        return Err(verdict::hopeless(&plan.levels[hopeless].level, &warmed[hopeless]));
    }
    let mut totals: Vec<_> = plan.levels.iter().map(|_| Measured::new()).collect();
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        let mut summaries: Vec<_> = plan.levels.iter().map(|_| None).collect();
        let mut order: Vec<usize> = (0..plan.levels.len()).collect();
        // There and back, so that no level is always the one behind another.
        if round % 2 == 0 {
            order.reverse();
        }
        for index in order {
            let measured = slice(&plan.levels[index], round, plan.slice, &mut progress)?;
            totals[index].after(&measured);
            summaries[index] = Some(measured.summary());
        }
        rounds.push(summaries.into_iter().flatten().collect::<Vec<_>>());
    }
    progress.end();
    let prices = prices(&plan.levels, &rounds, plan.load.rate.is_none());
    let outcome = Outcome { plan, rounds, totals, prices };
    let notes = notes::after(&outcome);
    let verdict = verdict::judge(&outcome, arguments.max_p99, arguments.max_price);
    if arguments.json {
        json_output::print(&outcome, &notes, &verdict);
    } else {
        text_output::print(&outcome, &verdict);
        for note in &notes {
            eprintln!("note: {note}");
        }
    }
    verdict.end()
}
