//! The gateway beside bare Pingora proxies and beside others for the same job: the same service, the
//! same load, in one run.
//!
//! What counts is the CPU time of the proxy's process for each request; requests per second
//! follow. Clients speak to loopback only, for a bounded time.
#![expect(clippy::cast_precision_loss, reason = "counts of requests and bytes are far below 2^53")]

mod bare;
mod calls;
mod certificate;
mod clients;
mod contestants;
mod counts;
mod credentials;
mod figures;
mod gateways;
mod growth;
mod guide;
mod http2;
mod idle;
mod levels;
mod load;
mod log;
mod message;
mod options;
mod overview;
mod peers;
mod picture;
mod programs;
mod race;
mod report;
mod section;
mod statistics;
mod storing;
mod storm;
#[path = "../support.rs"]
mod support;
mod targets;
mod threads;
mod upstream;

use std::fmt::Write as _;

use gateway_clock::Stopwatch;
use tokio::runtime::Runtime;

use certificate::Certificate;
use contestants::Stage;
use credentials::Credentials;
use levels::Level;
use options::{Extra, Options};
use programs::{Cores, Side};
use section::Section;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("bare") => bare::run(arguments),
        Some("upstream") => {
            upstream::run();
            Ok(())
        }
        first => match Options::parse(first.into_iter().map(str::to_owned).chain(arguments)) {
            Ok(options) => compare(&options),
            Err(fault) => {
                eprintln!("{fault}\n{}", options::USAGE);
                std::process::exit(2);
            }
        },
    };
    if let Err(fault) = outcome {
        eprintln!("{fault}");
        std::process::exit(1);
    }
}

fn compare(options: &Options) -> Result<(), String> {
    let watch = Stopwatch::start();
    let machine = report::machine();
    gateway_token::install_cryptography()?;
    rlimit::increase_nofile_limit(u64::MAX).map_err(|fault| fault.to_string())?;
    let before = options.before.as_deref().map(programs::named).transpose()?;
    let folder = tempfile::tempdir().map_err(|fault| fault.to_string())?;
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let bare = [own, programs::build_bare_mimalloc()?];
    let cores = Cores::choose();
    cores.pin(Side::Rest);
    let credentials = Credentials::make()?;
    let certificate = Certificate::make(folder.path())?;
    let upstream = gateways::upstream(cores)?;
    let redis = gateways::redis(cores, folder.path()).inspect_err(|why| eprintln!("L4 is left out: {why}"));
    let levels: Vec<_> = Level::ALL.into_iter().filter(|level| options.measures(*level)).collect();
    let stage = Stage {
        cores,
        folder: folder.path(),
        upstream: upstream.address,
        credentials: &credentials,
        certificate: &certificate,
        redis: redis.as_ref().ok(),
        levels: &levels,
        bare: &bare,
        before: before.as_deref(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| fault.to_string())?;
    let rows = if levels.is_empty() { Vec::new() } else { race::run(options, &stage, &runtime)? };
    let sections = extras(options, &stage, &runtime);

    let mut overview = String::new();
    if !rows.is_empty() {
        overview.push_str(&overview::table(&rows, &levels));
        overview.push('\n');
    }
    overview.push_str(&overview::judged(&rows, &levels, &sections));
    let mut text = format!("{machine}\n\n{}\n\n{overview}\n", report::versions());
    if !rows.is_empty() {
        text.push_str("The same with spreads, ratios of the same round, rates and latencies:\n\n");
        text.push_str(&report::tables(&rows, &levels));
        text.push_str(&report::remarks(options, cores, &rows));
        text.push('\n');
    }
    text.extend(sections.iter().map(Section::to_string));
    if programs::profile() != storing::PROFILE {
        text.push_str("**The gateway and the bare proxies were not built as they are meant to run: this run shows that everything works, and nothing else.** ");
    }
    writeln!(text, "{:.0} s in all.", watch.elapsed().as_secs_f64()).ok();
    println!("{text}");
    let picture = picture::draw(&rows, &levels, &machine).transpose()?;
    storing::store(options, &text, picture.as_deref(), &format!("{machine}\n\n{overview}"))
}

fn extras(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Vec<Section> {
    let asked = Extra::ALL.into_iter().filter(|extra| options.includes(*extra));
    let measure = |extra: Extra| {
        eprintln!("measuring {}", extra.key());
        let measured = match extra {
            Extra::Calls => calls::run(options, stage, runtime),
            Extra::Threads => threads::run(options, stage, runtime),
            Extra::Idle => idle::run(options, stage, runtime),
            Extra::Growth => growth::run(options, stage, runtime),
            Extra::Storm => storm::run(options, stage, runtime),
            Extra::Log => log::run(options, stage, runtime),
        };
        // What was measured before is not lost by it.
        measured.unwrap_or_else(|why| Section::not_measured(extra.key(), &why))
    };
    asked.map(measure).collect()
}
